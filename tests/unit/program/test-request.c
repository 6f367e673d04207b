#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "program/request_fcgi.h"
#include "unit.h"

START_TEST(parameters_are_found)
{
	peer_param("REQUEST_METHOD=POST");
	peer_param("SCRIPT_NAME=/webhooks/stripe");
	peer_param("HTTP_STRIPE_SIGNATURE=t=1,v1=2");
	peer_param("EMPTY=");
	peer_begin();
	ck_assert_str_eq(request_method(peer.request), "POST");
	ck_assert_str_eq(request_path(peer.request), "/webhooks/stripe");
	ck_assert_str_eq(
	    request_param(peer.request, "HTTP_STRIPE_SIGNATURE"), "t=1,v1=2");
	ck_assert_str_eq(request_param(peer.request, "EMPTY"), "");
	ck_assert_ptr_null(request_param(peer.request, "HTTP_STRIPE"));
	ck_assert_ptr_null(request_param(peer.request, "NONE"));
}

START_TEST(a_request_can_be_empty)
{
	size_t len = 77;

	peer_begin();
	ck_assert_str_eq(request_method(peer.request), "");
	ck_assert_str_eq(request_path(peer.request), "");
	ck_assert_int_eq(request_read_body(peer.request, 10), RC_OK);
	ck_assert_str_eq(request_body(peer.request, &len), "");
	ck_assert_uint_eq(len, 0);
	ck_assert(!request_has_reply(peer.request));
}

START_TEST(a_body_need_not_be_read)
{
	size_t len = 77;

	peer_begin();
	ck_assert_str_eq(request_body(peer.request, &len), "");
	ck_assert_uint_eq(len, 0);
}

#define BYTES(literal) literal, sizeof(literal) - 1

/* A length that is claimed, what comes, and what is made of it. */
static const struct {
	const char *claim;
	const char *sent;
	size_t sent_len;
	enum rc rc;
	const char *read;
	size_t read_len;
	const char *error;
} bodies[] = {
	{ "CONTENT_LENGTH=4", BYTES("abcd"), RC_OK, BYTES("abcd"), NULL },
	{ "CONTENT_LENGTH=10", BYTES("0123456789"), RC_OK, BYTES("0123456789"),
	    NULL },
	{ "CONTENT_LENGTH=5", BYTES("a\0\0\xff\n"), RC_OK, BYTES("a\0\0\xff\n"),
	    NULL },
	{ "CONTENT_LENGTH=2", BYTES("abcd"), RC_OK, BYTES("ab"), NULL },
	{ "CONTENT_LENGTH=0", BYTES(""), RC_OK, BYTES(""), NULL },
	{ "CONTENT_LENGTH=", BYTES(""), RC_OK, BYTES(""), NULL },
	{ "CONTENT_LENGTH=000000004", BYTES("abcd"), RC_OK, BYTES("abcd"),
	    NULL },
	{ "CONTENT_LENGTH=11", BYTES("0123456789a"), RC_TOO_LARGE, NULL, 0,
	    "payload_too_large" },
	{ "CONTENT_LENGTH=999999999", BYTES(""), RC_TOO_LARGE, NULL, 0,
	    "payload_too_large" },
	{ "CONTENT_LENGTH=5", BYTES("abcd"), RC_BAD_REQUEST, NULL, 0,
	    "incomplete_body" },
	{ "CONTENT_LENGTH=1", BYTES(""), RC_BAD_REQUEST, NULL, 0,
	    "incomplete_body" },
	{ "CONTENT_LENGTH=-1", BYTES("abcd"), RC_BAD_REQUEST, NULL, 0,
	    "invalid_content_length" },
	{ "CONTENT_LENGTH=+4", BYTES("abcd"), RC_BAD_REQUEST, NULL, 0,
	    "invalid_content_length" },
	{ "CONTENT_LENGTH= 4", BYTES("abcd"), RC_BAD_REQUEST, NULL, 0,
	    "invalid_content_length" },
	{ "CONTENT_LENGTH=4x", BYTES("abcd"), RC_BAD_REQUEST, NULL, 0,
	    "invalid_content_length" },
	{ "CONTENT_LENGTH=0x4", BYTES("abcd"), RC_BAD_REQUEST, NULL, 0,
	    "invalid_content_length" },
	{ "CONTENT_LENGTH=1000000000", BYTES("abcd"), RC_BAD_REQUEST, NULL, 0,
	    "invalid_content_length" },
	{ "CONTENT_LENGTH=18446744073709551620", BYTES("abcd"), RC_BAD_REQUEST,
	    NULL, 0, "invalid_content_length" },
};

START_TEST(bodies_have_the_length_that_is_claimed)
{
	const char *body;
	size_t len;

	peer_param(bodies[_i].claim);
	peer_send(bodies[_i].sent, bodies[_i].sent_len);
	peer_begin();
	ck_assert_int_eq(request_read_body(peer.request, 10), bodies[_i].rc);
	if (bodies[_i].error != NULL) {
		ck_assert(request_has_reply(peer.request));
		ck_assert_ptr_nonnull(strstr(peer_sent(), bodies[_i].error));
		return;
	}
	ck_assert(!request_has_reply(peer.request));
	body = request_body(peer.request, &len);
	ck_assert_uint_eq(len, bodies[_i].read_len);
	ck_assert_mem_eq(body, bodies[_i].read, len);
	ck_assert_int_eq(body[len], '\0');
}

START_TEST(bodies_need_room_in_the_arena)
{
	peer_param("CONTENT_LENGTH=4194304");
	peer_begin();
	ck_assert_int_eq(request_read_body(peer.request, 5000000), RC_BUSY);
	ck_assert_ptr_nonnull(strstr(peer_sent(), "\r\nRetry-After: 5\r\n"));
}

START_TEST(replies_are_json)
{
	json_object *body = json_object_new_object();
	const char *reply, *text = "{\"url\":\"https://x/\",\"n\":2}";
	char length[64];

	json_object_object_add(
	    body, "url", json_object_new_string("https://x/"));
	json_object_object_add(body, "n", json_object_new_int(2));
	peer_begin();
	ck_assert_int_eq(request_reply(peer.request, 200, body), RC_OK);
	ck_assert(request_has_reply(peer.request));
	request_header(peer.request, "X-One", "1");
	request_header(peer.request, "X-Two", "2");
	request_header(peer.request, "X-Three", "3");
	reply = peer_sent();
	unit_assert_begins(reply, "Status: 200");
	snprintf(
	    length, sizeof length, "\r\nContent-Length: %zu\r\n", strlen(text));
	ck_assert_ptr_nonnull(strstr(reply, length));
	ck_assert_ptr_nonnull(
	    strstr(reply, "\r\nContent-Type: application/json\r\n"));
	ck_assert_ptr_nonnull(strstr(reply, "\r\nCache-Control: no-store\r\n"));
	ck_assert_ptr_nonnull(
	    strstr(reply, "\r\nX-One: 1\r\nX-Two: 2\r\nX-Three: 3\r\n\r\n{"));
	ck_assert_str_eq(strstr(reply, "\r\n\r\n") + 4, text);
}

/* Statuses in the words of the front end. */
static const struct {
	int status;
	const char *line;
} phrases[] = {
	{ 200, "Status: 200 OK\r\n" },
	{ 202, "Status: 202 Accepted\r\n" },
	{ 303, "Status: 303 See Other\r\n" },
	{ 400, "Status: 400 Bad Request\r\n" },
	{ 401, "Status: 401 Unauthorized\r\n" },
	{ 403, "Status: 403 Forbidden\r\n" },
	{ 404, "Status: 404 Not Found\r\n" },
	{ 405, "Status: 405 Not Allowed\r\n" },
	{ 409, "Status: 409 Conflict\r\n" },
	{ 413, "Status: 413 Request Entity Too Large\r\n" },
	{ 415, "Status: 415 Unsupported Media Type\r\n" },
	{ 429, "Status: 429 Too Many Requests\r\n" },
	{ 500, "Status: 500 Internal Server Error\r\n" },
	{ 502, "Status: 502 Bad Gateway\r\n" },
	{ 503, "Status: 503 Service Temporarily Unavailable\r\n" },
};

START_TEST(statuses_have_words)
{
	peer_begin();
	ck_assert_int_eq(request_reply(peer.request, phrases[_i].status,
			     json_object_new_object()),
	    RC_OK);
	unit_assert_begins(peer_sent(), phrases[_i].line);
}

START_TEST(replies_can_be_texts)
{
	const char *reply;

	peer_begin();
	ck_assert_int_eq(
	    request_reply_text(peer.request, 404, "text/html", "<p>\0", 4),
	    RC_OK);
	ck_assert(request_has_reply(peer.request));
	request_header(peer.request, "X-One", "1");
	reply = peer_sent();
	unit_assert_begins(reply, "Status: 404 Not Found\r\n");
	ck_assert_ptr_nonnull(strstr(reply, "\r\nContent-Type: text/html\r\n"));
	ck_assert_ptr_nonnull(strstr(reply, "\r\nContent-Length: 4\r\n"));
	ck_assert_ptr_nonnull(strstr(reply, "\r\nX-One: 1\r\n\r\n<p>"));
	ck_assert_ptr_nonnull(strstr(peer_logged(0), " status=404 "));
}

START_TEST(a_text_gives_way_to_a_failure)
{
	peer_begin();
	ck_assert_int_eq(
	    request_reply_text(peer.request, 200, "text/html", "<p>", 3),
	    RC_OK);
	if (_i == 0)
		ck_assert_int_eq(
		    request_fail(peer.request, RC_BUSY, "busy", "x"), RC_BUSY);
	else if (_i == 1)
		ck_assert_int_eq(request_reply(peer.request, 200, NULL), RC_OK);
	else
		ck_assert_int_eq(
		    request_reply_text(peer.request, 200, "text/html", NULL, 0),
		    RC_OK);
	unit_assert_begins(
	    peer_sent(), _i == 0 ? "Status: 503" : "Status: 500");
	ck_assert_ptr_nonnull(
	    strstr((char *)peer.out, "\r\nContent-Type: application/json\r\n"));
	ck_assert_ptr_null(strstr((char *)peer.out, "<p>"));
}

START_TEST(replies_can_be_empty)
{
	const char *reply;

	peer_begin();
	ck_assert_int_eq(request_reply_empty(peer.request, 304), RC_OK);
	ck_assert(request_has_reply(peer.request));
	request_header(peer.request, "X-One", "1");
	reply = peer_sent();
	unit_assert_begins(reply, "Status: 304");
	ck_assert_ptr_null(strcasestr(reply, "Content-"));
	ck_assert_str_eq(strstr(reply, "\r\nX-One"), "\r\nX-One: 1\r\n\r\n");
	ck_assert_ptr_nonnull(strstr(peer_logged(0), " status=304 "));
}

/* tagged - the tag of a reply with this number in it */
static const char *
tagged(int number)
{
	static char tag[19];
	json_object *body = json_object_new_object();
	const char *line;

	json_object_object_add(body, "n", json_object_new_int(number));
	ck_assert_int_eq(request_reply_tagged(peer.request, body), RC_OK);
	peer.out_stream.wrNext = peer.out;
	line = strstr(peer_sent(), "\r\nETag: \"");
	ck_assert_ptr_nonnull(line);
	memcpy(tag, line + 8, 18);
	unit_assert_begins(line + 8 + 18, "\r\n");
	peer_logged(0);
	return tag;
}

/* What a client says that it has; @ stands for the right tag. */
static const struct {
	const char *before, *after;
	bool has_it;
} tags[] = {
	{ "", "", true },
	{ "W/", "", true },
	{ "\"old\", ", ", \"other\"", true },
	{ "*", NULL, true },
	{ "\"0123456789abcdef\"", NULL, false },
	{ "", NULL, false },
};

START_TEST(what_a_client_has_is_not_sent_again)
{
	char pair[128], first[19];

	peer_begin();
	memcpy(first, tagged(1), sizeof first);
	peer_begin();
	ck_assert_str_ne(tagged(2), first);
	snprintf(pair, sizeof pair, "HTTP_IF_NONE_MATCH=%s%s%s",
	    tags[_i].before, tags[_i].after != NULL ? first : "",
	    tags[_i].after != NULL ? tags[_i].after : "");
	peer_param(pair);
	peer_begin();
	ck_assert_str_eq(tagged(1), first);
	unit_assert_begins((char *)peer.out,
	    tags[_i].has_it ? "Status: 304" : "Status: 200 OK");
	ck_assert_int_eq(
	    strstr((char *)peer.out, "{\"n\":1}") == NULL, tags[_i].has_it);
}

START_TEST(a_tag_needs_an_answer)
{
	peer_begin();
	ck_assert_int_eq(request_reply_tagged(peer.request, NULL), RC_OK);
	unit_assert_begins(peer_sent(), "Status: 500");
	ck_assert_ptr_null(strstr((char *)peer.out, "ETag"));
}

/* A content type and a body, and what is made of them. */
static const struct {
	const char *type, *body;
	bool optional;
	const char *object, *error;
} objects[] = {
	{ "application/json", "{\"a\":1}", false, "{\"a\":1}", NULL },
	{ "application/json", "{\"a\":1}", true, "{\"a\":1}", NULL },
	{ "APPLICATION/Json", "{}", false, "{}", NULL },
	{ "application/json; charset=utf-8", "{}", false, "{}", NULL },
	{ "application/json ;x", "{}", false, "{}", NULL },
	{ "application/json", "", false, "{}", NULL },
	{ "application/json", "", true, "{}", NULL },
	{ NULL, "", true, "{}", NULL },
	{ "", "", true, "{}", NULL },
	/* a form on another site can send only these */
	{ "text/plain", "{\"a\":1}", false, NULL, "415 Unsupported" },
	{ "text/plain", "", true, NULL, "415 Unsupported" },
	{ "text/plain", "{\"a\":1}", true, NULL, "415 Unsupported" },
	{ "application/x-www-form-urlencoded", "{}", false, NULL,
	    "415 Unsupported" },
	{ "text/plain;application/json", "{}", false, NULL, "415 Unsupported" },
	{ "application/jsonx", "{}", false, NULL, "415 Unsupported" },
	{ "application/jso", "{}", false, NULL, "415 Unsupported" },
	{ "", "{}", true, NULL, "415 Unsupported" },
	{ NULL, "{}", true, NULL, "415 Unsupported" },
	{ NULL, "", false, NULL, "415 Unsupported" },
	{ "application/json", "[]", false, NULL, "\"invalid_json\"" },
	{ "application/json", "5", false, NULL, "\"invalid_json\"" },
	{ "application/json", "null ", false, NULL, "\"invalid_json\"" },
	{ "application/json", "{", false, NULL, "\"invalid_json\"" },
	{ "application/json", "a=b", false, NULL, "\"invalid_json\"" },
	{ "application/json", " ", false, NULL, "\"invalid_json\"" },
};

START_TEST(bodies_are_objects)
{
	json_object *object = NULL;
	char pair[128];
	enum rc rc;

	if (objects[_i].type != NULL) {
		snprintf(
		    pair, sizeof pair, "CONTENT_TYPE=%s", objects[_i].type);
		peer_param(pair);
	}
	snprintf(
	    pair, sizeof pair, "CONTENT_LENGTH=%zu", strlen(objects[_i].body));
	peer_param(pair);
	peer_send(objects[_i].body, strlen(objects[_i].body));
	peer_begin();
	ck_assert_int_eq(request_read_body(peer.request, 100), RC_OK);
	rc = request_json(peer.request, objects[_i].optional, &object);
	if (objects[_i].error != NULL) {
		ck_assert_int_eq(rc, RC_BAD_REQUEST);
		ck_assert_ptr_nonnull(strstr(peer_sent(), objects[_i].error));
		return;
	}
	ck_assert_int_eq(rc, RC_OK);
	ck_assert(!request_has_reply(peer.request));
	ck_assert_str_eq(
	    json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN),
	    objects[_i].object);
}

/* Results, and what a failure with them looks like. */
static const struct {
	enum rc rc;
	const char *status;
	bool retry_after;
} failures[] = {
	{ RC_BAD_REQUEST, "Status: 400", false },
	{ RC_SIGNATURE, "Status: 400", false },
	{ RC_NOT_FOUND, "Status: 404", false },
	{ RC_TOO_LARGE, "Status: 413", false },
	{ RC_UPSTREAM, "Status: 502", false },
	{ RC_BUSY, "Status: 503", true },
	{ RC_UNCERTAIN, "Status: 503", true },
	{ RC_INTERNAL, "Status: 500", false },
};

START_TEST(failures_are_json_with_a_status)
{
	const char *reply;

	peer_begin();
	ck_assert_int_eq(request_fail(peer.request, failures[_i].rc,
			     "some_code", "Say \"why\".\n"),
	    failures[_i].rc);
	reply = peer_sent();
	unit_assert_begins(reply, failures[_i].status);
	ck_assert_int_eq(strstr(reply, "\r\nRetry-After: 5\r\n") != NULL,
	    failures[_i].retry_after);
	ck_assert_str_eq(strstr(reply, "\r\n\r\n") + 4,
	    "{\"error\":\"some_code\",\"detail\":\"Say \\\"why\\\".\\n\"}");
	ck_assert_ptr_nonnull(strstr(peer_logged(0), " error=some_code "));
}

START_TEST(failures_can_have_a_status_of_their_own)
{
	peer_begin();
	ck_assert_int_eq(request_fail_status(peer.request, 405, RC_BAD_REQUEST,
			     "method_not_allowed", NULL),
	    RC_BAD_REQUEST);
	unit_assert_begins(peer_sent(), "Status: 405");
	ck_assert_ptr_nonnull(strstr((char *)peer.out, "\"detail\":\"\""));
}

START_TEST(the_last_answer_counts)
{
	json_object *body = json_object_new_object();

	peer_begin();
	ck_assert_int_eq(request_reply(peer.request, 200, body), RC_OK);
	ck_assert_int_eq(request_fail(peer.request, RC_INTERNAL, "second", "x"),
	    RC_INTERNAL);
	unit_assert_begins(peer_sent(), "Status: 500");
	ck_assert_ptr_nonnull(strstr((char *)peer.out, "\"second\""));
}

START_TEST(no_answer_is_an_error)
{
	peer_begin();
	if (_i == 1)
		ck_assert_int_eq(request_reply(peer.request, 200, NULL), RC_OK);
	unit_assert_begins(peer_sent(), "Status: 500");
	ck_assert_ptr_nonnull(
	    strstr((char *)peer.out, "\r\n\r\n{\"error\":\"internal\""));
	ck_assert_ptr_nonnull(strstr(peer_logged(0), " status=500 "));
}

START_TEST(an_answer_needs_room_in_the_arena)
{
	peer_begin();
	while (arena_alloc(request_arena(peer.request), 1024) != NULL)
		;
	while (arena_alloc(request_arena(peer.request), 1) != NULL)
		;
	ck_assert_int_eq(
	    request_reply(peer.request, 200, json_object_new_object()), RC_OK);
	unit_assert_begins(peer_sent(), "Status: 500");
}

START_TEST(headers_have_a_maximum)
{
	char value[1100];
	const char *reply;

	memset(value, 'x', sizeof value - 1);
	value[sizeof value - 1] = '\0';
	peer_begin();
	request_header(peer.request, "X-First", "1");
	request_header(peer.request, "X-Long", value);
	request_header(peer.request, "X-Last", "2");
	request_header(peer.request, "X-Long", value);
	ck_assert_int_eq(
	    request_reply(peer.request, 200, json_object_new_object()), RC_OK);
	reply = peer_sent();
	ck_assert_ptr_nonnull(
	    strstr(reply, "\r\nX-First: 1\r\nX-Last: 2\r\n\r\n{"));
	ck_assert_ptr_null(strstr(reply, "X-Long"));
}

START_TEST(requests_are_logged)
{
	const char *line;

	peer_param("REQUEST_ID=abc123");
	peer_param("REQUEST_METHOD=POST");
	peer_param("SCRIPT_NAME=/x y");
	peer_begin();
	request_log(peer.request, "event", "evt_1");
	request_log(peer.request, "none", NULL);
	ck_assert_int_eq(
	    request_reply(peer.request, 200, json_object_new_object()), RC_OK);
	line = peer_logged(3);
	ck_assert_ptr_nonnull(strstr(line,
	    " request=abc123 method=POST path=\"/x y\" status=200 "
	    "event=evt_1 ms="));
	ck_assert_ptr_nonnull(strstr(line, " db=3\n"));
}

START_TEST(notes_have_a_maximum)
{
	static const char *const keys[] = { "k0", "k1", "k2", "k3", "k4", "k5",
		"k6", "k7", "k8", "k9" };
	const char *line;

	peer_begin();
	for (size_t i = 0; i < COUNT(keys); i++)
		request_log(peer.request, keys[i], "v");
	line = peer_logged(0);
	ck_assert_ptr_nonnull(strstr(line, " k7=v ms="));
	ck_assert_ptr_null(strstr(line, "k8"));
}

START_TEST(nothing_is_left_for_the_next_request)
{
	const char *line;
	size_t len;

	peer_param("REQUEST_METHOD=POST");
	peer_param("CONTENT_LENGTH=4");
	peer_send("abcd", 4);
	peer_begin();
	ck_assert_int_eq(request_read_body(peer.request, 10), RC_OK);
	request_header(peer.request, "X-First", "1");
	request_log(peer.request, "first", "1");
	ck_assert_int_eq(
	    request_fail(peer.request, RC_BUSY, "busy", ""), RC_BUSY);
	peer_logged(0);
	peer.fcgx.envp = peer.params + PEER_PARAMS_MAX;
	peer_begin();
	ck_assert(!request_has_reply(peer.request));
	ck_assert_str_eq(request_body(peer.request, &len), "");
	ck_assert_uint_eq(len, 0);
	ck_assert_int_eq(
	    request_reply(peer.request, 200, json_object_new_object()), RC_OK);
	ck_assert_ptr_null(strstr(peer_sent(), "X-First"));
	ck_assert_ptr_null(strstr((char *)peer.out, "Retry-After"));
	line = peer_logged(0);
	ck_assert_ptr_null(strstr(line, "first"));
	ck_assert_ptr_null(strstr(line, "error"));
}

START_TEST(a_request_gives_its_memory_back)
{
	for (int i = 0; i < 5; i++) {
		peer_begin();
		ck_assert_ptr_nonnull(
		    arena_alloc(request_arena(peer.request), 3 << 20));
		peer_logged(0);
	}
}

START_TEST(nothing_can_be_freed)
{
	request_free(NULL);
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, peer_open, peer_close);
	tcase_add_test(tests, parameters_are_found);
	tcase_add_test(tests, a_request_can_be_empty);
	tcase_add_test(tests, a_body_need_not_be_read);
	unit_add_table(tests, bodies_have_the_length_that_is_claimed, bodies);
	tcase_add_test(tests, bodies_need_room_in_the_arena);
	tcase_add_test(tests, replies_are_json);
	unit_add_table(tests, statuses_have_words, phrases);
	tcase_add_test(tests, replies_can_be_texts);
	tcase_add_loop_test(tests, a_text_gives_way_to_a_failure, 0, 3);
	tcase_add_test(tests, replies_can_be_empty);
	unit_add_table(tests, what_a_client_has_is_not_sent_again, tags);
	tcase_add_test(tests, a_tag_needs_an_answer);
	unit_add_table(tests, bodies_are_objects, objects);
	unit_add_table(tests, failures_are_json_with_a_status, failures);
	tcase_add_test(tests, failures_can_have_a_status_of_their_own);
	tcase_add_test(tests, the_last_answer_counts);
	tcase_add_loop_test(tests, no_answer_is_an_error, 0, 2);
	tcase_add_test(tests, an_answer_needs_room_in_the_arena);
	tcase_add_test(tests, headers_have_a_maximum);
	tcase_add_test(tests, requests_are_logged);
	tcase_add_test(tests, notes_have_a_maximum);
	tcase_add_test(tests, nothing_is_left_for_the_next_request);
	tcase_add_test(tests, a_request_gives_its_memory_back);
	tcase_add_test(tests, nothing_can_be_freed);
}

int
main(void)
{
	return unit_main("request", add);
}
