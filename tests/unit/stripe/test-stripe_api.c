#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "server.h"
#include "stripe/stripe_api.h"
#include "unit.h"

#define OK "HTTP/1.1 200 OK\r\n\r\n"
#define OK_EMPTY \
	"HTTP/1.1 200 OK\r\nContent-Length: 33\r\n\r\n" \
	"{\"data\": [],   \"has_more\": false}"

static struct arena *arena;
static struct config *config;
static struct stripe_api *api;
static int64_t before_us;
static json_object *subscription;

/* set_up - no setting, no proxy */
static void
set_up(void)
{
	clearenv();
	arena = arena_new(4 << 20);
}

/* tear_down - the client goes with the arena */
static void
tear_down(void)
{
	arena_free(arena);
	config_free(config);
}

/* begin_with - a client of a server that answers so; of none without turns */
static void
begin_with(const struct server_turn *turns, size_t count)
{
	static const enum setting used[] = { STRIPE_API_KEY, STRIPE_API_BASE,
		STRIPE_API_VERSION, SETTING_END };
	const char *problem;
	char base[64];

	snprintf(base, sizeof base, "http://127.0.0.1:%d",
	    count > 0 ? server_start(turns, count) : 1);
	setenv("STRIPE_API_BASE", base, 1);
	setenv("STRIPE_API_KEY", "sk_test_topsecret", 1);
	ck_assert_int_eq(config_load(used, &config, &problem), RC_OK);
	api = stripe_api_new(arena, config);
	ck_assert_ptr_nonnull(api);
}

/* begin - the same with one turn, or with NULL for none */
static void
begin(const struct server_turn *turn)
{
	begin_with(turn, turn != NULL);
}

START_TEST(there_is_no_client_without_a_key)
{
	static const enum setting used[] = { STRIPE_API_KEY, SETTING_END };
	const char *problem;

	ck_assert_int_eq(config_load(used, &config, &problem), RC_OK);
	ck_assert_ptr_null(stripe_api_new(arena, config));
}

START_TEST(a_subscription_is_fetched)
{
	static const struct server_turn turn = { SERVER_CLOSE,
		OK "{\"id\":\"sub_1A-b_9\"}", 0 };
	const char *request, *id;

	begin(&turn);
	ck_assert_int_eq(stripe_api_subscription(api, arena, "sub_1A-b_9",
			     10000, &subscription, &before_us),
	    RC_OK);
	ck_assert_int_eq(json_string(subscription, "id", &id), RC_OK);
	ck_assert_str_eq(id, "sub_1A-b_9");
	request = server_stop(NULL);
	ck_assert_ptr_nonnull(
	    strstr(request, "GET /v1/subscriptions/sub_1A-b_9 HTTP/1.1\r\n"));
	ck_assert_ptr_nonnull(
	    strstr(request, "\r\nAuthorization: Bearer sk_test_topsecret\r\n"));
	ck_assert_ptr_nonnull(
	    strstr(request, "\r\nStripe-Version: 2026-10-28.endive\r\n"));
}

START_TEST(an_event_is_fetched_as_it_was_sent)
{
	static const char sent[] = "{ \"id\" : \"evt_1\",\n\"x\":\"\xc3\xa9\"}";
	struct server_turn turn = { SERVER_CLOSE, NULL, 0 };
	const char *request, *text;
	size_t len;

	turn.answer = arena_printf(arena, OK "%s", sent);
	begin(&turn);
	ck_assert_int_eq(
	    stripe_api_event(api, arena, "evt_1", 10000, &text, &len), RC_OK);
	ck_assert_uint_eq(len, sizeof sent - 1);
	ck_assert_mem_eq(text, sent, len);
	request = server_stop(NULL);
	ck_assert_ptr_nonnull(
	    strstr(request, "GET /v1/events/evt_1 HTTP/1.1\r\n"));
}

/* What would make another path of it is never sent. */
static const char *const unusable[] = { "", "sub/1", "..", "../charges",
	"sub_1?expand[]=x", "sub_1#", "sub 1", "sub_1\r\nX: y", "sub_%31",
	"s\xc3\xbc"
	"b",
	"."
	"sub_1" };

START_TEST(only_ids_are_asked_for)
{
	static const struct server_turn turn = { SERVER_CLOSE, OK "{}", 0 };
	const char *text;
	size_t len;

	begin(&turn);
	ck_assert_int_eq(stripe_api_subscription(api, arena, unusable[_i],
			     10000, &subscription, &before_us),
	    RC_NOT_FOUND);
	ck_assert_int_eq(
	    stripe_api_event(api, arena, unusable[_i], 10000, &text, &len),
	    RC_NOT_FOUND);
	ck_assert_str_eq(server_stop(NULL), "");
}

START_TEST(ids_have_a_maximum)
{
	static const struct server_turn turn = { SERVER_CLOSE, OK "{}", 0 };

	begin(&turn);
	ck_assert_int_eq(stripe_api_subscription(api, arena,
			     arena_printf(arena, "%0256d", 1), 10000,
			     &subscription, &before_us),
	    RC_NOT_FOUND);
	ck_assert_int_eq(stripe_api_subscription(api, arena,
			     arena_printf(arena, "%0255d", 1), 10000,
			     &subscription, &before_us),
	    RC_OK);
	server_stop(NULL);
}

static const struct {
	struct server_turn turn;
	enum rc rc;
} answers[] = {
	{ { SERVER_CLOSE, "HTTP/1.1 404 x\r\n\r\n{\"error\":{}}", 0 },
	    RC_NOT_FOUND },
	{ { SERVER_CLOSE, "HTTP/1.1 400 x\r\n\r\n{}", 0 }, RC_UPSTREAM },
	{ { SERVER_CLOSE, "HTTP/1.1 401 x\r\n\r\n{}", 0 }, RC_UPSTREAM },
	{ { SERVER_CLOSE, "HTTP/1.1 429 x\r\n\r\n{}", 0 }, RC_UPSTREAM },
	{ { SERVER_CLOSE, "HTTP/1.1 500 x\r\n\r\n{}", 0 }, RC_UPSTREAM },
	{ { SERVER_CLOSE, "HTTP/1.1 302 x\r\nLocation: /\r\n\r\n{}", 0 },
	    RC_UPSTREAM },
	{ { SERVER_CLOSE, "HTTP/1.1 201 x\r\n\r\n{}", 0 }, RC_UPSTREAM },
	{ { SERVER_CLOSE, OK, 0 }, RC_UPSTREAM },
	{ { SERVER_CLOSE, OK "<html>", 0 }, RC_UPSTREAM },
	{ { SERVER_CLOSE, OK "{\"id\":", 0 }, RC_UPSTREAM },
	{ { SERVER_CLOSE, OK "{}", 10 }, RC_UPSTREAM },
	{ { SERVER_CLOSE, OK "{}", 2 << 20 }, RC_UPSTREAM },
	{ { SERVER_CLOSE, "", 0 }, RC_UPSTREAM },
	{ { SERVER_HANG, "", 0 }, RC_UPSTREAM },
};

START_TEST(what_is_no_object_is_an_error)
{
	bool hangs = answers[_i].turn.manner == SERVER_HANG;
	const char *written;

	begin(&answers[_i].turn);
	unit_capture(STDERR_FILENO);
	ck_assert_int_eq(stripe_api_subscription(api, arena, "sub_1",
			     hangs ? 200 : 10000, &subscription, &before_us),
	    answers[_i].rc);
	written = unit_captured();
	server_stop(NULL);
	ck_assert_int_eq(strstr(written, "level=warn") != NULL,
	    answers[_i].rc == RC_UPSTREAM);
	ck_assert_ptr_null(strstr(written, "topsecret"));
}

START_TEST(a_server_can_be_away)
{
	const char *written, *text;
	size_t len;

	begin(NULL);
	unit_capture(STDERR_FILENO);
	ck_assert_int_eq(
	    stripe_api_event(api, arena, "evt_1", 10000, &text, &len),
	    RC_UPSTREAM);
	written = unit_captured();
	ck_assert_ptr_nonnull(strstr(written, "level=warn"));
	ck_assert_ptr_null(strstr(written, "topsecret"));
}

/* Keys, and their mode. */
static const struct {
	const char *key, *mode;
} modes[] = {
	{ "sk_test_1", "test" },
	{ "rk_live_1", "live" },
	{ "rk_test_1", "test" },
	{ "sk_live_1", "live" },
	{ "org_key_live_1", NULL },
	{ "sk_testing", NULL },
	{ "sk_", NULL },
	{ NULL, NULL },
};

START_TEST(a_key_has_a_mode)
{
	static const enum setting used[] = { STRIPE_API_KEY, SETTING_END };
	const char *problem;

	if (modes[_i].key != NULL)
		setenv("STRIPE_API_KEY", modes[_i].key, 1);
	ck_assert_int_eq(config_load(used, &config, &problem), RC_OK);
	ck_assert_pstr_eq(stripe_api_mode(config), modes[_i].mode);
}

START_TEST(a_probe_tells_everything)
{
	static const struct server_turn turn = { SERVER_CLOSE,
		"HTTP/1.1 403 Forbidden\r\n"
		"Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n{\"error\":{}}",
		0 };
	struct stripe_probe probe;
	const char *request;

	begin(&turn);
	unit_capture(STDERR_FILENO);
	stripe_api_probe(api, arena, "GET", "/v1/x?limit=1", 10000, &probe);
	ck_assert_str_eq(unit_captured(), "");
	ck_assert_int_eq(probe.status, 403);
	ck_assert_ptr_nonnull(json_member(probe.object, "error"));
	ck_assert_int_le(probe.ahead_s, 1767225600 - time(NULL) + 2);
	ck_assert_int_ge(probe.ahead_s, 1767225600 - time(NULL) - 2);
	request = server_stop(NULL);
	ck_assert_ptr_nonnull(strstr(request, "GET /v1/x?limit=1 HTTP/1.1"));
	ck_assert_ptr_null(strstr(request, "Content-Length"));
}

START_TEST(a_probe_posts_nothing)
{
	static const struct server_turn turn = { SERVER_CLOSE,
		"HTTP/1.1 400 Bad Request\r\n\r\nno JSON", 0 };
	struct stripe_probe probe;
	const char *request;

	begin(&turn);
	stripe_api_probe(api, arena, "POST", "/v1/x", 10000, &probe);
	ck_assert_int_eq(probe.status, 400);
	ck_assert_ptr_null(probe.object);
	ck_assert_int_eq(probe.ahead_s, 0);
	request = server_stop(NULL);
	ck_assert_ptr_nonnull(strstr(request, "POST /v1/x HTTP/1.1\r\n"));
	ck_assert_ptr_nonnull(strstr(request, "\r\nContent-Length: 0\r\n"));
	ck_assert_ptr_null(strstr(request, "Idempotency-Key"));
}

START_TEST(a_probe_of_nobody_says_why)
{
	struct stripe_probe probe;

	begin(NULL);
	stripe_api_probe(api, arena, "GET", "/v1/x", 10000, &probe);
	ck_assert_int_eq(probe.status, 0);
	ck_assert_ptr_nonnull(strstr(probe.error, "127.0.0.1 port 1"));
	ck_assert_ptr_null(probe.object);
}

/* What is no page of a list. */
static const char *const no_pages[] = {
	"HTTP/1.1 401 Unauthorized\r\n\r\n{\"error\": {}}",
	"HTTP/1.1 404 Not Found\r\n\r\n{\"error\": {}}",
	OK "[]",
	OK "{\"data\": []}",
	OK "{\"data\": {}, \"has_more\": false}",
	OK "{\"has_more\": false}",
	OK "{\"data\": [], \"has_more\": \"no\"}",
	OK "{\"data\": [",
};

START_TEST(what_is_no_page_is_an_error)
{
	struct server_turn turn = { SERVER_CLOSE, no_pages[_i], 0 };
	struct stripe_page page;

	begin(&turn);
	ck_assert_int_eq(
	    stripe_api_page(api, arena, "/v1/x", "", NULL, &page), RC_UPSTREAM);
	server_stop(NULL);
}

START_TEST(a_page_has_stripes_clock_when_it_was_asked_for)
{
	static const struct server_turn turn = { SERVER_CLOSE,
		"HTTP/1.1 200 OK\r\nDate: Fri, 20 Nov 2026 21:05:21 GMT\r\n\r\n"
		"{\"data\": [{}, {}], \"has_more\": true}",
		0 };
	struct stripe_page page;

	begin(&turn);
	ck_assert_int_eq(
	    stripe_api_page(api, arena, "/v1/things", "a=b", "x_1", &page),
	    RC_OK);
	ck_assert_uint_eq(json_object_array_length(page.data), 2);
	ck_assert(page.has_more);
	ck_assert_int_lt(page.before_us, 1795208722LL * 1000000);
	ck_assert_int_ge(page.before_us, 1795208719LL * 1000000);
	ck_assert_ptr_nonnull(strstr(server_stop(NULL),
	    "GET /v1/things?limit=100&a=b&starting_after=x_1 HTTP"));
}

START_TEST(a_page_begins_after_an_id_only)
{
	struct stripe_page page;

	begin(NULL);
	ck_assert_int_eq(
	    stripe_api_page(api, arena, "/v1/x", "", "a&b=c", &page),
	    RC_UPSTREAM);
}

START_TEST(pages_are_a_tenth_of_a_second_apart)
{
	static const struct server_turn turns[] = {
		{ SERVER_KEEP, OK_EMPTY, 0 },
		{ SERVER_KEEP, OK_EMPTY, 0 },
		{ SERVER_KEEP, OK_EMPTY, 0 },
	};
	struct timespec began, ended;
	struct stripe_page page;

	begin_with(turns, 3);
	clock_gettime(CLOCK_MONOTONIC, &began);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(
		    stripe_api_page(api, arena, "/v1/x", "", NULL, &page),
		    RC_OK);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	server_stop(NULL);
	ck_assert((ended.tv_sec - began.tv_sec) * 1000 +
		(ended.tv_nsec - began.tv_nsec) / 1000000 >=
	    199);
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, there_is_no_client_without_a_key);
	tcase_add_test(tests, a_subscription_is_fetched);
	tcase_add_test(tests, an_event_is_fetched_as_it_was_sent);
	unit_add_table(tests, only_ids_are_asked_for, unusable);
	tcase_add_test(tests, ids_have_a_maximum);
	unit_add_table(tests, what_is_no_object_is_an_error, answers);
	tcase_add_test(tests, a_server_can_be_away);
	unit_add_table(tests, a_key_has_a_mode, modes);
	tcase_add_test(tests, a_probe_tells_everything);
	tcase_add_test(tests, a_probe_posts_nothing);
	tcase_add_test(tests, a_probe_of_nobody_says_why);
	unit_add_table(tests, what_is_no_page_is_an_error, no_pages);
	tcase_add_test(tests, a_page_has_stripes_clock_when_it_was_asked_for);
	tcase_add_test(tests, a_page_begins_after_an_id_only);
	tcase_add_test(tests, pages_are_a_tenth_of_a_second_apart);
}

int
main(void)
{
	return unit_main("stripe_api", add);
}
