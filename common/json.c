#include "json.h"

#include <stdarg.h>
#include <string.h>

#include "utf8.h"

/* put - json_object_put() as arena_defer() wants it */
static void
put(void *document)
{
	json_object_put(document);
}

/*
 * strict_len - how many bytes are free of what json-c lets pass though it is no
 * JSON: overlong UTF-8 and surrogates, which PostgreSQL would refuse (Unicode,
 * table 3-7); control characters in a string; NaN, Infinity and 'single' quotes.
 */
static size_t
strict_len(const char *text, size_t len)
{
	bool in_string = false, escaped = false;
	size_t step, at;

	for (at = 0; at < len; at += step) {
		unsigned char c = (unsigned char)text[at];

		step = utf8_char(text + at, len - at);
		if (step == 0 || (in_string && c < ' ') ||
		    (!in_string && (c == 'N' || c == 'I' || c == '\'')))
			break;
		if (c == '"' && !escaped)
			in_string = !in_string;
		escaped = in_string && c == '\\' && !escaped;
	}
	return at;
}

/* json_parse - where it is wrong does not matter */
enum rc
json_parse(
    struct arena *arena, const char *text, size_t len, json_object **document)
{
	size_t wrong_at;

	return json_parse_at(arena, text, len, document, &wrong_at);
}

/* json_parse_at - one value and nothing after it */
enum rc
json_parse_at(struct arena *arena, const char *text, size_t len,
    json_object **document, size_t *wrong_at)
{
	json_tokener *tokener;
	enum json_tokener_error error;
	size_t end;

	*document = NULL;
	if (len > INT32_MAX)
		return RC_TOO_LARGE;
	*wrong_at = strict_len(text, len);
	if (*wrong_at != len)
		return RC_BAD_REQUEST;
	tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
	if (tokener == NULL)
		return RC_INTERNAL;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	*document = json_tokener_parse_ex(tokener, text, (int)len);
	error = json_tokener_get_error(tokener);
	end = json_tokener_get_parse_end(tokener);
	json_tokener_free(tokener);
	while (end < len && strchr(" \t\r\n", text[end]) != NULL &&
	    text[end] != '\0')
		end++;
	if (error != json_tokener_success || end != len) {
		*wrong_at = end;
		json_object_put(*document);
		*document = NULL;
		return RC_BAD_REQUEST;
	}
	if (arena_defer(arena, put, *document) != 0) {
		*document = NULL;
		return RC_TOO_LARGE;
	}
	return RC_OK;
}

/* json_member - one step down */
json_object *
json_member(json_object *object, const char *key)
{
	json_object *member;

	if (!json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, key, &member))
		return NULL;
	return member;
}

/* json_path - several steps down */
json_object *
json_path(json_object *object, ...)
{
	const char *key;
	va_list keys;

	va_start(keys, object);
	while (object != NULL && (key = va_arg(keys, const char *)) != NULL)
		object = json_member(object, key);
	va_end(keys);
	return object;
}

/* string_value - the text of a string that can go into the database */
static enum rc
string_value(json_object *member, size_t max, const char **value)
{
	size_t len;

	if (!json_object_is_type(member, json_type_string))
		return RC_BAD_REQUEST;
	len = (size_t)json_object_get_string_len(member);
	*value = json_object_get_string(member);
	if (len > max || strlen(*value) != len) {
		*value = NULL;
		return RC_BAD_REQUEST;
	}
	return RC_OK;
}

/* json_string - a member that is a string of the usual size */
enum rc
json_string(json_object *object, const char *key, const char **value)
{
	return json_string_max(object, key, JSON_STRING_MAX, value);
}

/* json_string_max - a member that is a string */
enum rc
json_string_max(
    json_object *object, const char *key, size_t max, const char **value)
{
	json_object *member = json_member(object, key);

	*value = NULL;
	if (member == NULL)
		return RC_NOT_FOUND;
	return string_value(member, max, value);
}

/* json_integer - a member that is a whole number in a range */
enum rc
json_integer(json_object *object, const char *key, int64_t min, int64_t max,
    int64_t *value)
{
	json_object *member = json_member(object, key);
	int64_t number;

	if (member == NULL)
		return RC_NOT_FOUND;
	if (!json_object_is_type(member, json_type_int))
		return RC_BAD_REQUEST;
	number = json_object_get_int64(member); /* saturates */
	if (number < min || number > max)
		return RC_BAD_REQUEST;
	*value = number;
	return RC_OK;
}

/* json_boolean - a member that is true or false */
enum rc
json_boolean(json_object *object, const char *key, bool *value)
{
	json_object *member = json_member(object, key);

	if (member == NULL)
		return RC_NOT_FOUND;
	if (!json_object_is_type(member, json_type_boolean))
		return RC_BAD_REQUEST;
	*value = json_object_get_boolean(member);
	return RC_OK;
}

/* json_id - a member that is an id or the object itself */
enum rc
json_id(json_object *object, const char *key, const char **value)
{
	json_object *member = json_member(object, key);
	enum rc rc;

	rc = json_object_is_type(member, json_type_object) ?
	    json_string(member, "id", value) :
	    json_string(object, key, value);
	if (member != NULL && (rc != RC_OK || **value == '\0')) {
		*value = NULL;
		return RC_BAD_REQUEST;
	}
	return rc;
}
