#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/http_client.h"
#include "server.h"
#include "unit.h"

#define CALL_MS 10000 /* more than any of these takes */

static const char *const no_headers[] = { NULL };
static struct arena *arena;
static struct http_client *client;
static struct http_answer answer;

/* set_up - a client that no proxy of the environment comes between */
static void
set_up(void)
{
	clearenv();
	arena = arena_new(4 << 20);
	client = http_client_new();
}

/* tear_down - the end */
static void
tear_down(void)
{
	http_client_free(client);
	arena_free(arena);
}

/* call - the server at a port, within a deadline */
static enum rc
call(const char *method, int port, const char *const *headers, const char *body,
    size_t body_len, long timeout_ms)
{
	struct http_call wanted = { method, NULL, headers, body, body_len,
		timeout_ms, 0 };

	wanted.url = arena_printf(arena, "http://127.0.0.1:%d/v1/x?y=z", port);
	memset(&answer, 0xa5, sizeof answer);
	return http_client_call(client, arena, &wanted, &answer);
}

/* get - the simplest call */
static enum rc
get(int port)
{
	return call("GET", port, no_headers, NULL, 0, CALL_MS);
}

/* now_ms - monotonic clock */
static long
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

START_TEST(asks_for_what_is_wanted)
{
	static const struct server_turn turns[] = { { SERVER_CLOSE,
	    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 0 } };
	static const char *const headers[] = { "Authorization: Bearer key",
		"Stripe-Version: 1", NULL };
	const char *request;
	int port = server_start(turns, 1);

	ck_assert_int_eq(call("GET", port, headers, NULL, 0, CALL_MS), RC_OK);
	request = server_stop(NULL);
	unit_assert_begins(request, "connection 1\nGET /v1/x?y=z HTTP/1.1\r\n");
	ck_assert_ptr_nonnull(
	    strstr(request, "\r\nAuthorization: Bearer key\r\n"));
	ck_assert_ptr_nonnull(strstr(request, "\r\nStripe-Version: 1\r\n"));
	ck_assert_ptr_nonnull(
	    strstr(request, "\r\nUser-Agent: paydesk/" PACKAGE_VERSION "\r\n"));
	ck_assert_ptr_null(strcasestr(request, "\r\nContent-Length:"));
	ck_assert_ptr_null(strcasestr(request, "\r\nExpect:"));
}

START_TEST(sends_a_body_as_it_is)
{
	static const struct server_turn turns[] = { { SERVER_CLOSE,
	    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0 } };
	static const char *const headers[] = { "Content-Type: text/plain",
		NULL };
	char body[5000];
	const char *request, *sent;
	size_t len, body_len = _i == 0 ? 0 : sizeof body;
	int port = server_start(turns, 1);

	for (size_t i = 0; i < sizeof body; i++)
		body[i] = (char)i;
	ck_assert_int_eq(
	    call("POST", port, headers, body, body_len, CALL_MS), RC_OK);
	request = server_stop(&len);
	sent = strstr(request, "\r\n\r\n") + 4;
	unit_assert_begins(request, "connection 1\nPOST /");
	ck_assert_ptr_nonnull(strstr(request,
	    body_len == 0 ? "\r\nContent-Length: 0\r\n" :
			    "\r\nContent-Length: 5000\r\n"));
	ck_assert_ptr_nonnull(
	    strstr(request, "\r\nContent-Type: text/plain\r\n"));
	ck_assert_ptr_null(strcasestr(request, "\r\nExpect:"));
	ck_assert_uint_eq((size_t)(request + len - sent), body_len);
	ck_assert(memcmp(sent, body, body_len) == 0);
}

/* What is sent, and what it says: any status is an answer. */
static const struct {
	const char *sent;
	long status;
	const char *body;
} received[] = {
	{ "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", 200, "abc" },
	{ "HTTP/1.1 200 OK\r\n\r\nabc", 200, "abc" },
	{ "HTTP/1.0 200 OK\r\n\r\nabc", 200, "abc" },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	  "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
	    200, "abc" },
	{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"
	  "Content-Length: 1\r\n\r\na",
	    200, "a" },
	{ "HTTP/1.1 204 No Content\r\n\r\n", 204, "" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "" },
	{ "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
	  "Content-Length: 0\r\n\r\n",
	    302, "" },
	{ "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}", 404, "{}" },
	{ "HTTP/1.1 429 Too Many\r\nContent-Length: 0\r\n\r\n", 429, "" },
	{ "HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\n{}", 500, "{}" },
};

START_TEST(any_status_is_an_answer)
{
	const struct server_turn turn = { SERVER_CLOSE, received[_i].sent, 0 };
	int port = server_start(&turn, 1);

	ck_assert_int_eq(get(port), RC_OK);
	ck_assert_int_eq(answer.status, received[_i].status);
	ck_assert_str_eq(answer.body, received[_i].body);
	ck_assert_uint_eq(answer.body_len, strlen(received[_i].body));
	server_stop(NULL);
}

/* What is no answer, or not the whole of one. */
static const struct server_turn no_answers[] = {
	{ SERVER_CLOSE, "", 0 },
	{ SERVER_CLOSE, "HTT", 0 },
	{ SERVER_CLOSE, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", 0 },
	{ SERVER_CLOSE,
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "5\r\nab",
	    0 },
	{ SERVER_CLOSE, "hello\r\n", 0 },
	/* larger than an answer may be */
	{ SERVER_CLOSE, "HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n",
	    HTTP_ANSWER_MAX + 1 },
	{ SERVER_CLOSE, "HTTP/1.1 200 OK\r\n\r\n", HTTP_ANSWER_MAX + 1 },
	{ SERVER_CLOSE, "HTTP/1.1 200 OK\r\n\r\n", 8 << 20 },
};

START_TEST(half_an_answer_is_none)
{
	int port = server_start(&no_answers[_i], 1);

	ck_assert_int_eq(get(port), RC_UPSTREAM);
	ck_assert_str_ne(http_client_error(client), "");
	server_stop(NULL);
}

START_TEST(answers_have_a_maximum)
{
	static const struct server_turn turns[] = { { SERVER_CLOSE,
	    "HTTP/1.1 200 OK\r\n\r\n", HTTP_ANSWER_MAX } };
	int port = server_start(turns, 1);

	ck_assert_int_eq(get(port), RC_OK);
	ck_assert_uint_eq(answer.body_len, HTTP_ANSWER_MAX);
	ck_assert_uint_eq(strlen(answer.body), HTTP_ANSWER_MAX);
	server_stop(NULL);
}

static const struct server_turn slow[] = {
	{ SERVER_HANG, "", 0 },
	{ SERVER_TRICKLE, "HTTP/1.1 200 OK\r\n\r\nabcdefghijklmnopqrstuv", 0 },
};

START_TEST(a_deadline_covers_the_whole_call)
{
	int port = server_start(&slow[_i], 1);
	long began_ms = now_ms();

	ck_assert_int_eq(
	    call("GET", port, no_headers, NULL, 0, 150), RC_UPSTREAM);
	ck_assert_int_ge(now_ms() - began_ms, 140);
	ck_assert_int_lt(now_ms() - began_ms, 3500);
	ck_assert_ptr_nonnull(strstr(http_client_error(client), "timed out"));
	server_stop(NULL);
}

/* A connection serves several calls, and a new one is made when it is lost. */
START_TEST(connections_are_kept)
{
	static const char ok[] =
	    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na";
	static const struct server_turn turns[] = { { SERVER_KEEP, ok, 0 },
		{ SERVER_KEEP, ok, 0 }, { SERVER_CLOSE, ok, 0 },
		{ SERVER_KEEP, ok, 0 } };
	const char *requests;
	int port = server_start(turns, 4);

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(get(port), RC_OK);
	requests = server_stop(NULL);
	ck_assert_ptr_nonnull(strstr(requests, "connection 2"));
	ck_assert_ptr_null(strstr(requests, "connection 3"));
}

START_TEST(a_call_leaves_nothing_for_the_next)
{
	static const char ok[] =
	    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na";
	static const struct server_turn turns[] = { { SERVER_CLOSE, ok, 0 },
		{ SERVER_CLOSE, ok, 0 } };
	static const char *const headers[] = { "X-First: 1", NULL };
	const char *second;
	int port = server_start(turns, 2);

	ck_assert_int_eq(
	    call("POST", port, headers, "body", 4, CALL_MS), RC_OK);
	ck_assert_int_eq(get(port), RC_OK);
	second = strstr(server_stop(NULL), "connection 2\n");
	unit_assert_begins(second, "connection 2\nGET ");
	ck_assert_ptr_null(strstr(second, "X-First"));
	ck_assert_ptr_null(strstr(second, "body"));
}

static const char *const unreachable[] = { "http://127.0.0.1:1/",
	"http://localhost.invalid/", "file:///etc/passwd", "ftp://127.0.0.1:1/",
	"gopher://127.0.0.1:1/", "http://", "", "not a url",
	"http://127.0.0.1:99999/" };

START_TEST(what_cannot_be_called_is_an_error)
{
	const struct http_call wanted = { "GET", unreachable[_i], no_headers,
		NULL, 0, CALL_MS, 0 };

	ck_assert_int_eq(
	    http_client_call(client, arena, &wanted, &answer), RC_UPSTREAM);
	ck_assert_str_ne(http_client_error(client), "");
	ck_assert_str_ne(http_client_error(client), "No error");
}

START_TEST(https_needs_tls)
{
	static const struct server_turn turns[] = { { SERVER_CLOSE,
	    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", 0 } };
	struct http_call wanted = { "GET", NULL, no_headers, NULL, 0, 300, 0 };
	int port = server_start(turns, 1);

	wanted.url = arena_printf(arena, "https://127.0.0.1:%d/", port);
	ck_assert_int_eq(
	    http_client_call(client, arena, &wanted, &answer), RC_UPSTREAM);
	server_stop(NULL);
}

START_TEST(answers_need_room_in_the_arena)
{
	static const struct server_turn turns[] = { { SERVER_CLOSE,
	    "HTTP/1.1 200 OK\r\n\r\n", 4096 } };
	struct arena *small = arena_new(4096);
	struct http_call wanted = { "GET", NULL, no_headers, NULL, 0, CALL_MS,
		0 };
	int port = server_start(turns, 1);

	wanted.url = arena_printf(arena, "http://127.0.0.1:%d/", port);
	ck_assert_int_eq(
	    http_client_call(client, small, &wanted, &answer), RC_UPSTREAM);
	ck_assert_str_ne(http_client_error(client), "No error");
	arena_free(small);
	server_stop(NULL);
}

START_TEST(nothing_can_be_freed)
{
	http_client_free(NULL);
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, asks_for_what_is_wanted);
	tcase_add_loop_test(tests, sends_a_body_as_it_is, 0, 2);
	unit_add_table(tests, any_status_is_an_answer, received);
	unit_add_table(tests, half_an_answer_is_none, no_answers);
	tcase_add_test(tests, answers_have_a_maximum);
	unit_add_table(tests, a_deadline_covers_the_whole_call, slow);
	tcase_add_test(tests, connections_are_kept);
	tcase_add_test(tests, a_call_leaves_nothing_for_the_next);
	unit_add_table(tests, what_cannot_be_called_is_an_error, unreachable);
	tcase_add_test(tests, https_needs_tls);
	tcase_add_test(tests, answers_need_room_in_the_arena);
	tcase_add_test(tests, nothing_can_be_freed);
}

int
main(void)
{
	return unit_main("http_client", add);
}
