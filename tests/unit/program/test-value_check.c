#include <stdbool.h>
#include <string.h>

#include "program/value_check.h"
#include "unit.h"

#define SECRETS_4 "whsec_a whsec_b whsec_c whsec_d"

/* A value and whether its check lets it pass. */
static const struct {
	const char *(*check)(const char *value);
	const char *value;
	bool good;
} values[] = {
	{ value_check_whole_number, "0", true },
	{ value_check_whole_number, "999999999", true },
	{ value_check_whole_number, "1000000000", false },
	{ value_check_whole_number, "-1", false },
	{ value_check_whole_number, "1.5", false },
	{ value_check_whole_number, " 1", false },
	{ value_check_whole_number, "0x10", false },
	{ value_check_days, "0", true },
	{ value_check_days, "36500", true },
	{ value_check_days, "36501", false },
	{ value_check_days, "a week", false },
	{ value_check_keep_days, "1", true },
	{ value_check_keep_days, "36500", true },
	{ value_check_keep_days, "0", false },
	{ value_check_keep_days, "36501", false },
	{ value_check_port, "1", true },
	{ value_check_port, "65535", true },
	{ value_check_port, "0", false },
	{ value_check_port, "65536", false },
	{ value_check_boolean, "true", true },
	{ value_check_boolean, "false", true },
	{ value_check_boolean, "TRUE", false },
	{ value_check_boolean, "1", false },
	{ value_check_boolean, "yes", false },
	{ value_check_url, "https://a.example/b?c=d#e", true },
	{ value_check_url, "http://127.0.0.1:3000", true },
	{ value_check_url, "ftp://a.example", false },
	{ value_check_url, "a.example", false },
	{ value_check_url, "https://a.example/ b", false },
	{ value_check_url, "https://a.example/\"", false },
	{ value_check_url, "https://a.example/<b>", false },
	{ value_check_url, "https://a.example\n", false },
	{ value_check_site, "https://app.example.com", true },
	{ value_check_site, "https://app.example.com/in/", true },
	{ value_check_site, "https://app.example.com?a", false },
	{ value_check_site, "https://app.example.com/#a", false },
	{ value_check_site, "app.example.com", false },
	{ value_check_origins, "", true },
	{ value_check_origins, "https://a.example", true },
	{ value_check_origins, "https://a.example http://b:3000", true },
	{ value_check_origins, "  https://a.example  ", true },
	{ value_check_origins, "https://a.example/", false },
	{ value_check_origins, "https://a.example/b", false },
	{ value_check_origins, "a.example", false },
	{ value_check_origins, "*", false },
	{ value_check_origins, "https://*.example", false },
	{ value_check_origins, "null", false },
	{ value_check_origins, "https://", false },
	{ value_check_origins, "https://a.example,https://b.example", false },
	{ value_check_api_key, "sk_live_abc", true },
	{ value_check_api_key, "rk_test_abc", true },
	{ value_check_api_key, "pk_live_abc", false },
	{ value_check_api_key, "whsec_abc", false },
	{ value_check_api_key, "sk_live_abc ", false },
	{ value_check_api_key, "sk_live_\nabc", false },
	{ value_check_api_key, "sk_live_\xc3\xa9", false },
	{ value_check_webhook_secrets, "whsec_a", true },
	{ value_check_webhook_secrets, "whsec_a whsec_b", true },
	{ value_check_webhook_secrets, SECRETS_4 " " SECRETS_4, true },
	{ value_check_webhook_secrets, SECRETS_4 " " SECRETS_4 " whsec_i",
	    false },
	{ value_check_webhook_secrets, "", false },
	{ value_check_webhook_secrets, "  ", false },
	{ value_check_webhook_secrets, "whsec_", false },
	{ value_check_webhook_secrets, "sk_live_abc", false },
	{ value_check_webhook_secrets, "whsec_a\twhsec_b", false },
	{ value_check_webhook_secrets, "whsec_a\n", false },
	{ value_check_words, "a b", true },
	{ value_check_words, "", false },
	{ value_check_words, "   ", false },
	{ value_check_token, "a-token", true },
	{ value_check_token, "a token", false },
	{ value_check_token, "a\r\nX-Header: b", false },
	{ value_check_license_prefix, "DT1", true },
	{ value_check_license_prefix, "ABCDEFGHIJKLMNOP", true },
	{ value_check_license_prefix, "ABCDEFGHIJKLMNOPQ", false },
	{ value_check_license_prefix, "dt1", false },
	{ value_check_license_prefix, "DT-1", false },
	{ value_check_sender, "shop@example.org", true },
	{ value_check_sender, "Shop <shop@example.org>", true },
	{ value_check_sender, "Shop", false },
	{ value_check_smtp_url, "smtp://mail.example:587", true },
	{ value_check_smtp_url, "smtps://mail.example", true },
	{ value_check_smtp_url, "mail.example", false },
	{ value_check_smtp_url, "smtp://mail example", false },
};

START_TEST(a_value_is_good_or_its_error_ends_a_sentence)
{
	const char *wrong = values[_i].check(values[_i].value);

	ck_assert_msg((wrong == NULL) == values[_i].good, "%s: %s",
	    values[_i].value, wrong != NULL ? wrong : "let pass");
	ck_assert(wrong == NULL || strncmp(wrong, "must ", 5) == 0 ||
	    strncmp(wrong, "is ", 3) == 0);
}

/* add - all tests */
static void
add(TCase *tests)
{
	unit_add_table(
	    tests, a_value_is_good_or_its_error_ends_a_sentence, values);
}

int
main(void)
{
	return unit_main("value_check", add);
}
