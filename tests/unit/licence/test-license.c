#include <stdlib.h>
#include <string.h>

#include "licence/license.h"
#include "licence/license_key.h"
#include "unit.h"

#define PREFIX "DTLIC2:"

static struct arena *arena;
static struct license_signer *signer;
static const struct license_facts facts = {
	.key = "DT1-CORE-00000-11111-22222",
	.tier = "core",
	.product = "p==",
	.email = "j\xc3\xb6rg@b.example",
	.issued = "2026-11-20",
};

/* set_up - with a key of its own */
static void
set_up(void)
{
	const char *secret, *open, *kid, *problem;

	arena = arena_new(4 << 20);
	ck_assert_int_eq(license_key_make(arena, &secret, &open, &kid), RC_OK);
	ck_assert_int_eq(
	    license_signer_load(
		arena, unit_file(secret, strlen(secret)), &signer, &problem),
	    RC_OK);
	ck_assert_str_eq(license_signer_kid(signer), kid);
}

static void
tear_down(void)
{
	arena_free(arena);
}

/* sign - a blob of the facts */
static char *
sign(void)
{
	const char *blob;

	ck_assert_int_eq(
	    license_sign(signer, arena, PREFIX, &facts, &blob), RC_OK);
	return arena_copy(arena, blob, strlen(blob));
}

/* genuine - whether a text is a blob that this key has signed */
static bool
genuine(const char *text)
{
	struct license_blob blob;

	return license_open(arena, PREFIX, text, &blob) == RC_OK &&
	    license_verify(arena, &blob, license_signer_public(signer)) ==
	    RC_OK;
}

START_TEST(a_blob_says_what_was_signed)
{
	struct license_blob blob;

	ck_assert_int_eq(license_open(arena, PREFIX, sign(), &blob), RC_OK);
	ck_assert_str_eq(blob.facts.key, facts.key);
	ck_assert_str_eq(blob.facts.email, facts.email);
	ck_assert_str_eq(blob.facts.kid, license_signer_kid(signer));
	ck_assert(!blob.facts.test);
	ck_assert(genuine(sign()));
}

START_TEST(no_changed_bit_is_genuine)
{
	char *blob = sign();
	size_t len = strlen(blob);

	for (size_t i = 0; i < 8 * len; i++) {
		blob[i / 8] ^= (char)(1 << i % 8);
		ck_assert_msg(!genuine(blob), "bit %zu", i);
		blob[i / 8] ^= (char)(1 << i % 8);
	}
	ck_assert(genuine(blob));
}

START_TEST(no_cut_blob_is_genuine)
{
	char *blob = sign();

	for (size_t i = strlen(blob) - 1; i > 0; i--) {
		ck_assert(!genuine(blob + i));
		blob[i] = '\0';
		ck_assert(!genuine(blob));
	}
}

START_TEST(a_blob_with_a_byte_more_is_not_genuine)
{
	const char *blob = sign(), *longer;

	for (int byte = 1; byte <= 0xff; byte++) {
		longer = arena_printf(arena, "%s%c", blob, byte);
		ck_assert_msg(
		    genuine(longer) == (strchr(" \t\r\n", byte) != NULL),
		    "byte %d behind it", byte);
		longer = arena_printf(arena, "%s %cx", blob, byte);
		ck_assert_msg(!genuine(longer), "byte %d after a blank", byte);
	}
}

START_TEST(another_key_did_not_sign_it)
{
	char *blob = strdup(sign());

	tear_down();
	set_up();
	ck_assert(!genuine(blob));
	free(blob);
}

START_TEST(keys_look_as_they_should)
{
	char key[LICENSE_KEY_MAX], other[LICENSE_KEY_MAX];

	ck_assert_int_eq(license_make_key("DT1", "core", key), RC_OK);
	ck_assert_int_eq(license_make_key("DT1", "core", other), RC_OK);
	ck_assert_uint_eq(strlen(key), 9 + 17);
	ck_assert_int_eq(strncmp(key, "DT1-CORE-", 9), 0);
	ck_assert_str_ne(key, other);
	ck_assert_uint_eq(
	    strspn(key + 9, "0123456789ABCDEFGHJKMNPQRSTVWXYZ-"), 17);
}

static const struct {
	const char *typed, *key;
} typed[] = {
	{ "DT1-CORE-00000-11111-ABCDE", "DT1-CORE-00000-11111-ABCDE" },
	{ " dt1-core-ooooo-iilll-abcde\n", "DT1-CORE-00000-11111-ABCDE" },
	{ "DT1-POOL-OOOOO-11111-ABCDE", "DT1-POOL-00000-11111-ABCDE" },
	{ "", NULL },
	{ "00000-11111-ABCD", NULL },
	{ "DT1-CORE-00000 11111 ABCDE", NULL },
	{ "DT1-CORE-00000-11111-ABCD\xc3\xa9", NULL },
};

START_TEST(what_is_typed_becomes_a_key)
{
	const char *key = license_normal_key(arena, typed[_i].typed);

	if (typed[_i].key == NULL)
		ck_assert_ptr_null(key);
	else
		ck_assert_str_eq(key, typed[_i].key);
}

START_TEST(a_file_that_is_no_key_is_refused)
{
	const char *problem = NULL;

	ck_assert_int_eq(
	    license_signer_load(arena, unit_file("x", 1), &signer, &problem),
	    RC_BAD_REQUEST);
	unit_assert_begins(problem, "LICENSE_SIGNING_KEY: ");
	ck_assert_int_eq(
	    license_signer_load(arena, "/nonexistent", &signer, &problem),
	    RC_BAD_REQUEST);
	unit_assert_begins(problem, "LICENSE_SIGNING_KEY: cannot read");
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_blob_says_what_was_signed);
	tcase_add_test(tests, no_changed_bit_is_genuine);
	tcase_add_test(tests, no_cut_blob_is_genuine);
	tcase_add_test(tests, a_blob_with_a_byte_more_is_not_genuine);
	tcase_add_test(tests, another_key_did_not_sign_it);
	tcase_add_test(tests, keys_look_as_they_should);
	unit_add_table(tests, what_is_typed_becomes_a_key, typed);
	tcase_add_test(tests, a_file_that_is_no_key_is_refused);
}

int
main(void)
{
	return unit_main("license", add);
}
