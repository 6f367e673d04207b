#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program/config.h"
#include "unit.h"

#define VALUE_MAX 4096 /* bytes, as in config.c */

static struct config *config;
static const char *problem;

/* load - one setting */
static enum rc
load(enum setting setting)
{
	const enum setting used[] = { setting, SETTING_END };

	return config_load(used, &config, &problem);
}

/* set_up - no setting at all */
static void
set_up(void)
{
	clearenv();
}

/* tear_down - also what a failed load left */
static void
tear_down(void)
{
	config_free(config);
}

#define WHSEC "must hold secrets that begin with whsec_"
#define NUMBER "must be a whole number"
#define SITE "must be a URL without query"
#define ORIGINS "must be origins"
#define PREFIX "must be 1 to 16 capital letters"
#define SMTP "must be a URL that begins with smtp://"
#define KEY "must be a secret key"

/* A value, and the problem with it; NULL: it is taken as it is. */
static const struct {
	enum setting setting;
	const char *value, *problem;
} values[] = {
	{ DATABASE_URL, "postgresql:///paydesk?host=/run/postgresql", NULL },
	{ DATABASE_URL, "host=a,b dbname=paydesk", NULL },
	{ STRIPE_API_KEY, "sk_test_1", NULL },
	{ STRIPE_API_KEY, "rk_live_1", NULL },
	{ STRIPE_API_KEY, "pk_live_1", KEY },
	{ STRIPE_API_KEY, "whsec_1", KEY },
	{ STRIPE_API_KEY, "org_key_1", NULL },
	{ STRIPE_API_KEY, " sk_test_1", "must not contain blanks" },
	{ STRIPE_API_KEY, "sk_test_1 ", "must not contain blanks" },
	{ STRIPE_API_KEY, "sk_test_1\r\nX-Evil: 1", "must not contain blanks" },
	{ STRIPE_API_KEY, "sk_test_\xc3\xa9", "must not contain blanks" },
	{ STRIPE_API_BASE, "https://api.stripe.com", NULL },
	{ STRIPE_API_BASE, "http://127.0.0.1:12111", NULL },
	{ STRIPE_API_BASE, "ftp://api.stripe.com", "must be a URL" },
	{ STRIPE_API_BASE, "api.stripe.com", "must be a URL" },
	{ STRIPE_API_BASE, "file:///etc/passwd", "must be a URL" },
	{ STRIPE_API_BASE, "https://a b", "must be a URL" },
	{ STRIPE_API_BASE, "https://a\n", "must be a URL" },
	{ STRIPE_API_VERSION, "2024-06-20", NULL },
	{ SITE_URL, "https://app.example.com", NULL },
	{ SITE_URL, "http://127.0.0.1:3000/app/", NULL },
	{ SITE_URL, "app.invalid", "must be a URL" },
	{ SITE_URL, "https://app.invalid/?a", "must be a URL" },
	{ SITE_URL, "https://app.invalid/#a", "must be a URL" },
	{ ALLOWED_ORIGINS, "https://a.example", NULL },
	{ ALLOWED_ORIGINS, " https://a.example  http://b.example:81 ", NULL },
	{ ALLOWED_ORIGINS, "*", "must be origins" },
	{ ALLOWED_ORIGINS, "null", "must be origins" },
	{ ALLOWED_ORIGINS, "https://*.example", "must be origins" },
	{ ALLOWED_ORIGINS, "https://a.example/", "must be origins" },
	{ ALLOWED_ORIGINS, "https:///", "must be origins" },
	{ ALLOWED_ORIGINS, "https://a.example,https://b.example",
	    "must be origins" },
	{ ALLOWED_ORIGINS, "https://a.example\thttps://b.example",
	    "must be origins" },
	{ STRIPE_WEBHOOK_SECRET, "whsec_1", NULL },
	{ STRIPE_WEBHOOK_SECRET, "whsec_old whsec_new", NULL },
	{ STRIPE_WEBHOOK_SECRET, " whsec_1 ", NULL },
	{ STRIPE_WEBHOOK_SECRET, " ", "is blank" },
	{ STRIPE_WEBHOOK_SECRET, "whsec_", WHSEC },
	{ STRIPE_WEBHOOK_SECRET, "secret", WHSEC },
	{ STRIPE_WEBHOOK_SECRET, "WHSEC_1", WHSEC },
	{ STRIPE_WEBHOOK_SECRET, "whsec_1 2", WHSEC },
	{ STRIPE_WEBHOOK_SECRET, "whsec_1,whsec_2 x", WHSEC },
	{ STRIPE_WEBHOOK_SECRET, "whsec_1\n", WHSEC },
	{ STRIPE_WEBHOOK_SECRET, "whsec_1\r", WHSEC },
	{ STRIPE_WEBHOOK_SECRET, "whsec_1\nwhsec_2", WHSEC },
	{ STRIPE_WEBHOOK_SECRET, "whsec_1\twhsec_2", WHSEC },
	{ STRIPE_LIVEMODE, "true", NULL },
	{ STRIPE_LIVEMODE, "false", NULL },
	{ STRIPE_LIVEMODE, "yes", "must be true or false" },
	{ STRIPE_LIVEMODE, "True", "must be true or false" },
	{ STRIPE_LIVEMODE, "1", "must be true or false" },
	{ STRIPE_LIVEMODE, "true ", "must be true or false" },
	{ STRIPE_PAYLOAD_STORE_MAX, "0", NULL },
	{ STRIPE_PAYLOAD_STORE_MAX, "999999999", NULL },
	{ STRIPE_PAYLOAD_STORE_MAX, "1000000000", NUMBER },
	{ STRIPE_PAYLOAD_STORE_MAX, "-1", NUMBER },
	{ STRIPE_PAYLOAD_STORE_MAX, "+1", NUMBER },
	{ STRIPE_PAYLOAD_STORE_MAX, "16k", NUMBER },
	{ STRIPE_PAYLOAD_STORE_MAX, "1.5", NUMBER },
	{ STRIPE_PAYLOAD_STORE_MAX, " 1", NUMBER },
	{ PAYLOAD_KEEP_DAYS, "36500", NULL },
	{ PAYLOAD_KEEP_DAYS, "36501", NUMBER },
	{ SITE_URL, "https://app.example.com", NULL },
	{ SITE_URL, "https://example.com/app", NULL },
	{ SITE_URL, "http://127.0.0.1:3000", NULL },
	{ SITE_URL, "app.other.example", SITE },
	{ SITE_URL, "https://app.example.com?x=y", SITE },
	{ SITE_URL, "https://app.example.com/#x", SITE },
	{ ALLOWED_ORIGINS, "https://app.example.com", NULL },
	{ ALLOWED_ORIGINS, "http://127.0.0.1:3000", NULL },
	{ ALLOWED_ORIGINS, " https://a.example  http://b.example:8080 ", NULL },
	{ ALLOWED_ORIGINS, "http://a", NULL },
	{ ALLOWED_ORIGINS, "*", ORIGINS },
	{ ALLOWED_ORIGINS, "null", ORIGINS },
	{ ALLOWED_ORIGINS, "https://", ORIGINS },
	{ ALLOWED_ORIGINS, "https://*.example.com", ORIGINS },
	{ ALLOWED_ORIGINS, "https://a.example/", ORIGINS },
	{ ALLOWED_ORIGINS, "https://a.example?x", ORIGINS },
	{ ALLOWED_ORIGINS, "https://a.example#x", ORIGINS },
	{ ALLOWED_ORIGINS, "https://a.example,https://b.example", ORIGINS },
	{ ALLOWED_ORIGINS, "https://a.example\nhttps://b.example", ORIGINS },
	{ ALLOWED_ORIGINS, "https://a.example b.example", ORIGINS },
	{ ALLOWED_ORIGINS, "file://a.example", ORIGINS },
	{ GUMROAD_WEBHOOK_SECRET, "abc", NULL },
	{ GUMROAD_WEBHOOK_SECRET, " abc def", NULL },
	{ GUMROAD_WEBHOOK_SECRET, "  ", "is blank" },
	{ LICENSE_PREFIX, "A", NULL },
	{ LICENSE_PREFIX, "DT1", NULL },
	{ LICENSE_PREFIX, "ABCDEFGHIJ012345", NULL },
	{ LICENSE_PREFIX, "ABCDEFGHIJ0123456", PREFIX },
	{ LICENSE_PREFIX, "dt1", PREFIX },
	{ LICENSE_PREFIX, "DT-1", PREFIX },
	{ LICENSE_BLOB_PREFIX, "DTLIC2:", NULL },
	{ LICENSE_BLOB_PREFIX, "DT LIC", "must not contain blanks" },
	{ POSTMARK_TOKEN, "0f1a-22", NULL },
	{ POSTMARK_TOKEN, "0f1a\n22", "must not contain blanks" },
	{ POSTMARK_TOKEN, "\xc3\xa9", "must not contain blanks" },
	{ POSTMARK_API_BASE, "https://api.postmarkapp.com", NULL },
	{ POSTMARK_API_BASE, "smtp://x", "must be a URL" },
	{ SMTP_URL, "smtp://u:p@mail.example.org:587", NULL },
	{ SMTP_URL, "smtps://mail.example.org", NULL },
	{ SMTP_URL, "https://mail.example.org", SMTP },
	{ SMTP_URL, "smtp:/mail.example.org", SMTP },
	{ SMTP_URL, "smtp://a b", SMTP },
	{ EMAIL_FROM, "shop@example.org", NULL },
	{ EMAIL_FROM, "Shop <shop@example.org>", NULL },
	{ EMAIL_FROM, "Shop", "must be like shop@example.org" },
	{ STRIPE_WEBHOOK_SECRET,
	    "whsec_1 whsec_2 whsec_3 whsec_4 whsec_5 "
	    "whsec_6 whsec_7 whsec_8",
	    NULL },
	{ STRIPE_WEBHOOK_SECRET,
	    "whsec_1 whsec_2 whsec_3 whsec_4 whsec_5 "
	    "whsec_6 whsec_7 whsec_8 whsec_9",
	    "must hold at most eight" },
	{ PAYDESK_PORT, "1", NULL },
	{ PAYDESK_PORT, "65535", NULL },
	{ PAYDESK_PORT, "0", "must be a port number" },
	{ PAYDESK_PORT, "65536", "must be a port number" },
	{ PAYDESK_PORT, "http", "must be a port number" },
};

START_TEST(values_are_checked)
{
	const char *name = config_name(values[_i].setting);
	enum rc rc;

	setenv(name, values[_i].value, 1);
	rc = load(values[_i].setting);
	if (values[_i].problem == NULL) {
		ck_assert_int_eq(rc, RC_OK);
		ck_assert_str_eq(config_string(config, values[_i].setting),
		    values[_i].value);
		return;
	}
	ck_assert_msg(rc == RC_BAD_REQUEST, "%s=%s", name, values[_i].value);
	ck_assert_ptr_nonnull(strstr(problem, values[_i].problem));
	unit_assert_begins(problem, name);
	if (strlen(values[_i].value) > 8)
		ck_assert_ptr_null(strstr(problem, values[_i].value));
}

START_TEST(defaults_stand_for_what_is_not_set)
{
	static const enum setting used[] = { DATABASE_URL, STRIPE_API_KEY,
		STRIPE_API_BASE, STRIPE_API_VERSION, STRIPE_WEBHOOK_SECRET,
		STRIPE_LIVEMODE, STRIPE_PAYLOAD_STORE_MAX, AUTH_JWT_AUDIENCE,
		PAYDESK_PORT, SETTING_END };

	if (_i == 1) {
		for (int i = SETTING_END + 1; i < SETTING_COUNT; i++)
			setenv(config_name((enum setting)i), "", 1);
	}
	ck_assert_int_eq(config_load(used, &config, &problem), RC_OK);
	ck_assert_ptr_null(config_string(config, DATABASE_URL));
	ck_assert_ptr_null(config_string(config, STRIPE_API_KEY));
	ck_assert_ptr_null(config_string(config, STRIPE_WEBHOOK_SECRET));
	ck_assert_ptr_null(config_string(config, STRIPE_LIVEMODE));
	ck_assert_ptr_null(config_string(config, AUTH_JWT_AUDIENCE));
	ck_assert_str_eq(
	    config_string(config, STRIPE_API_BASE), "https://api.stripe.com");
	ck_assert_ptr_nonnull(config_string(config, STRIPE_API_VERSION));
	ck_assert_int_eq(config_long(config, STRIPE_PAYLOAD_STORE_MAX), 16384);
	ck_assert_int_eq(config_long(config, PAYDESK_PORT), 8080);
}

START_TEST(numbers_are_numbers)
{
	setenv("PAYLOAD_KEEP_DAYS", "007", 1);
	ck_assert_int_eq(load(PAYLOAD_KEEP_DAYS), RC_OK);
	ck_assert_int_eq(config_long(config, PAYLOAD_KEEP_DAYS), 7);
}

START_TEST(only_what_is_used_is_read)
{
	setenv("PAYDESK_PORT", "none", 1);
	setenv("AUTH_JWT_AUDIENCE", "/x", 1);
	ck_assert_int_eq(load(AUTH_JWT_AUDIENCE), RC_OK);
	ck_assert_int_eq(config_long(config, PAYDESK_PORT), 8080);
}

START_TEST(the_first_problem_is_told)
{
	static const enum setting used[] = { STRIPE_LIVEMODE, PAYDESK_PORT,
		SETTING_END };

	setenv("PAYDESK_PORT", "none", 1);
	setenv("STRIPE_LIVEMODE", "none", 1);
	ck_assert_int_eq(config_load(used, &config, &problem), RC_BAD_REQUEST);
	ck_assert_str_eq(problem, "STRIPE_LIVEMODE must be true or false");
}

START_TEST(values_have_a_maximum)
{
	char value[VALUE_MAX + 2];

	memset(value, '/', sizeof value);
	value[VALUE_MAX] = '\0';
	setenv("AUTH_JWT_AUDIENCE", value, 1);
	ck_assert_int_eq(load(AUTH_JWT_AUDIENCE), RC_OK);
	ck_assert_str_eq(config_string(config, AUTH_JWT_AUDIENCE), value);
	config_free(config);
	value[VALUE_MAX] = '/';
	value[VALUE_MAX + 1] = '\0';
	setenv("AUTH_JWT_AUDIENCE", value, 1);
	ck_assert_int_eq(load(AUTH_JWT_AUDIENCE), RC_BAD_REQUEST);
	ck_assert_str_eq(
	    problem, "AUTH_JWT_AUDIENCE is longer than 4096 bytes");
}

#define BYTES(literal) literal, sizeof(literal) - 1

/* What a file holds, and what it says; NULL: it is refused. */
static const struct {
	const char *bytes;
	size_t len;
	const char *value;
} files[] = {
	{ BYTES("whsec_file"), "whsec_file" },
	{ BYTES("whsec_file\n"), "whsec_file" },
	{ BYTES("whsec_1 whsec_2\n"), "whsec_1 whsec_2" },
	{ BYTES("whsec_file\n\n"), NULL },
	{ BYTES("whsec_file\r\n"), NULL },
	{ BYTES("whsec_fi\0le"), NULL },
	{ BYTES("\0"), NULL },
	{ BYTES("secret"), NULL },
};

START_TEST(files_hold_values)
{
	setenv("STRIPE_WEBHOOK_SECRET_FILE",
	    unit_file(files[_i].bytes, files[_i].len), 1);
	if (files[_i].value != NULL) {
		ck_assert_int_eq(load(STRIPE_WEBHOOK_SECRET), RC_OK);
		ck_assert_str_eq(config_string(config, STRIPE_WEBHOOK_SECRET),
		    files[_i].value);
		return;
	}
	ck_assert_int_eq(load(STRIPE_WEBHOOK_SECRET), RC_BAD_REQUEST);
	ck_assert_ptr_nonnull(strstr(problem, "STRIPE_WEBHOOK_SECRET"));
	ck_assert_ptr_null(strstr(problem, "whsec_fi"));
}

START_TEST(files_can_be_empty)
{
	setenv("STRIPE_WEBHOOK_SECRET_FILE", unit_file("\n", (size_t)_i), 1);
	ck_assert_int_eq(load(STRIPE_WEBHOOK_SECRET), RC_OK);
	ck_assert_ptr_null(config_string(config, STRIPE_WEBHOOK_SECRET));
}

START_TEST(files_have_a_maximum)
{
	char bytes[VALUE_MAX + 1];

	memset(bytes, 'x', sizeof bytes);
	setenv("AUTH_JWT_AUDIENCE_FILE", unit_file(bytes, VALUE_MAX), 1);
	ck_assert_int_eq(load(AUTH_JWT_AUDIENCE), RC_OK);
	ck_assert_uint_eq(
	    strlen(config_string(config, AUTH_JWT_AUDIENCE)), VALUE_MAX);
	config_free(config);
	setenv("AUTH_JWT_AUDIENCE_FILE", unit_file(bytes, VALUE_MAX + 1), 1);
	ck_assert_int_eq(load(AUTH_JWT_AUDIENCE), RC_BAD_REQUEST);
	ck_assert_ptr_nonnull(strstr(problem, "at most 4096 bytes"));
}

START_TEST(files_must_be_readable)
{
	static const char *const paths[] = { "/nonexistent/file", "/" };

	setenv("AUTH_JWT_AUDIENCE_FILE", paths[_i], 1);
	ck_assert_int_eq(load(AUTH_JWT_AUDIENCE), RC_BAD_REQUEST);
	ck_assert_ptr_nonnull(
	    strstr(problem, "AUTH_JWT_AUDIENCE_FILE: cannot read"));
	ck_assert_ptr_nonnull(strstr(problem, paths[_i]));
}

START_TEST(a_value_goes_before_a_file)
{
	setenv("AUTH_JWT_AUDIENCE", "/value", 1);
	setenv("AUTH_JWT_AUDIENCE_FILE", "/nonexistent/file", 1);
	ck_assert_int_eq(load(AUTH_JWT_AUDIENCE), RC_OK);
	ck_assert_str_eq(config_string(config, AUTH_JWT_AUDIENCE), "/value");
}

START_TEST(a_file_goes_before_an_empty_value)
{
	setenv("AUTH_JWT_AUDIENCE", "", 1);
	setenv("AUTH_JWT_AUDIENCE_FILE", unit_file(BYTES("/from/file")), 1);
	ck_assert_int_eq(load(AUTH_JWT_AUDIENCE), RC_OK);
	ck_assert_str_eq(
	    config_string(config, AUTH_JWT_AUDIENCE), "/from/file");
}

START_TEST(an_empty_file_name_is_none)
{
	setenv("AUTH_JWT_AUDIENCE_FILE", "", 1);
	ck_assert_int_eq(load(AUTH_JWT_AUDIENCE), RC_OK);
	ck_assert_ptr_null(config_string(config, AUTH_JWT_AUDIENCE));
}

/* give_credential - a file as systemd would name it; its path */
static const char *
give_credential(const char *name, const char *value)
{
	static char directory[] = "/tmp/paydesk-unit.XXXXXX", path[128];
	FILE *file;

	ck_assert_ptr_nonnull(mkdtemp(directory));
	setenv("CREDENTIALS_DIRECTORY", directory, 1);
	snprintf(path, sizeof path, "%s/secret_%s", directory, name);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(value, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	return path;
}

/* take_credential - away again, with the directory */
static void
take_credential(const char *path)
{
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(getenv("CREDENTIALS_DIRECTORY")), 0);
}

/* What the three places hold, and which counts. */
static const struct {
	const char *value, *file, *credential, *counts;
} places[] = {
	{ NULL, NULL, "whsec_credential\n", "whsec_credential" },
	{ "", "", "whsec_credential", "whsec_credential" },
	{ "whsec_value", NULL, "whsec_credential", "whsec_value" },
	{ NULL, "whsec_file", "whsec_credential", "whsec_file" },
	{ "whsec_value", "whsec_file", "whsec_credential", "whsec_value" },
	{ NULL, NULL, "", NULL },
	{ NULL, NULL, "\n", NULL },
};

START_TEST(credentials_are_the_third_place)
{
	const char *path = give_credential(
	    "STRIPE_WEBHOOK_SECRET", places[_i].credential);

	if (places[_i].value != NULL)
		setenv("STRIPE_WEBHOOK_SECRET", places[_i].value, 1);
	if (places[_i].file != NULL)
		setenv("STRIPE_WEBHOOK_SECRET_FILE",
		    *places[_i].file == '\0' ?
			"" :
			unit_file(places[_i].file, strlen(places[_i].file)),
		    1);
	ck_assert_int_eq(load(STRIPE_WEBHOOK_SECRET), RC_OK);
	ck_assert_pstr_eq(
	    config_string(config, STRIPE_WEBHOOK_SECRET), places[_i].counts);
	take_credential(path);
}

START_TEST(the_origin_of_a_value_is_known)
{
	const char *path = give_credential("LICENSE_SIGNING_KEY", "a");

	ck_assert_int_eq(load(LICENSE_SIGNING_KEY), RC_OK);
	ck_assert_str_eq(config_origin(config, LICENSE_SIGNING_KEY), path);
	config_free(config);
	setenv("LICENSE_SIGNING_KEY_FILE", unit_file("b\n", 2), 1);
	ck_assert_int_eq(load(LICENSE_SIGNING_KEY), RC_OK);
	ck_assert_str_eq(config_origin(config, LICENSE_SIGNING_KEY),
	    getenv("LICENSE_SIGNING_KEY_FILE"));
	config_free(config);
	setenv("LICENSE_SIGNING_KEY", "c", 1);
	ck_assert_int_eq(load(LICENSE_SIGNING_KEY), RC_OK);
	ck_assert_str_eq(
	    config_origin(config, LICENSE_SIGNING_KEY), "the environment");
	take_credential(path);
}

START_TEST(what_is_not_set_has_no_origin)
{
	ck_assert_int_eq(load(STRIPE_API_BASE), RC_OK);
	ck_assert_ptr_null(config_origin(config, STRIPE_API_BASE));
	config_free(config);
	setenv("STRIPE_API_BASE_FILE", unit_file("\n", 1), 1);
	ck_assert_int_eq(load(STRIPE_API_BASE), RC_OK);
	ck_assert_ptr_null(config_origin(config, STRIPE_API_BASE));
}

START_TEST(credentials_are_checked)
{
	const char *path = give_credential("STRIPE_WEBHOOK_SECRET", "abc");

	ck_assert_int_eq(load(STRIPE_WEBHOOK_SECRET), RC_BAD_REQUEST);
	unit_assert_begins(problem, "STRIPE_WEBHOOK_SECRET must hold");
	take_credential(path);
}

START_TEST(credentials_of_other_names_are_none)
{
	const char *path = give_credential("STRIPE_API_KEY", "sk_test_1");

	ck_assert_int_eq(load(STRIPE_WEBHOOK_SECRET), RC_OK);
	ck_assert_ptr_null(config_string(config, STRIPE_WEBHOOK_SECRET));
	take_credential(path);
}

START_TEST(credentials_must_be_readable)
{
	char value[VALUE_MAX + 2];
	const char *path;

	memset(value, 'x', sizeof value);
	value[sizeof value - 1] = '\0';
	path = give_credential("STRIPE_API_KEY", value);
	ck_assert_int_eq(load(STRIPE_API_KEY), RC_BAD_REQUEST);
	unit_assert_begins(problem, "STRIPE_API_KEY: cannot read ");
	take_credential(path);
}

START_TEST(a_key_file_as_credential_is_a_path)
{
	const char *path = give_credential("LICENSE_SIGNING_KEY", "-----BEGIN");

	ck_assert_int_eq(load(LICENSE_SIGNING_KEY), RC_OK);
	ck_assert_str_eq(config_string(config, LICENSE_SIGNING_KEY), path);
	take_credential(path);
}

START_TEST(no_credentials_are_needed)
{
	setenv("CREDENTIALS_DIRECTORY", _i == 0 ? "" : "/nonexistent", 1);
	ck_assert_int_eq(load(STRIPE_API_KEY), RC_OK);
	ck_assert_ptr_null(config_string(config, STRIPE_API_KEY));
}

START_TEST(secrets_are_known)
{
	ck_assert(config_secret(STRIPE_API_KEY));
	ck_assert(config_secret(LICENSE_SIGNING_KEY));
	ck_assert(!config_secret(SITE_URL));
}

START_TEST(every_setting_has_a_name_and_a_help)
{
	for (int i = SETTING_END + 1; i < SETTING_COUNT; i++) {
		ck_assert_ptr_nonnull(config_name((enum setting)i));
		ck_assert_uint_gt(strlen(config_help((enum setting)i)), 10);
		for (int j = SETTING_END + 1; j < i; j++)
			ck_assert_str_ne(config_name((enum setting)i),
			    config_name((enum setting)j));
	}
}

START_TEST(nothing_can_be_freed)
{
	config_free(NULL);
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	unit_add_table(tests, values_are_checked, values);
	tcase_add_loop_test(tests, defaults_stand_for_what_is_not_set, 0, 2);
	tcase_add_test(tests, numbers_are_numbers);
	tcase_add_test(tests, only_what_is_used_is_read);
	tcase_add_test(tests, the_first_problem_is_told);
	tcase_add_test(tests, values_have_a_maximum);
	unit_add_table(tests, files_hold_values, files);
	tcase_add_loop_test(tests, files_can_be_empty, 0, 2);
	tcase_add_test(tests, files_have_a_maximum);
	tcase_add_loop_test(tests, files_must_be_readable, 0, 2);
	tcase_add_test(tests, a_value_goes_before_a_file);
	tcase_add_test(tests, a_file_goes_before_an_empty_value);
	tcase_add_test(tests, an_empty_file_name_is_none);
	unit_add_table(tests, credentials_are_the_third_place, places);
	tcase_add_test(tests, the_origin_of_a_value_is_known);
	tcase_add_test(tests, what_is_not_set_has_no_origin);
	tcase_add_test(tests, credentials_are_checked);
	tcase_add_test(tests, credentials_of_other_names_are_none);
	tcase_add_test(tests, credentials_must_be_readable);
	tcase_add_test(tests, a_key_file_as_credential_is_a_path);
	tcase_add_loop_test(tests, no_credentials_are_needed, 0, 2);
	tcase_add_test(tests, secrets_are_known);
	tcase_add_test(tests, every_setting_has_a_name_and_a_help);
	tcase_add_test(tests, nothing_can_be_freed);
}

int
main(void)
{
	return unit_main("config", add);
}
