/*
 * json.h - reading JSON that somebody else wrote.
 *
 * The getters never trust a type: a member that is missing or null is
 * RC_NOT_FOUND, one of a wrong type or range is RC_BAD_REQUEST. Strings with a
 * NUL inside count as wrong. What they return belongs to the document.
 */
#ifndef PAYDESK_JSON_H
#define PAYDESK_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/json_grammar.h"
#include "base/rc.h"

#define JSON_STRING_MAX 1024 /* bytes of a string that a getter returns */

/* The latest moment that a timestamp may name: the end of the year 9999. */
#define JSON_TIME_MAX INT64_C(253402300799)

/*
 * Parses all len bytes as one JSON object or array, as json_grammar() has it.
 * The document goes with the arena. RC_BAD_REQUEST: it is
 * none; RC_TOO_LARGE: the arena is used up.
 */
enum rc json_parse(struct arena *arena, const char *text, size_t len,
    json_object **document) MUST_CHECK;

/*
 * The same; on RC_BAD_REQUEST *wrong_at is how many bytes could have begun one.
 */
enum rc json_parse_at(struct arena *arena, const char *text, size_t len,
    json_object **document, size_t *wrong_at) MUST_CHECK;

/* How many elements a list has; 0 for anything else. */
size_t json_length(json_object *list);

/* The member; NULL when object is no object, or the member missing or null. */
json_object *json_member(json_object *object, const char *key);

/* json_member() along several keys; the list ends with NULL. */
json_object *json_path(json_object *object, ...) __attribute__((sentinel));

/*
 * Walks the members of an object, none of anything else; json-c's own loop is no
 * standard C. The object must not be changed meanwhile.
 *   for (const struct json_entry *e = json_first(object); e; e = json_next(e))
 *           … json_key(e), json_value(e) …
 */
struct json_entry;
const struct json_entry *json_first(json_object *object);
const struct json_entry *json_next(const struct json_entry *entry);
const char *json_key(const struct json_entry *entry);
json_object *json_value(const struct json_entry *entry);

enum rc json_string(
    json_object *object, const char *key, const char **value) MUST_CHECK;

/* The same with another maximum than JSON_STRING_MAX. */
enum rc json_string_max(json_object *object, const char *key, size_t max,
    const char **value) MUST_CHECK;

enum rc json_integer(json_object *object, const char *key, int64_t min,
    int64_t max, int64_t *value) MUST_CHECK;
enum rc json_boolean(
    json_object *object, const char *key, bool *value) MUST_CHECK;

/* An id, never empty: the string itself, or the "id" of an expanded object. */
enum rc json_id(
    json_object *object, const char *key, const char **value) MUST_CHECK;

/* Adds a member that is a string, or null when the text is NULL. */
void json_add_text(json_object *object, const char *key, const char *text);

/*
 * Prints a document for people and programs, with a line's end. json-c's
 * releases differ in the blanks of empty arrays and objects.
 */
void json_print(json_object *document, FILE *out);

#endif
