#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "stripe/stripe_event.h"
#include "unit.h"

static struct arena *arena;
static struct stripe_event event;

/* set_up - an arena for every test */
static void
set_up(void)
{
	arena = arena_new(1 << 20);
}

/* tear_down - the event goes with it */
static void
tear_down(void)
{
	arena_free(arena);
}

/* parse - a body; ' stands for ", and *event begins full of nonsense */
static enum rc
parse(const char *text)
{
	size_t len = strlen(text);
	char *body = malloc(len + 1), *c;
	enum rc rc;

	memcpy(body, text, len + 1);
	for (c = body; (c = strchr(c, '\'')) != NULL;)
		*c = '"';
	memset(&event, 0xa5, sizeof event);
	rc = stripe_event_parse(arena, body, len, &event);
	free(body);
	return rc;
}

START_TEST(reads_a_whole_event)
{
	ck_assert_int_eq(
	    parse("{'id':'evt_1','object':'event','api_version':'2026-07-29."
		  "dahlia','created':1700000000,'livemode':true,'type':"
		  "'invoice.paid','pending_webhooks':1,'account':'acct_1',"
		  "'request':{'id':null,'idempotency_key':null},'data':{"
		  "'object':{'id':'in_1'},'previous_attributes':{'a':1}}}"),
	    RC_OK);
	ck_assert_str_eq(event.id, "evt_1");
	ck_assert_str_eq(event.type, "invoice.paid");
	ck_assert_str_eq(event.api_version, "2026-07-29.dahlia");
	ck_assert_str_eq(event.account, "acct_1");
	ck_assert_int_eq(event.created_s, 1700000000);
	ck_assert(event.has_livemode && event.livemode);
	ck_assert(!event.thin);
	ck_assert_ptr_nonnull(json_member(event.object, "id"));
	ck_assert_ptr_nonnull(json_member(event.previous, "a"));
}

/* An id is enough, and what is of a wrong type is as good as missing. */
static const char *const bare[] = {
	"{'id':'evt_1'}",
	"{'id':'evt_1','object':null,'type':null,'api_version':null,"
	"'account':null,'created':null,'livemode':null,'data':null}",
	"{'id':'evt_1','object':5,'type':5,'api_version':5,'account':5,"
	"'created':true,'livemode':'true','data':'object'}",
	"{'id':'evt_1','object':[],'type':{},'api_version':[],'account':{},"
	"'created':[],'livemode':1,'data':{'object':null}}",
	"{'id':'evt_1','request':'req_1','data':[{'object':{}}]}",
	"{'id':'evt_1','type':'a\\u0000b','created':-1}",
	"{'id':'evt_1','created':253402300800}",
	"{'id':'evt_1','created':1700000000.5}",
	"{'id':'evt_1','created':1e9}",
	"{'id':'evt_1','created':99999999999999999999}",
	"{'id':'evt_1','created':'1700000000'}",
	"{'id':'evt_1','created':''}",
	"{'id':'evt_1','created':'yesterday'}",
	"{'id':'evt_1','created':'2022-02-15'}",
	"{'id':'evt_1','created':'2022-02-15T00:27:45'}",
	"{'id':'evt_1','created':'2022-02-15T00:27:45+02:00'}",
	"{'id':'evt_1','created':'2022-13-15T00:27:45Z'}",
	"{'id':'evt_1','created':'2022-02-15 00:27:45Z'}",
};

START_TEST(needs_only_an_id)
{
	ck_assert_int_eq(parse(bare[_i]), RC_OK);
	ck_assert_str_eq(event.id, "evt_1");
	ck_assert_str_eq(event.type, "");
	ck_assert_ptr_null(event.api_version);
	ck_assert_ptr_null(event.account);
	/* without one it is the time of receipt */
	ck_assert((event.created_s == -1) ==
	    (strstr(bare[_i], "created") != NULL &&
		strstr(bare[_i], "'created':null") == NULL));
	ck_assert(!event.has_livemode);
	ck_assert(!event.thin);
	ck_assert_ptr_null(event.object);
	ck_assert_ptr_null(event.previous);
}

/* What a created is in seconds. */
static const struct {
	const char *body;
	int64_t created_s;
} times[] = {
	{ "{'id':'e','created':0}", 0 },
	{ "{'id':'e','created':1700000000}", 1700000000 },
	{ "{'id':'e','created':253402300799}", 253402300799 },
	{ "{'id':'e','created':'1970-01-01T00:00:00Z'}", 0 },
	{ "{'id':'e','created':'2022-02-15T00:27:45Z'}", 1644884865 },
	{ "{'id':'e','created':'2022-02-15T00:27:45.330Z'}", 1644884865 },
	{ "{'id':'e','created':'2025-10-04T15:13:32.232083866Z'}", 1759590812 },
};

START_TEST(times_are_seconds_or_texts)
{
	setenv("TZ", "Pacific/Auckland", 1);
	ck_assert_int_eq(parse(times[_i].body), RC_OK);
	ck_assert_int_eq(event.created_s, times[_i].created_s);
}

/* Which kinds of object are thin. */
static const struct {
	const char *kind;
	bool thin;
} kinds[] = {
	{ "'event'", false },
	{ "'v2.core.event'", true },
	{ "'v2.core.event_destination'", true },
	{ "'v2.core'", false },
	{ "'V2.CORE.EVENT'", false },
	{ "''", false },
	{ "null", false },
};

START_TEST(thin_events_are_told_apart)
{
	char body[128];

	snprintf(
	    body, sizeof body, "{'id':'evt_1','object':%s}", kinds[_i].kind);
	ck_assert_int_eq(parse(body), RC_OK);
	ck_assert_int_eq(event.thin, kinds[_i].thin);
}

START_TEST(test_mode_is_not_a_missing_mode)
{
	ck_assert_int_eq(parse("{'id':'evt_1','livemode':false}"), RC_OK);
	ck_assert(event.has_livemode);
	ck_assert(!event.livemode);
}

static const char *const refused[] = {
	"",
	"{}",
	"[]",
	"[{'id':'evt_1'}]",
	"'evt_1' ",
	"null ",
	"{'id':'evt_1'",
	"{'id':'evt_1'}x",
	"} I am not JSON; ][",
	"{'type':'invoice.paid'}",
	"{'id':null}",
	"{'id':5}",
	"{'id':''}",
	"{'id':{}}",
	"{'id':{'id':'evt_1'}}",
	"{'id':['evt_1']}",
	"{'id':' evt_1'}",
	"{'id':'evt 1'}",
	"{'id':'evt_1\\n'}",
	"{'id':'evt_1\\u0000'}",
	"{'id':'\\u007f'}",
	"{'id':'evt_\\u00e9'}",
	"{'id':'evt_1','x':'\xff'}",
	"\xef\xbb\xbf{'id':'evt_1'}",
	"{'id':'evt_1','id':null}",
};

START_TEST(refuses_what_has_no_usable_id)
{
	ck_assert_int_eq(parse(refused[_i]), RC_BAD_REQUEST);
}

START_TEST(ids_are_printable)
{
	ck_assert_int_eq(parse("{'id':'!evt-1_/~'}"), RC_OK);
	ck_assert_str_eq(event.id, "!evt-1_/~");
}

START_TEST(ids_have_a_maximum)
{
	char body[600];

	snprintf(body, sizeof body, "{'id':'%0255d'}", 0);
	ck_assert_int_eq(parse(body), RC_OK);
	ck_assert_uint_eq(strlen(event.id), 255);
	snprintf(body, sizeof body, "{'id':'%0256d'}", 0);
	ck_assert_int_eq(parse(body), RC_BAD_REQUEST);
}

START_TEST(needs_room_in_the_arena)
{
	struct arena *full = arena_new(8);

	ck_assert_int_eq(stripe_event_parse(full, "{\"id\":\"e\"}", 10, &event),
	    RC_TOO_LARGE);
	arena_free(full);
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, reads_a_whole_event);
	unit_add_table(tests, needs_only_an_id, bare);
	unit_add_table(tests, times_are_seconds_or_texts, times);
	unit_add_table(tests, thin_events_are_told_apart, kinds);
	tcase_add_test(tests, test_mode_is_not_a_missing_mode);
	unit_add_table(tests, refuses_what_has_no_usable_id, refused);
	tcase_add_test(tests, ids_are_printable);
	tcase_add_test(tests, ids_have_a_maximum);
	tcase_add_test(tests, needs_room_in_the_arena);
}

int
main(void)
{
	return unit_main("stripe_event", add);
}
