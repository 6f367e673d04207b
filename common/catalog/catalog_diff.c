#include "catalog/catalog_diff.h"

#include <string.h>

#include "base/json.h"
#include "base/table.h"

/* Where the lines go. */
struct diff {
	struct arena *arena;
	FILE *out;
	bool differs;
};

/* put_line - of one side, unless it says nothing */
static void
put_line(struct diff *diff, char sign, const char *place, json_object *value)
{
	if (value == NULL)
		return;
	diff->differs = true;
	putc(sign, diff->out);
	table_text(place, diff->out);
	putc(' ', diff->out);
	table_text(json_object_to_json_string_ext(value,
		       JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
	    diff->out);
	putc('\n', diff->out);
}

/* put - for arena_defer() */
static void
put(void *object)
{
	json_object_put(object);
}

/* by_name - a list as an object: a price under its id, the rest under itself */
static json_object *
by_name(struct arena *arena, json_object *list)
{
	json_object *object = json_object_new_object();

	if (arena_defer(arena, put, object) != 0)
		return NULL;
	for (size_t i = 0; i < json_length(list); i++) {
		json_object *one = json_object_array_get_idx(list, i);
		const char *name;

		if (json_string(one, "price", &name) != RC_OK)
			name = json_object_is_type(one, json_type_string) ?
			    json_object_get_string(one) :
			    json_object_to_json_string_ext(
				one, JSON_C_TO_STRING_PLAIN);
		json_object_object_add(object, name, json_object_get(one));
	}
	return object;
}

static void compare(
    struct diff *diff, const char *place, json_object *old, json_object *new);

/* inside - the place of a member of what is at a place */
static const char *
inside(struct diff *diff, const char *place, bool list, const char *name)
{
	if (list)
		return arena_printf(diff->arena, "%s[%s]", place, name);
	return arena_printf(
	    diff->arena, "%s%s%s", place, *place != '\0' ? "." : "", name);
}

/* compare_members - of two objects: what the old one has, then what is new */
static void
compare_members(struct diff *diff, const char *place, bool list,
    json_object *old, json_object *new)
{
	const struct json_entry *entry;

	for (entry = json_first(old); entry; entry = json_next(entry))
		compare(diff, inside(diff, place, list, json_key(entry)),
		    json_value(entry), json_member(new, json_key(entry)));
	for (entry = json_first(new); entry; entry = json_next(entry)) {
		if (json_member(old, json_key(entry)) == NULL)
			compare(diff,
			    inside(diff, place, list, json_key(entry)), NULL,
			    json_value(entry));
	}
}

/* compare - what is at a place; NULL: nothing is, or no memory for the place */
static void
compare(
    struct diff *diff, const char *place, json_object *old, json_object *new)
{
	if (place == NULL || json_object_equal(old, new))
		return;
	if (json_object_is_type(old, json_type_object) &&
	    json_object_is_type(new, json_type_object))
		compare_members(diff, place, false, old, new);
	else if (json_object_is_type(old, json_type_array) &&
	    json_object_is_type(new, json_type_array))
		compare_members(diff, place, true, by_name(diff->arena, old),
		    by_name(diff->arena, new));
	else {
		put_line(diff, '-', place, old);
		put_line(diff, '+', place, new);
	}
}

/* names - of the members that the other object has too, in their order */
static json_object *
names(struct arena *arena, json_object *object, json_object *other)
{
	json_object *list = json_object_new_array();
	const struct json_entry *entry;

	if (arena_defer(arena, put, list) != 0)
		return NULL;
	for (entry = json_first(object); entry; entry = json_next(entry)) {
		if (json_member(other, json_key(entry)) != NULL)
			json_object_array_add(
			    list, json_object_new_string(json_key(entry)));
	}
	return list;
}

/* catalog_diff - from the top, and the order of plans */
bool
catalog_diff(struct arena *arena, json_object *old, json_object *new, FILE *out)
{
	struct diff diff = { .arena = arena, .out = out };
	json_object *old_plans = json_member(old, "plans");
	json_object *new_plans = json_member(new, "plans");
	json_object *before = names(arena, old_plans, new_plans);
	json_object *after = names(arena, new_plans, old_plans);

	compare(&diff, "", old, new);
	if (!json_object_equal(before, after)) {
		put_line(&diff, '-', "order of plans", before);
		put_line(&diff, '+', "order of plans", after);
	}
	return diff.differs;
}
