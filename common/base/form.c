#include "base/form.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/percent.h"
#include "base/utf8.h"

struct form {
	struct form_field *fields;
	size_t count;
};

/* hex - the value of a digit; -1 when it is none */
static int
hex(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

/* decode - what text stands for, written to *out, which moves past its NUL */
static const char *
decode(const char *text, size_t len, char **out, size_t *out_len)
{
	char *start = *out, *to = start;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '%' && len - i > 2 && hex(text[i + 1]) >= 0 &&
		    hex(text[i + 2]) >= 0) {
			*to++ = (char)(hex(text[i + 1]) * 16 +
			    hex(text[i + 2]));
			i += 2;
		} else
			*to++ = text[i] == '+' ? ' ' : text[i];
	}
	*out_len = (size_t)(to - start);
	*to++ = '\0';
	*out = to;
	return start;
}

/* count_pairs - how many fields there can be at most */
static size_t
count_pairs(const char *text, size_t len)
{
	size_t count = len > 0;

	for (size_t i = 0; i < len; i++)
		count += text[i] == '&';
	return count;
}

/* form_parse - all of it */
enum rc
form_parse(
    struct arena *arena, const char *text, size_t len, struct form **form)
{
	const char *end = text + len, *pair_end, *equals;
	size_t pairs = count_pairs(text, len);
	struct form_field *field;
	char *room;

	if (pairs > FORM_FIELDS_MAX)
		return RC_BAD_REQUEST;
	*form = arena_alloc(arena, sizeof **form);
	room = arena_alloc(arena, len + 2 * pairs + 1);
	if (*form == NULL || room == NULL)
		return RC_TOO_LARGE;
	(*form)->fields = arena_alloc(arena, (pairs + 1) * sizeof *field);
	if ((*form)->fields == NULL)
		return RC_TOO_LARGE;
	for (; text < end; text = pair_end + 1) {
		pair_end = memchr(text, '&', (size_t)(end - text));
		if (pair_end == NULL)
			pair_end = end;
		if (pair_end == text)
			continue;
		equals = memchr(text, '=', (size_t)(pair_end - text));
		if (equals == NULL)
			equals = pair_end;
		field = &(*form)->fields[(*form)->count++];
		field->key = decode(
		    text, (size_t)(equals - text), &room, &field->key_len);
		equals += equals < pair_end;
		field->value = decode(equals, (size_t)(pair_end - equals),
		    &room, &field->value_len);
	}
	return RC_OK;
}

/* find - the next field whose name is key, or begins with it */
static const struct form_field *
find(const struct form *form, const char *key, bool prefix,
    const struct form_field *after)
{
	const struct form_field *end = form->fields + form->count;
	const struct form_field *field;
	size_t len = strlen(key);

	field = after == NULL ? form->fields : after + 1;
	for (; field < end; field++) {
		if ((prefix ? field->key_len > len : field->key_len == len) &&
		    memcmp(field->key, key, len) == 0)
			return field;
	}
	return NULL;
}

/* form_next - by exact name */
const struct form_field *
form_next(
    const struct form *form, const char *key, const struct form_field *after)
{
	return find(form, key, false, after);
}

/* form_prefixed - by how the name begins */
const struct form_field *
form_prefixed(
    const struct form *form, const char *prefix, const struct form_field *after)
{
	return find(form, prefix, true, after);
}

/* form_text - what can be used as a string */
enum rc
form_text(const struct form_field *field, const char **value)
{
	*value = NULL;
	if (field == NULL || field->value_len == 0)
		return RC_NOT_FOUND;
	if (field->value_len > FORM_TEXT_MAX ||
	    !utf8_valid(field->value, field->value_len))
		return RC_BAD_REQUEST;
	*value = field->value;
	return RC_OK;
}

/* form_printable - %XX for what is not printable ASCII */
const char *
form_printable(struct arena *arena, const char *text, size_t len)
{
	char *copy = arena_alloc(arena, PERCENT_GROWTH * len + 1);

	if (copy != NULL)
		*percent_encode(copy, text, len, isgraph) = '\0';
	return copy;
}
