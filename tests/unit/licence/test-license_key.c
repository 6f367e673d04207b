#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "licence/license_key.h"
#include "unit.h"

/* RFC 8410, section 10: the pair of its examples, and what we make of it. */
#define PRIVATE_PEM \
	"-----BEGIN PRIVATE KEY-----\n" \
	"MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n" \
	"-----END PRIVATE KEY-----\n"
#define PUBLIC_PEM \
	"-----BEGIN PUBLIC KEY-----\n" \
	"MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n" \
	"-----END PUBLIC KEY-----\n"
#define PUBLIC "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE"

static struct arena *arena;
static const char *problem;
static struct license_public keys[LICENSE_PUBLIC_MAX];
static size_t count;

/* set_up - room for keys */
static void
set_up(void)
{
	arena = arena_new(1 << 20);
}

/* tear_down - the end */
static void
tear_down(void)
{
	arena_free(arena);
}

/* file_of - its path */
static const char *
file_of(const char *text)
{
	return unit_file(text, strlen(text));
}

/* other_pem - a private key that is no Ed25519 */
static const char *
other_pem(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	BIO *bio = BIO_new(BIO_s_mem());
	const char *text;
	char *bytes;
	long len;

	ck_assert(
	    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
	len = BIO_get_mem_data(bio, &bytes);
	text = arena_copy(arena, bytes, (size_t)len);
	BIO_free(bio);
	EVP_PKEY_free(key);
	return text;
}

START_TEST(a_private_key_is_read_and_its_public_half_known)
{
	EVP_PKEY *key = license_key_read(arena, file_of(PRIVATE_PEM), &problem);
	const char *id;

	ck_assert_ptr_nonnull(key);
	ck_assert_str_eq(license_key_public(arena, key), PUBLIC);
	id = license_key_id(arena, key);
	ck_assert_str_eq(id, "e744c0791320c328");
	EVP_PKEY_free(key);
}

START_TEST(what_is_no_private_key_is_refused_by_name)
{
	const char *texts[] = { PUBLIC_PEM, "", other_pem() };

	for (size_t i = 0; i < COUNT(texts); i++) {
		ck_assert_ptr_null(
		    license_key_read(arena, file_of(texts[i]), &problem));
		unit_assert_begins(problem, "LICENSE_SIGNING_KEY: /proc/");
		ck_assert_ptr_nonnull(strstr(problem, "license keygen"));
	}
	ck_assert_ptr_null(
	    license_key_read(arena, "/nonexistent/key", &problem));
	unit_assert_begins(
	    problem, "LICENSE_SIGNING_KEY: cannot read /nonexistent/key: ");
}

START_TEST(public_keys_are_read_one_after_the_other)
{
	const char *both = PUBLIC_PEM "a remark between them\n" PUBLIC_PEM;

	ck_assert_int_eq(license_key_read_public(
			     arena, file_of(both), keys, &count, &problem),
	    RC_OK);
	ck_assert_uint_eq(count, 2);
	ck_assert_str_eq(keys[1].key, PUBLIC);
	ck_assert_str_eq(keys[1].kid, keys[0].kid);
}

START_TEST(no_public_key_or_too_many_are_refused)
{
	char many[(LICENSE_PUBLIC_MAX + 1) * sizeof PUBLIC_PEM] = "";

	for (size_t i = 0; i < LICENSE_PUBLIC_MAX; i++)
		strcat(many, PUBLIC_PEM);
	ck_assert_int_eq(license_key_read_public(
			     arena, file_of(many), keys, &count, &problem),
	    RC_OK);
	ck_assert_uint_eq(count, LICENSE_PUBLIC_MAX);
	strcat(many, PUBLIC_PEM);
	ck_assert_int_eq(license_key_read_public(
			     arena, file_of(many), keys, &count, &problem),
	    RC_BAD_REQUEST);
	ck_assert_int_eq(
	    license_key_read_public(arena, file_of(""), keys, &count, &problem),
	    RC_BAD_REQUEST);
	ck_assert_int_eq(license_key_read_public(
			     arena, "/nonexistent/key", keys, &count, &problem),
	    RC_BAD_REQUEST);
	unit_assert_begins(problem, "cannot read /nonexistent/key: ");
}

START_TEST(a_public_key_is_32_bytes_in_base64url)
{
	static const char *const refused[] = { "", PUBLIC "A", PUBLIC "=",
		"Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZg", "a key" };
	EVP_PKEY *key = license_key_from_public(arena, PUBLIC);

	ck_assert_ptr_nonnull(key);
	EVP_PKEY_free(key);
	for (size_t i = 0; i < COUNT(refused); i++)
		ck_assert_ptr_null(license_key_from_public(arena, refused[i]));
}

START_TEST(a_new_pair_fits_together_and_is_new)
{
	const char *secret, *open, *kid, *second_kid;
	EVP_PKEY *key;

	ck_assert_int_eq(license_key_make(arena, &secret, &open, &kid), RC_OK);
	key = license_key_read(arena, file_of(secret), &problem);
	ck_assert_ptr_nonnull(key);
	ck_assert_int_eq(license_key_read_public(
			     arena, file_of(open), keys, &count, &problem),
	    RC_OK);
	ck_assert_str_eq(keys[0].key, license_key_public(arena, key));
	ck_assert_str_eq(keys[0].kid, kid);
	EVP_PKEY_free(key);
	ck_assert_int_eq(
	    license_key_make(arena, &secret, &open, &second_kid), RC_OK);
	ck_assert_str_ne(kid, second_kid);
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_private_key_is_read_and_its_public_half_known);
	tcase_add_test(tests, what_is_no_private_key_is_refused_by_name);
	tcase_add_test(tests, public_keys_are_read_one_after_the_other);
	tcase_add_test(tests, no_public_key_or_too_many_are_refused);
	tcase_add_test(tests, a_public_key_is_32_bytes_in_base64url);
	tcase_add_test(tests, a_new_pair_fits_together_and_is_new);
}

int
main(void)
{
	return unit_main("license_key", add);
}
