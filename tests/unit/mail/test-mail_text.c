#include <string.h>

#include "mail/mail_text.h"
#include "unit.h"

static struct arena *arena;

static void
set_up(void)
{
	arena = arena_new(1 << 20);
}

static void
tear_down(void)
{
	arena_free(arena);
}

static const struct {
	const char *email;
	bool valid;
} addresses[] = {
	{ "a@b.example", true },
	{ "a+b.c@d-e.example", true },
	{ "a@localhost", true },
	{ "j\xc3\xb6rg@b\xc3\xbc"
	  "cher.example",
	    true },
	{ "", false },
	{ "@", false },
	{ "a@", false },
	{ "@b", false },
	{ "a", false },
	{ "a@b@c", false },
	{ "a b@c.example", false },
	{ "a@b.example\r\nBcc: c@d.example", false },
	{ "<a@b.example>", false },
	{ "a@b.example,c@d.example", false },
	{ "\"a\"@b.example", false },
	{ "a\\@b.example", false },
	{ "-a@b.example", false },
	{ "a@-b.example", false },
	{ "a@.example", false },
	{ "a@b..example", false },
	{ "a@b.example.", false },
	{ "a\xff@b.example", false },
	{ "a\x7f@b.example", false },
};

START_TEST(an_address_is_one_or_not)
{
	ck_assert_int_eq(
	    mail_address_valid(addresses[_i].email), addresses[_i].valid);
}

START_TEST(an_address_has_a_maximum)
{
	char email[400] = "a@";

	memset(email + 2, 'b', 252);
	ck_assert(mail_address_valid(email));
	email[254] = 'b';
	ck_assert(!mail_address_valid(email));
	memset(email, 'a', 65);
	email[65] = '@';
	email[80] = '\0';
	ck_assert(!mail_address_valid(email));
}

/* What EMAIL_FROM may be; a NULL email: nothing of the kind. */
static const struct {
	const char *text, *name, *email;
} senders[] = {
	{ "shop@b.example", "", "shop@b.example" },
	{ "Shop <shop@b.example>", "Shop", "shop@b.example" },
	{ "\"A, B\" <shop@b.example>", "A, B", "shop@b.example" },
	{ "<shop@b.example>", "", "shop@b.example" },
	{ "Shop", NULL, NULL },
	{ "Shop <shop@b.example", NULL, NULL },
	{ "Shop <>", NULL, NULL },
	{ "Shop\n<shop@b.example>", NULL, NULL },
};

START_TEST(a_sender_is_read)
{
	struct mail_address address;

	ck_assert_int_eq(mail_address_parse(senders[_i].text, &address),
	    senders[_i].email != NULL);
	if (senders[_i].email == NULL)
		return;
	ck_assert_str_eq(address.email, senders[_i].email);
	ck_assert_str_eq(address.name, senders[_i].name);
}

static const struct {
	const char *name, *header, *json;
} formats[] = {
	{ NULL, "a@b.example", "a@b.example" },
	{ "", "a@b.example", "a@b.example" },
	{ "Ada", "\"Ada\" <a@b.example>", "\"Ada\" <a@b.example>" },
	{ "A \"b\\", "\"A \\\"b\\\\\" <a@b.example>",
	    "\"A \\\"b\\\\\" <a@b.example>" },
	{ "A\r\nBcc: x", "\"A  Bcc: x\" <a@b.example>",
	    "\"A  Bcc: x\" <a@b.example>" },
	{ "J\xc3\xb6rg", "=?UTF-8?B?SsO2cmc=?= <a@b.example>",
	    "\"J\xc3\xb6rg\" <a@b.example>" },
};

START_TEST(an_address_is_written)
{
	ck_assert_str_eq(
	    mail_address_format(arena, formats[_i].name, "a@b.example", true),
	    formats[_i].header);
	ck_assert_str_eq(
	    mail_address_format(arena, formats[_i].name, "a@b.example", false),
	    formats[_i].json);
	ck_assert_ptr_null(
	    mail_address_format(arena, formats[_i].name, "a b", true));
}

static const struct {
	const char *text, *header;
} headers[] = {
	{ "Hello", "Hello" },
	{ "Hello\r\nBcc: x", "Hello  Bcc: x" },
	{ "K\xc3\xa4se", "=?UTF-8?B?S8Okc2U=?=" },
	{ "=?UTF-8?B?eA==?=", "=?UTF-8?B?PT9VVEYtOD9CP2VBPT0/PQ==?=" },
	{ "bad \xff byte", "bad ? byte" },
};

START_TEST(a_header_is_one)
{
	ck_assert_str_eq(
	    mail_header(arena, headers[_i].text), headers[_i].header);
}

START_TEST(a_long_header_is_folded_between_characters)
{
	char text[301] = "";
	const char *line;

	for (int i = 0; i < 100; i++)
		strcat(text, "\xe2\x82\xac");
	line = mail_header(arena, text);
	for (size_t len; *line != '\0'; line += len) {
		len = strcspn(line, "\r");
		ck_assert_uint_le(len, 76);
		/* 14 euros are 42 bytes: 56 digits and no padding */
		ck_assert(len < 60 || strncmp(line + len - 2, "?=", 2) == 0);
		len += strspn(line + len, "\r\n");
	}
}

/* build - a message with this text */
static const char *
build(const char *text)
{
	struct mail_address from = { "shop@b.example", "" };
	struct mail_message message = { &from, "a@b.example", NULL, "S", text,
		"<p>", "paydesk.1@b.example" };
	size_t len;
	const char *whole = mail_build(arena, &message, 1795209960, &len);

	ck_assert_ptr_nonnull(whole);
	ck_assert_uint_eq(strlen(whole), len);
	return whole;
}

static const struct {
	const char *text, *encoded;
} bodies[] = {
	{ "a=b", "\r\n\r\na=3Db\r\n" },
	{ "a\nb\n", "\r\n\r\na\r\nb\r\n" },
	{ "a\r\nb", "\r\n\r\na\r\nb\r\n" },
	{ "a \nb\t", "\r\n\r\na=20\r\nb=09\r\n" },
	{ ".\n..", "\r\n\r\n=2E\r\n=2E.\r\n" },
	{ "\xc3\xa9", "\r\n\r\n=C3=A9\r\n" },
	{ "a\rb", "\r\n\r\na=0Db\r\n" },
};

START_TEST(a_body_is_quoted_printable)
{
	const char *whole = build(bodies[_i].text);

	ck_assert_msg(strstr(whole, bodies[_i].encoded) != NULL, "%s", whole);
	ck_assert_ptr_nonnull(
	    strstr(whole, "Date: Fri, 20 Nov 2026 21:26:00 +0000\r\n"));
	ck_assert_ptr_nonnull(
	    strstr(whole, "Message-ID: <paydesk.1@b.example>\r\n"));
	ck_assert_ptr_nonnull(strstr(whole, "boundary=\"=_paydesk.1\"\r\n"));
	ck_assert_ptr_nonnull(strstr(whole, "\r\n--=_paydesk.1--\r\n"));
}

START_TEST(no_line_is_too_long)
{
	char text[5001];
	const char *line;

	memset(text, '=', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	for (line = build(text); *line != '\0'; line += 2) {
		ck_assert_uint_le(strcspn(line, "\r"), 76);
		line += strcspn(line, "\r");
	}
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	unit_add_table(tests, an_address_is_one_or_not, addresses);
	tcase_add_test(tests, an_address_has_a_maximum);
	unit_add_table(tests, a_sender_is_read, senders);
	unit_add_table(tests, an_address_is_written, formats);
	unit_add_table(tests, a_header_is_one, headers);
	tcase_add_test(tests, a_long_header_is_folded_between_characters);
	unit_add_table(tests, a_body_is_quoted_printable, bodies);
	tcase_add_test(tests, no_line_is_too_long);
}

int
main(void)
{
	return unit_main("mail_text", add);
}
