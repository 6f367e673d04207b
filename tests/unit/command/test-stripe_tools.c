#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "server.h"
#include "stripe/stripe_event.h"
#include "stripe/stripe_facts.h"
#include "stripe/stripe_state.h"
#include "command/stripe_tools.h"
#include "unit.h"

#define SECRET "whsec_unit"
#define BODY "{\"id\":\"evt_1\"}"

static const struct program program = { .name = "unit-program" };
static struct stripe_state state;
static struct service service = { .program = &program, .state = &state };
static const char *written;

/* set_up - one secret, no proxy */
static void
set_up(void)
{
	static const enum setting used[] = { PAYDESK_PORT, SETTING_END };
	const char *problem;

	clearenv();
	service.arena = arena_new(4 << 20);
	ck_assert_int_eq(config_load(used, &service.config, &problem), RC_OK);
	state.keys = signature_keys_new(SECRET);
}

/* tear_down - the end */
static void
tear_down(void)
{
	signature_keys_free(state.keys);
	config_free(service.config);
	arena_free(service.arena);
}

/* run - a command with arguments that end with NULL; keeps its output */
static int
run(const struct command *command, int descriptor, const char *const *arguments)
{
	const char *words[8];
	int count = 0, status;

	for (; arguments[count] != NULL; count++)
		words[count] = arguments[count];
	unit_capture(descriptor);
	status = command_line_run(&service, command, count, (char **)words);
	written = unit_captured();
	return status;
}

/* signed_at - the header for BODY at a time */
static const char *
signed_at(int64_t at_s)
{
	char *header = arena_alloc(service.arena, 128);

	ck_assert_int_eq(
	    signature_make(state.keys, BODY, strlen(BODY), at_s, header, 128),
	    RC_OK);
	return header;
}

START_TEST(verify_accepts_a_delivery_of_now)
{
	const char *const arguments[] = { "--header", signed_at(time(NULL)),
		NULL };

	unit_input(BODY, strlen(BODY));
	ck_assert_int_eq(
	    run(&stripe_tools_verify_command, STDOUT_FILENO, arguments),
	    EXIT_DONE);
	ck_assert_str_eq(written, "accepted\n");
}

/* A time, and what is said of a delivery signed at 1000. */
static const struct {
	const char *at, *verdict;
	int status;
} times[] = {
	{ "1000", "accepted\n", EXIT_DONE },
	{ "1300", "accepted\n", EXIT_DONE },
	{ "1301", "refused: it was signed more than 300 seconds ago",
	    EXIT_FAILED },
	{ "699", "refused: it was signed more than 300 seconds in the future",
	    EXIT_FAILED },
};

START_TEST(verify_can_look_from_another_time)
{
	const char *const arguments[] = { "--at", times[_i].at, "--header",
		signed_at(1000), NULL };

	unit_input(BODY, strlen(BODY));
	ck_assert_int_eq(
	    run(&stripe_tools_verify_command, STDOUT_FILENO, arguments),
	    times[_i].status);
	unit_assert_begins(written, times[_i].verdict);
}

START_TEST(verify_tells_why_not)
{
	const char *const arguments[] = { "--header", signed_at(time(NULL)),
		NULL };

	unit_input(BODY "\n", strlen(BODY) + 1);
	ck_assert_int_eq(
	    run(&stripe_tools_verify_command, STDOUT_FILENO, arguments),
	    EXIT_FAILED);
	unit_assert_begins(written, "refused: no v1 fits the body");
}

static const char *const wrong_uses[][4] = { { NULL }, { "--header", NULL },
	{ "--at", "1000", NULL }, { "t=1,v1=2", NULL },
	{ "--header", "t=1,v1=2", "--at", NULL },
	{ "--header", "t=1,v1=2", "extra", NULL } };

START_TEST(verify_shows_its_usage)
{
	ck_assert_int_eq(
	    run(&stripe_tools_verify_command, STDERR_FILENO, wrong_uses[_i]),
	    EXIT_USAGE);
	ck_assert_ptr_nonnull(strstr(written, "--header H"));
}

START_TEST(verify_wants_a_time_that_is_a_number)
{
	static const char *const arguments[] = { "--header", "t=1,v1=2", "--at",
		"12x", NULL };

	ck_assert_int_eq(
	    run(&stripe_tools_verify_command, STDERR_FILENO, arguments),
	    EXIT_USAGE);
}

START_TEST(verify_takes_no_endless_body)
{
	static char body[(1 << 20) + 1];
	static const char *const arguments[] = { "--header", "t=1,v1=2", NULL };

	unit_input(body, sizeof body);
	ck_assert_int_eq(
	    run(&stripe_tools_verify_command, STDERR_FILENO, arguments),
	    EXIT_FAILED);
	ck_assert_ptr_nonnull(strstr(written, "cannot read the body"));
}

START_TEST(neither_works_without_a_secret)
{
	static const char *const none[] = { NULL };
	static const char *const arguments[] = { "--header", "t=1,v1=2", NULL };

	signature_keys_free(state.keys);
	state.keys = NULL;
	ck_assert_int_eq(
	    run(&stripe_tools_verify_command, STDERR_FILENO, arguments),
	    EXIT_CONFIG);
	ck_assert_ptr_nonnull(strstr(written, "STRIPE_WEBHOOK_SECRET"));
	ck_assert_int_eq(
	    run(&stripe_tools_send_command, STDERR_FILENO, none), EXIT_CONFIG);
}

/* delivered - the body of the first request, after its signature is checked */
static const char *
delivered(void)
{
	char *request, *header, *body, *end;
	const char *reason;
	size_t len;

	request = (char *)server_stop(&len);
	end = strstr(request, "connection 2\n");
	if (end == NULL)
		end = request + len;
	unit_assert_begins(request, "connection 1\nPOST /hook HTTP/1.1\r\n");
	ck_assert_ptr_nonnull(
	    strstr(request, "\r\nContent-Type: application/json\r\n"));
	header = strstr(request, "\r\nStripe-Signature: ");
	ck_assert_ptr_nonnull(header);
	header += 20;
	body = strstr(request, "\r\n\r\n") + 4;
	*strchr(header, '\r') = '\0';
	ck_assert_int_eq(signature_verify(state.keys, header, body,
			     (size_t)(end - body), time(NULL), &reason),
	    RC_OK);
	return body;
}

/* hook - the address of a server that answers so */
static const char *
hook(const struct server_turn *turns, size_t count)
{
	return arena_printf(service.arena, "http://127.0.0.1:%d/hook",
	    server_start(turns, count));
}

START_TEST(send_delivers_a_sample)
{
	static const struct server_turn turn = { SERVER_CLOSE,
		"HTTP/1.1 200 OK\r\n\r\n{\"received\":true}", 0 };
	const char *const arguments[] = { "--url", hook(&turn, 1), "--account",
		"acc \"1\"", NULL };
	const char *body, *problem;
	struct stripe_event event;
	struct stripe_facts facts;

	ck_assert_int_eq(
	    run(&stripe_tools_send_command, STDOUT_FILENO, arguments),
	    EXIT_DONE);
	ck_assert_str_eq(written, "200 {\"received\":true}\n");
	body = delivered();
	ck_assert_int_eq(
	    stripe_event_parse(service.arena, body, strlen(body), &event),
	    RC_OK);
	ck_assert_str_eq(event.type, "customer.subscription.created");
	stripe_facts_clear(&facts);
	ck_assert_int_eq(stripe_facts_subscription(
			     event.object, event.previous, &facts, &problem),
	    RC_OK);
	ck_assert_str_eq(json_object_get_string(
			     json_object_object_get(facts.metadata, "account")),
	    "acc \"1\"");
	ck_assert_str_eq(facts.status, "active");
	ck_assert_int_gt(facts.period_end_s, event.created_s);
}

START_TEST(send_delivers_files)
{
	static const struct server_turn turns[] = {
		{ SERVER_CLOSE, "HTTP/1.1 200 OK\r\n\r\none", 0 },
		{ SERVER_CLOSE, "HTTP/1.1 200 OK\r\n\r\ntwo", 0 }
	};
	const char *path = unit_file(BODY, strlen(BODY));
	const char *const arguments[] = { "--url", hook(turns, 2), path, path,
		NULL };

	ck_assert_int_eq(
	    run(&stripe_tools_send_command, STDOUT_FILENO, arguments),
	    EXIT_DONE);
	ck_assert_str_eq(written, "200 one\n200 two\n");
	unit_assert_begins(delivered(), BODY);
}

START_TEST(send_fails_unless_all_are_taken)
{
	static const struct server_turn turn = { SERVER_CLOSE,
		"HTTP/1.1 400 x\r\n\r\nno", 0 };
	const char *const arguments[] = { "--url", hook(&turn, 1), NULL };

	ck_assert_int_eq(
	    run(&stripe_tools_send_command, STDOUT_FILENO, arguments),
	    EXIT_FAILED);
	ck_assert_str_eq(written, "400 no\n");
	delivered();
}

static const char *const failures[][4] = {
	{ "--url", "http://127.0.0.1:1/", NULL },
	{ "/nonexistent/event.json", NULL },
};

START_TEST(send_tells_what_went_wrong)
{
	ck_assert_int_eq(
	    run(&stripe_tools_send_command, STDERR_FILENO, failures[_i]),
	    EXIT_FAILED);
	unit_assert_begins(written, "unit-program: ");
}

static const char *const wrong_sends[][4] = { { "--url", NULL },
	{ "--account", NULL }, { "--other", "x", NULL }, { "-x", NULL } };

START_TEST(send_shows_its_usage)
{
	ck_assert_int_eq(
	    run(&stripe_tools_send_command, STDERR_FILENO, wrong_sends[_i]),
	    EXIT_USAGE);
	ck_assert_ptr_nonnull(strstr(written, "unit-program send "));
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, verify_accepts_a_delivery_of_now);
	unit_add_table(tests, verify_can_look_from_another_time, times);
	tcase_add_test(tests, verify_tells_why_not);
	unit_add_table(tests, verify_shows_its_usage, wrong_uses);
	tcase_add_test(tests, verify_wants_a_time_that_is_a_number);
	tcase_add_test(tests, verify_takes_no_endless_body);
	tcase_add_test(tests, neither_works_without_a_secret);
	tcase_add_test(tests, send_delivers_a_sample);
	tcase_add_test(tests, send_delivers_files);
	tcase_add_test(tests, send_fails_unless_all_are_taken);
	unit_add_table(tests, send_tells_what_went_wrong, failures);
	unit_add_table(tests, send_shows_its_usage, wrong_sends);
}

int
main(void)
{
	return unit_main("stripe_tools", add);
}
