#include <string.h>

#include "base/mail_address.h"
#include "unit.h"

#define TEN(text) text text text text text text text text text text
#define LOCAL_64 TEN("aaaaaa") "aaaa"

static const struct {
	const char *email;
	bool valid;
} emails[] = {
	{ "a@b.example", true },
	{ "o'hara+tag@b-c.example", true },
	{ "a@localhost", true },
	{ "j\xc3\xb6rg@b\xc3\xbc"
	  "cher.example",
	    true },
	{ LOCAL_64 "@b.example", true },
	{ LOCAL_64 "a@b.example", false },
	{ "", false },
	{ "@", false },
	{ "a@", false },
	{ "@b.example", false },
	{ "a.b.example", false },
	{ "a@b@c.example", false },
	{ "a b@c.example", false },
	{ "a@b.example ", false },
	{ " a@b.example", false },
	{ "a@b.example\r\nBcc: c@d.example", false },
	{ "a@b.example\n", false },
	{ "a\x7f@b.example", false },
	{ "\"a\"@b.example", false },
	{ "a,b@c.example", false },
	{ "a;b@c.example", false },
	{ "<a@b.example>", false },
	{ "a@[127.0.0.1]", false },
	{ "a(b)@c.example", false },
	{ "a\\b@c.example", false },
	{ "-oX@b.example", false },
	{ "a@-b.example", false },
	{ "a@.example", false },
	{ "a@b..example", false },
	{ "a@b.example.", false },
	{ "a\xff@b.example", false },
};

START_TEST(an_address_is_one_that_can_be_written_to)
{
	ck_assert_int_eq(
	    mail_address_valid(emails[_i].email), emails[_i].valid);
}

START_TEST(an_address_has_254_bytes_at_most)
{
	static const char domain[] = TEN(TEN("b.")) TEN("ccccccccc");
	char email[MAIL_ADDRESS_MAX + 2] = LOCAL_64 "@";

	memcpy(email + 65, domain, MAIL_ADDRESS_MAX - 65);
	ck_assert_uint_eq(strlen(email), MAIL_ADDRESS_MAX);
	ck_assert(mail_address_valid(email));
	email[MAIL_ADDRESS_MAX] = 'c';
	ck_assert(!mail_address_valid(email));
}

/* A text, and its two parts; NULL: it is refused. */
static const struct {
	const char *text, *name, *email;
} senders[] = {
	{ "shop@example.org", "", "shop@example.org" },
	{ "Shop <shop@example.org>", "Shop", "shop@example.org" },
	{ "<shop@example.org>", "", "shop@example.org" },
	{ "\"The Shop\" <shop@example.org>", "The Shop", "shop@example.org" },
	{ "A <b> <shop@example.org>", "A <b>", "shop@example.org" },
	{ "Gr\xc3\xbc\xc3\x9f"
	  "e <shop@example.org>",
	    "Gr\xc3\xbc\xc3\x9f"
	    "e",
	    "shop@example.org" },
	{ "", NULL, NULL },
	{ "Shop", NULL, NULL },
	{ "Shop <>", NULL, NULL },
	{ "Shop <shop>", NULL, NULL },
	{ "Shop <shop@example.org", NULL, NULL },
	{ "Shop <shop@example.org> x", NULL, NULL },
	{ "Shop shop@example.org", NULL, NULL },
	{ "Shop\r\nBcc: <shop@example.org>", NULL, NULL },
	{ "Sh\xffop <shop@example.org>", NULL, NULL },
};

START_TEST(a_sender_is_an_address_or_a_name_and_one)
{
	struct mail_address address;
	bool parsed = mail_address_parse(senders[_i].text, &address);

	ck_assert_int_eq(parsed, senders[_i].email != NULL);
	if (parsed) {
		ck_assert_str_eq(address.name, senders[_i].name);
		ck_assert_str_eq(address.email, senders[_i].email);
	}
}

START_TEST(a_name_is_cut_at_a_character)
{
	static const char long_name[] = TEN("aaaaaaaaa") "aaaaaaaaa"
							 "\xc3\xa9";
	char name[MAIL_NAME_MAX + 1];

	mail_address_name(name, long_name, sizeof long_name - 1);
	ck_assert_uint_eq(strlen(name), MAIL_NAME_MAX - 1);
	mail_address_name(name, long_name + 1, sizeof long_name - 2);
	ck_assert_uint_eq(strlen(name), MAIL_NAME_MAX);
	mail_address_name(name, " \"\t ", 4);
	ck_assert_str_eq(name, "");
}

/* add - all tests */
static void
add(TCase *tests)
{
	unit_add_table(tests, an_address_is_one_that_can_be_written_to, emails);
	tcase_add_test(tests, an_address_has_254_bytes_at_most);
	unit_add_table(
	    tests, a_sender_is_an_address_or_a_name_and_one, senders);
	tcase_add_test(tests, a_name_is_cut_at_a_character);
}

int
main(void)
{
	return unit_main("mail_address", add);
}
