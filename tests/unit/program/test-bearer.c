#include <stdlib.h>
#include <string.h>

#include "program/bearer.h"
#include "base/json.h"
#include "unit.h"

#define NOW_S INT64_C(1800000000)

static struct arena *arena;
static struct config *config;
static struct bearer *bearer;
static const char *problem;

/* set_up - no settings */
static void
set_up(void)
{
	clearenv();
	arena = arena_new(1 << 20);
}

/* tear_down - the end */
static void
tear_down(void)
{
	arena_free(arena);
	config_free(config);
}

/* make - from the environment */
static enum rc
make(void)
{
	static const enum setting used[] = { BEARER_SETTINGS, SETTING_END };

	ck_assert_int_eq(config_load(used, &config, &problem), RC_OK);
	return bearer_new(arena, config, &bearer, &problem);
}

/* a_token - good until a moment, signed with the secret */
static char *
a_token(int64_t expires_s)
{
	const char *token;

	setenv("AUTH_JWT_SECRET", "a secret of the tests, 32 bytes.", 1);
	ck_assert_int_eq(make(), RC_OK);
	ck_assert_int_eq(bearer_make(bearer, arena, "ada", "a@example.com",
			     NULL, expires_s, &token),
	    RC_OK);
	return arena_printf(arena, "%s", token);
}

/* verify - at NOW_S */
static enum rc
verify(const char *token, json_object **claims)
{
	const char *reason;
	enum rc rc = bearer_verify(
	    bearer, arena, token, NOW_S, claims, &reason);

	ck_assert_int_eq(rc == RC_OK, reason == NULL);
	return rc;
}

START_TEST(what_was_made_is_good)
{
	char *token = a_token(NOW_S + 1);
	json_object *claims;
	const char *text;
	int64_t expires_s;

	ck_assert_int_eq(verify(token, &claims), RC_OK);
	ck_assert_int_eq(json_string(claims, "sub", &text), RC_OK);
	ck_assert_str_eq(text, "ada");
	ck_assert_int_eq(json_string(claims, "email", &text), RC_OK);
	ck_assert_str_eq(text, "a@example.com");
	ck_assert_int_eq(json_string(claims, "role", &text), RC_NOT_FOUND);
	ck_assert_int_eq(
	    json_integer(claims, "exp", 0, JSON_TIME_MAX, &expires_s), RC_OK);
	ck_assert_int_eq(expires_s, NOW_S + 1);
}

START_TEST(at_its_end_it_has_expired)
{
	json_object *claims;

	ck_assert_int_eq(verify(a_token(NOW_S), &claims), RC_SIGNATURE);
}

START_TEST(no_bit_may_differ)
{
	char *token = a_token(NOW_S + 1);
	size_t len = strlen(token);
	json_object *claims;

	for (size_t at = 0; at < len; at++) {
		for (int bit = 0; bit < 7; bit++) {
			char was = token[at];

			token[at] = (char)(was ^ (1 << bit));
			/* The last character's low bits stand for nothing. */
			if (at != len - 1)
				ck_assert_int_eq(
				    verify(token, &claims), RC_SIGNATURE);
			token[at] = was;
		}
	}
	ck_assert_int_eq(verify(token, &claims), RC_OK);
}

START_TEST(nothing_may_be_cut)
{
	char *token = a_token(NOW_S + 1);
	json_object *claims;

	for (size_t from = 1; from < strlen(token); from++)
		ck_assert_int_eq(verify(token + from, &claims), RC_SIGNATURE);
	for (size_t len = strlen(token) - 1; len > 0; len--) {
		token[len] = '\0';
		ck_assert_int_eq(verify(token, &claims), RC_SIGNATURE);
	}
}

START_TEST(a_token_has_a_maximum)
{
	char *token = a_token(NOW_S + 1);
	char *longer = arena_alloc(arena, BEARER_TOKEN_MAX + 2);
	json_object *claims;

	memset(longer, 'A', BEARER_TOKEN_MAX + 1);
	memcpy(longer, token, strlen(token));
	ck_assert_int_eq(verify(longer, &claims), RC_SIGNATURE);
}

START_TEST(audience_and_issuer_are_in_what_is_made)
{
	json_object *claims;
	const char *text;

	setenv("AUTH_JWT_AUDIENCE", "paydesk", 1);
	setenv("AUTH_JWT_ISSUER", "app", 1);
	ck_assert_int_eq(verify(a_token(NOW_S + 1), &claims), RC_OK);
	ck_assert_int_eq(json_string(claims, "aud", &text), RC_OK);
	ck_assert_str_eq(text, "paydesk");
	ck_assert_int_eq(json_string(claims, "iss", &text), RC_OK);
	ck_assert_str_eq(text, "app");
}

START_TEST(without_settings_there_are_no_tokens)
{
	const char *token;

	ck_assert_int_eq(make(), RC_OK);
	ck_assert_ptr_null(bearer);
	ck_assert_int_eq(
	    bearer_make(bearer, arena, "a", NULL, NULL, NOW_S, &token),
	    RC_NOT_FOUND);
}

/* The keys are public; they were made for this test. */
#define EC_KEY \
	"-----BEGIN PUBLIC KEY-----\n" \
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9\n" \
	"q9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageEHWwHdBO6B+dFabmdT9POxg==\n" \
	"-----END PUBLIC KEY-----\n"
#define ED_KEY \
	"-----BEGIN PUBLIC KEY-----\n" \
	"MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n" \
	"-----END PUBLIC KEY-----\n"

/* Settings, and the one that the problem names; NULL: all is well. */
static const struct {
	const char *secret, *key, *alg, *names;
} settings[] = {
	{ "x", NULL, NULL, NULL },
	{ "x", NULL, "HS256", NULL },
	{ NULL, EC_KEY, NULL, NULL },
	{ NULL, EC_KEY, "ES256", NULL },
	{ "x", EC_KEY, "HS256", NULL },
	{ "x", EC_KEY, "ES256", NULL },
	{ "x", EC_KEY, NULL, "AUTH_JWT_ALG" },
	{ NULL, EC_KEY, "HS256", "AUTH_JWT_SECRET" },
	{ NULL, EC_KEY, "RS256", "AUTH_JWT_PUBLIC_KEY" },
	{ "x", NULL, "RS256", "AUTH_JWT_PUBLIC_KEY" },
	{ "x", NULL, "none", "AUTH_JWT_ALG" },
	{ "x", NULL, "hs256", "AUTH_JWT_ALG" },
	{ "x", NULL, "HS512", "AUTH_JWT_ALG" },
	{ "x", NULL, "EdDSA", "EdDSA" },
	{ NULL, ED_KEY, NULL, "EdDSA" },
	{ NULL, NULL, "HS256", "AUTH_JWT_SECRET" },
	{ NULL, "/nowhere", NULL, "/nowhere" },
	{ NULL, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
	    NULL, "AUTH_JWT_PUBLIC_KEY" },
};

START_TEST(settings_must_fit)
{
	if (settings[_i].secret != NULL)
		setenv("AUTH_JWT_SECRET", settings[_i].secret, 1);
	if (settings[_i].key != NULL)
		setenv("AUTH_JWT_PUBLIC_KEY", settings[_i].key, 1);
	if (settings[_i].alg != NULL)
		setenv("AUTH_JWT_ALG", settings[_i].alg, 1);
	if (settings[_i].names == NULL) {
		ck_assert_int_eq(make(), RC_OK);
		ck_assert_ptr_nonnull(bearer);
		return;
	}
	ck_assert_int_eq(make(), RC_BAD_REQUEST);
	ck_assert_ptr_nonnull(strstr(problem, settings[_i].names));
}

/* add - all of the above */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, what_was_made_is_good);
	tcase_add_test(tests, at_its_end_it_has_expired);
	tcase_add_test(tests, no_bit_may_differ);
	tcase_add_test(tests, nothing_may_be_cut);
	tcase_add_test(tests, a_token_has_a_maximum);
	tcase_add_test(tests, audience_and_issuer_are_in_what_is_made);
	tcase_add_test(tests, without_settings_there_are_no_tokens);
	unit_add_table(tests, settings_must_fit, settings);
}

int
main(void)
{
	return unit_main("bearer", add);
}
