#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "peer.h"
#include "program/caller.h"
#include "unit.h"

static struct arena *arena;
static struct config *config;
static struct caller_rules rules;
static struct caller caller;
static const char *problem;

/* set_up - a server that takes tokens, of one site */
static void
set_up(void)
{
	static const enum setting used[] = { CALLER_SETTINGS, SETTING_END };

	clearenv();
	setenv("AUTH_JWT_SECRET", "a secret of the tests, 32 bytes.", 1);
	setenv("SITE_URL", "https://app.example.com", 1);
	arena = arena_new(1 << 20);
	ck_assert_int_eq(config_load(used, &config, &problem), RC_OK);
	ck_assert_int_eq(
	    caller_rules_new(arena, config, &rules, &problem), RC_OK);
	peer_open();
}

/* tear_down - the end */
static void
tear_down(void)
{
	peer_close();
	arena_free(arena);
	config_free(config);
}

/* header - a variable of the request */
static void
header(const char *name, const char *value)
{
	if (value != NULL)
		peer_param(arena_printf(arena, "%s=%s", name, value));
}

/* identify - from what the peer has sent */
static enum rc
identify(void)
{
	peer_begin();
	return caller_identify(&rules, peer.request, &caller);
}

/* refused - with that status, and something in the reply */
static void
refused(const char *status, const char *part)
{
	const char *reply;

	ck_assert_int_eq(identify(), RC_SIGNATURE);
	reply = peer_sent();
	unit_assert_begins(reply, status);
	ck_assert_msg(strstr(reply, part) != NULL, "%s", reply);
}

/* bearer - a token in Authorization, behind a scheme */
static void
bearer(const char *scheme, const char *id, const char *email, const char *role)
{
	const char *token;

	ck_assert_int_eq(bearer_make(rules.bearer, arena, id, email, role,
			     time(NULL) + 60, &token),
	    RC_OK);
	header(
	    "HTTP_AUTHORIZATION", arena_printf(arena, "%s%s", scheme, token));
}

/* Whom nginx has let in; what is kept of address and role. */
static const struct {
	const char *email, *role;
	const char *kept_email, *kept_role;
} visitors[] = {
	{ NULL, NULL, NULL, NULL },
	{ "a@example.com", "admin", "a@example.com", "admin" },
	{ "", "", NULL, NULL },
	{ "nobody", "Admin", NULL, NULL },
	{ "@example.com", "user", NULL, NULL },
	{ "a@", "admin ", NULL, NULL },
	{ "a b@example.com", NULL, NULL, NULL },
	{ "a\n@example.com", NULL, NULL, NULL },
};

START_TEST(whom_nginx_has_let_in_is_believed)
{
	header("REMOTE_USER", "ada");
	header("PAYDESK_EMAIL", visitors[_i].email);
	header("PAYDESK_ROLE", visitors[_i].role);
	ck_assert_int_eq(identify(), RC_OK);
	ck_assert_str_eq(caller.id, "ada");
	ck_assert_pstr_eq(caller.email, visitors[_i].kept_email);
	ck_assert_pstr_eq(caller.role, visitors[_i].kept_role);
	ck_assert(caller.by_nginx);
}

START_TEST(headers_of_a_client_say_nothing)
{
	header("HTTP_REMOTE_USER", "ada");
	header("HTTP_PAYDESK_EMAIL", "a@example.com");
	header("HTTP_PAYDESK_ROLE", "admin");
	refused("Status: 401", "there is no bearer token");
}

static const char *const schemes[] = { "Bearer ", "bearer ", "BEARER   " };

START_TEST(a_token_names_the_caller)
{
	bearer(schemes[_i], "ada", "a@example.com", "admin");
	ck_assert_int_eq(identify(), RC_OK);
	ck_assert_str_eq(caller.id, "ada");
	ck_assert_str_eq(caller.email, "a@example.com");
	ck_assert_str_eq(caller.role, "admin");
	ck_assert(!caller.by_nginx);
}

START_TEST(nginx_comes_before_a_token)
{
	header("REMOTE_USER", "eve");
	bearer("Bearer ", "ada", NULL, "admin");
	ck_assert_int_eq(identify(), RC_OK);
	ck_assert_str_eq(caller.id, "eve");
	ck_assert_ptr_null(caller.role);
}

START_TEST(another_scheme_is_no_token)
{
	header("HTTP_AUTHORIZATION", "Basic YTpi");
	refused("Status: 401", "WWW-Authenticate: Bearer\r\n");
}

START_TEST(a_wrong_token_is_said_to_be_wrong)
{
	header("HTTP_AUTHORIZATION", "Bearer a.b.c");
	refused("Status: 401", "Bearer error=\"invalid_token\"");
}

START_TEST(without_a_key_no_token_is_taken)
{
	bearer("Bearer ", "ada", NULL, NULL);
	rules.bearer = NULL;
	refused("Status: 401", "neither AUTH_JWT_SECRET nor");
}

START_TEST(an_id_that_is_no_plain_text_is_refused)
{
	static const char *const ids[] = { "a\nb", "a\x7f" };

	if (_i < (int)COUNT(ids))
		header("REMOTE_USER", ids[_i]);
	else
		header("REMOTE_USER",
		    arena_printf(arena, "%0*d", CALLER_ID_MAX + 1, 0));
	refused("Status: 401", "The caller's id is empty, too long, or");
}

/* A page, and whether its visitors may call with their cookies. */
static const struct {
	const char *origin;
	bool trusted;
} origins[] = {
	{ NULL, true },
	{ "https://app.example.com", true },
	{ "https://evil.example", false },
	{ "http://app.example.com", false },
	{ "null", false },
};

START_TEST(a_foreign_page_cannot_use_a_visitor)
{
	header("REMOTE_USER", "ada");
	header("REQUEST_METHOD", "POST");
	header("HTTP_ORIGIN", origins[_i].origin);
	if (origins[_i].trusted)
		ck_assert_int_eq(identify(), RC_OK);
	else
		refused("Status: 403", "origin_not_allowed");
}

START_TEST(a_foreign_page_may_have_a_token)
{
	bearer("Bearer ", "ada", NULL, NULL);
	header("REQUEST_METHOD", "POST");
	header("HTTP_ORIGIN", "https://evil.example");
	ck_assert_int_eq(identify(), RC_OK);
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	unit_add_table(tests, whom_nginx_has_let_in_is_believed, visitors);
	tcase_add_test(tests, headers_of_a_client_say_nothing);
	unit_add_table(tests, a_token_names_the_caller, schemes);
	tcase_add_test(tests, nginx_comes_before_a_token);
	tcase_add_test(tests, another_scheme_is_no_token);
	tcase_add_test(tests, a_wrong_token_is_said_to_be_wrong);
	tcase_add_test(tests, without_a_key_no_token_is_taken);
	tcase_add_loop_test(
	    tests, an_id_that_is_no_plain_text_is_refused, 0, 3);
	unit_add_table(tests, a_foreign_page_cannot_use_a_visitor, origins);
	tcase_add_test(tests, a_foreign_page_may_have_a_token);
}

int
main(void)
{
	return unit_main("caller", add);
}
