#include "licence/gumroad.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mail_address.h"

#define ID_MAX 200 /* bytes of an id */

/* A form being read. */
struct reader {
	struct arena *arena;
	const struct form *form;
	struct gumroad_event *event;
	const char *problem; /* the first; NULL: none so far */
};

/* complain - note the first problem */
static void
complain(struct reader *reader, const char *name, const char *what)
{
	if (reader->problem == NULL)
		reader->problem = arena_printf(
		    reader->arena, "%s %s", name, what);
	if (reader->problem == NULL)
		reader->problem = "out of memory";
}

/* same_value - byte for byte */
static bool
same_value(const struct form_field *a, const struct form_field *b)
{
	return a->value_len == b->value_len &&
	    memcmp(a->value, b->value, a->value_len) == 0;
}

/*
 * find_real - the field that Gumroad itself wrote. One that a custom field of
 * the same name may have overwritten is none: *shadowed. When both came, the
 * real one is the first, as Gumroad writes its own fields first.
 */
static const struct form_field *
find_real(struct reader *reader, const char *name, bool *shadowed)
{
	const struct form_field *field, *custom, *next;
	const char *custom_name;

	*shadowed = false;
	field = form_next(reader->form, name, NULL);
	custom_name = arena_printf(reader->arena, "custom_fields[%s]", name);
	if (field == NULL || custom_name == NULL)
		return field;
	custom = form_next(reader->form, custom_name, NULL);
	next = form_next(reader->form, name, field);
	if (custom == NULL || !same_value(field, custom) || next != NULL)
		return field;
	*shadowed = true;
	return NULL;
}

/* find_late - one that Gumroad writes after the custom fields: the last wins */
static const struct form_field *
find_late(struct reader *reader, const char *name)
{
	const struct form_field *field = NULL, *next;

	while ((next = form_next(reader->form, name, field)) != NULL)
		field = next;
	return field;
}

/* optional - a text that may be missing; a shadowed one is */
static const char *
optional(struct reader *reader, const char *name)
{
	const char *value;
	bool shadowed;

	if (form_text(find_real(reader, name, &shadowed), &value) ==
	    RC_BAD_REQUEST)
		complain(reader, name, "is not valid UTF-8, or is too long");
	return value;
}

/* identity - a text on which it depends what is minted */
static const char *
identity(struct reader *reader, const char *name, bool required)
{
	const struct form_field *field;
	const char *value;
	bool shadowed;

	field = find_real(reader, name, &shadowed);
	if (shadowed)
		complain(reader, name,
		    "was overwritten by a custom field of that name: rename "
		    "the custom field at Gumroad");
	else if (form_text(field, &value) == RC_BAD_REQUEST)
		complain(reader, name, "is not valid UTF-8, or is too long");
	else if (value == NULL && required)
		complain(reader, name, "is missing");
	else if (value != NULL && strlen(value) > ID_MAX &&
	    strcmp(name, "email") != 0)
		complain(reader, name, "is too long");
	else
		return value;
	return NULL;
}

/* late - a text that no custom field can overwrite */
static const char *
late(struct reader *reader, const char *name)
{
	const char *value;

	if (form_text(find_late(reader, name), &value) == RC_BAD_REQUEST)
		complain(reader, name, "is not valid UTF-8, or is too long");
	return value;
}

/* is_true - Gumroad writes booleans in full */
static bool
is_true(const char *value)
{
	return value != NULL && strcmp(value, "true") == 0;
}

/* looks_like_time - 2021-01-05T19:38:56Z, with a fraction or an offset */
static bool
looks_like_time(const char *text)
{
	static const char pattern[] = "dddd-dd-ddTdd:dd:dd";
	size_t i;

	for (i = 0; pattern[i] != '\0'; i++) {
		if (pattern[i] == 'd' ? !isdigit((unsigned char)text[i]) :
					text[i] != pattern[i])
			return false;
	}
	text += i;
	if (*text == '.')
		text += 1 + strspn(text + 1, "0123456789");
	if (strcmp(text, "Z") == 0)
		return true;
	return (*text == '+' || *text == '-') && strlen(text) == 6 &&
	    isdigit((unsigned char)text[1]) &&
	    isdigit((unsigned char)text[2]) && text[3] == ':' &&
	    isdigit((unsigned char)text[4]) && isdigit((unsigned char)text[5]);
}

/* moment - a time that may be missing */
static const char *
moment(struct reader *reader, const char *name)
{
	const char *value = optional(reader, name);

	if (value == NULL || looks_like_time(value))
		return value;
	complain(reader, name, "is not a time like 2021-01-05T19:38:56Z");
	return NULL;
}

/* read_amount - Gumroad's price, which may be missing */
static void
read_amount(struct reader *reader)
{
	const char *value = optional(reader, "price");

	reader->event->amount_cents = -1;
	if (value == NULL)
		return;
	if (strlen(value) > 10 || strspn(value, "0123456789") != strlen(value))
		complain(reader, "price", "is not a whole number of cents");
	else
		reader->event->amount_cents = strtoll(value, NULL, 10);
}

/* last_segment - QMGY of https://seller.gumroad.com/l/QMGY */
static const char *
last_segment(const char *url)
{
	const char *slash = url != NULL ? strrchr(url, '/') : NULL;

	return slash != NULL && slash[1] != '\0' ? slash + 1 : NULL;
}

/* add_name - to a list that ends with NULL */
static void
add_name(const char *names[GUMROAD_NAMES_MAX], const char *name)
{
	size_t i = 0;

	while (names[i] != NULL)
		i++;
	if (name != NULL && i < GUMROAD_NAMES_MAX - 1)
		names[i] = name;
}

/*
 * read_products - every name of the product that can be believed. Whoever sells
 * one under a custom field called product_id has the other names.
 */
static void
read_products(struct reader *reader)
{
	struct gumroad_event *event = reader->event;

	add_name(event->products, optional(reader, "product_id"));
	add_name(event->products, optional(reader, "permalink"));
	add_name(event->products, optional(reader, "short_product_id"));
	add_name(event->products,
	    last_segment(optional(reader, "product_permalink")));
	if (event->products[0] == NULL)
		complain(reader, "product_id", "is missing");
}

/* read_variants - variants[Tier]=Premium and its like */
static void
read_variants(struct reader *reader)
{
	const struct form_field *field = NULL;
	const char *value;

	while (
	    (field = form_prefixed(reader->form, "variants[", field)) != NULL) {
		if (form_text(field, &value) == RC_OK)
			add_name(reader->event->plans, value);
	}
}

/* read_sale - a sale, or what happened to it */
static void
read_sale(struct reader *reader)
{
	struct gumroad_event *event = reader->event;

	event->sale = identity(reader, "sale_id", true);
	event->subscription = identity(reader, "subscription_id", false);
	event->order = event->sale;
	event->at = moment(reader, "sale_timestamp");
	event->refunded = is_true(late(reader, "refunded"));
	if (strcmp(event->resource, "sale") != 0)
		return;
	event->email = identity(reader, "email", true);
	if (event->email != NULL && !mail_address_valid(event->email))
		complain(reader, "email", "is not an e-mail address");
	read_products(reader);
	read_variants(reader);
	read_amount(reader);
	event->name = optional(reader, "full_name");
	event->product_name = optional(reader, "product_name");
	event->currency = optional(reader, "currency");
	event->offer_code = optional(reader, "offer_code");
	event->test = is_true(optional(reader, "test"));
	event->recurrence = late(reader, "recurrence");
}

/* read_subscription - what happened to a membership */
static void
read_subscription(struct reader *reader)
{
	static const struct {
		const char *resource, *time;
	} times[] = {
		{ "cancellation", "cancelled_at" },
		{ "subscription_ended", "ended_at" },
		{ "subscription_restarted", "restarted_at" },
		{ "subscription_updated", "effective_as_of" },
	};
	struct gumroad_event *event = reader->event;

	event->subscription = identity(reader, "subscription_id", true);
	event->order = event->subscription;
	event->reason = optional(reader, "ended_reason");
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		if (strcmp(event->resource, times[i].resource) == 0)
			event->at = moment(reader, times[i].time);
	}
	if (strcmp(event->resource, "subscription_updated") == 0) {
		read_products(reader);
		add_name(event->plans, optional(reader, "new_plan[tier][id]"));
		add_name(
		    event->plans, optional(reader, "new_plan[tier][name]"));
		if (event->plans[0] == NULL)
			complain(reader, "new_plan[tier]", "is missing");
	}
}

/* What is delivered, and what that is about. */
static const struct {
	const char *resource;
	void (*read)(struct reader *reader);
} readers[] = {
	{ "sale", read_sale },
	{ "refund", read_sale },
	{ "dispute", read_sale },
	{ "dispute_won", read_sale },
	{ "cancellation", read_subscription },
	{ "subscription_updated", read_subscription },
	{ "subscription_ended", read_subscription },
	{ "subscription_restarted", read_subscription },
};

/* find_reader - its place in the table, or the end of that */
static size_t
find_reader(const char *resource)
{
	size_t i = 0;

	while (i < sizeof readers / sizeof *readers &&
	    strcmp(readers[i].resource, resource) != 0)
		i++;
	return i;
}

/* gumroad_resource - from the table */
const char *
gumroad_resource(const char *resource)
{
	size_t i = find_reader(resource);

	return i < sizeof readers / sizeof *readers ? readers[i].resource :
						      NULL;
}

/* gumroad_read - by its resource_name */
enum rc
gumroad_read(struct arena *arena, const struct form *form,
    struct gumroad_event *event, const char **problem)
{
	struct reader reader = { arena, form, event, NULL };
	size_t i;

	memset(event, 0, sizeof *event);
	event->amount_cents = -1;
	event->resource = late(&reader, "resource_name");
	if (event->resource == NULL)
		event->resource = "sale";
	i = find_reader(event->resource);
	if (i < sizeof readers / sizeof *readers)
		readers[i].read(&reader);
	if (event->order == NULL)
		event->order = "";
	*problem = reader.problem;
	return reader.problem == NULL ? RC_OK : RC_BAD_REQUEST;
}

/* names - a list of texts that NULL ends */
static json_object *
names(const char *const *list)
{
	json_object *array = json_object_new_array();

	for (; *list != NULL; list++)
		json_object_array_add(array, json_object_new_string(*list));
	return array;
}

/* gumroad_facts_json - what is unknown is null */
json_object *
gumroad_facts_json(const struct gumroad_event *event)
{
	json_object *object = json_object_new_object();

	json_add_text(object, "sale", event->sale);
	json_add_text(object, "subscription", event->subscription);
	json_add_text(object, "at", event->at);
	json_add_text(object, "reason", event->reason);
	json_add_text(object, "recurrence", event->recurrence);
	json_object_object_add(
	    object, "refunded", json_object_new_boolean(event->refunded));
	json_add_text(object, "email", event->email);
	json_add_text(object, "name", event->name);
	json_object_object_add(object, "products", names(event->products));
	json_object_object_add(object, "plans", names(event->plans));
	json_add_text(object, "product_name", event->product_name);
	if (event->amount_cents >= 0)
		json_object_object_add(object, "amount_cents",
		    json_object_new_int64(event->amount_cents));
	json_add_text(object, "currency", event->currency);
	json_add_text(object, "offer_code", event->offer_code);
	json_object_object_add(
	    object, "test", json_object_new_boolean(event->test));
	return object;
}
