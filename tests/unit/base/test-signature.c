/*
 * The digests below were made with another implementation:
 *   printf '%s.%s' T BODY | openssl dgst -sha256 -hmac SECRET
 */
#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/signature.h"
#include "unit.h"

#define SECRET "whsec_unit_first"
#define OTHER_SECRET "whsec_unit_second"
#define AT 1700000000
#define BODY "{\"id\":\"evt_1\",\"object\":\"event\"}"

/* BODY at AT with SECRET, OTHER_SECRET, and SECRET without its whsec_. */
#define RIGHT "cf479eba602c0b54e309f9125ab38963c1a32806808b00c406916a1445567672"
#define OTHER "5cc7f0584cdee3967846c3b41bd1d2d97ef948c1670c082db1516a6a966d89a7"
#define BARE "5cabd592b21a82827e2195cc6cb961e92d5ec6a2a3741edf6cfd3f823301110c"
#define WRONG "0f479eba602c0b54e309f9125ab38963c1a32806808b00c406916a1445567672"
#define UPPER "CF479EBA602C0B54E309F9125AB38963C1A32806808B00C406916A1445567672"
#define DEADBEEF \
	"6465616462656566000000000000000000000000000000000000000000000000"
#define WRONG_TEN \
	",v1=" WRONG ",v1=" WRONG ",v1=" WRONG ",v1=" WRONG ",v1=" WRONG \
	",v1=" WRONG ",v1=" WRONG ",v1=" WRONG ",v1=" WRONG ",v1=" WRONG
#define GOOD "t=1700000000,v1=" RIGHT

/* verify - with keys made for this one call; *reason is NULL when accepted */
static enum rc
verify(const char *secrets, const char *header, const void *body,
    size_t body_len, int64_t now_s, const char **reason)
{
	struct signature_keys *keys = signature_keys_new(secrets);
	enum rc rc;

	ck_assert_ptr_nonnull(keys);
	*reason = NULL;
	rc = signature_verify(keys, header, body, body_len, now_s, reason);
	signature_keys_free(keys);
	return rc;
}

static const struct {
	const char *header, *secrets;
} accepted[] = {
	{ GOOD, SECRET },
	{ "v1=" RIGHT ",t=1700000000", SECRET },
	/* any of several */
	{ GOOD ",v1=bad_signature", SECRET },
	{ GOOD ",v1=" WRONG, SECRET },
	{ "t=1700000000,v1=potato,v1=" RIGHT, SECRET },
	{ "t=1700000000" WRONG_TEN WRONG_TEN ",v1=" RIGHT, SECRET },
	{ GOOD ",v1=" RIGHT, SECRET },
	/* while a secret is rolled: one v1 for each, either side knows both */
	{ GOOD ",v1=" OTHER, SECRET },
	{ GOOD ",v1=" OTHER, OTHER_SECRET },
	{ GOOD, OTHER_SECRET " " SECRET },
	{ GOOD, SECRET " " OTHER_SECRET },
	{ "t=1700000000,v1=" OTHER, SECRET "  " OTHER_SECRET " " },
	{ GOOD,
	    "whsec_1 whsec_2 whsec_3 whsec_4 whsec_5 whsec_6 whsec_7 " SECRET },
	/* what is not known is skipped */
	{ GOOD ",v0=" WRONG, SECRET },
	{ GOOD ",v2=" RIGHT ",scheme=x,ts=5", SECRET },
	{ "t=1700000000,garbage,=,==,v1=" RIGHT, SECRET },
	{ GOOD ",", SECRET },
	{ ",,t=1700000000,,v1=" RIGHT ",,", SECRET },
};

START_TEST(accepts)
{
	const char *reason;

	ck_assert_int_eq(verify(accepted[_i].secrets, accepted[_i].header, BODY,
			     strlen(BODY), AT, &reason),
	    RC_OK);
	ck_assert_ptr_null(reason);
}

#define NO_HEADER "there is no Stripe-Signature header"
#define NO_T "has no t"
#define TWO_T "more than one t"
#define BAD_T "t is not a number"
#define NO_V1 "no v1 of 64 hex digits"
#define NO_FIT "no v1 fits the body"

static const struct {
	const char *header, *reason;
} refused[] = {
	{ NULL, NO_HEADER },
	{ "", NO_HEADER },
	{ "bad_header", NO_T },
	{ "I'm not even a real signature header", NO_T },
	{ ",", NO_T },
	{ "t", NO_T },
	{ "v1", NO_T },
	{ "v1=" RIGHT, NO_T },
	{ "v1,t=1", NO_V1 },
	{ "t=1700000000", NO_V1 },
	{ "t=", BAD_T },
	{ "t=,v1=" RIGHT, BAD_T },
	/* another scheme is no signature */
	{ "t=1700000000,v0=" RIGHT, NO_V1 },
	{ "t=1700000000,v2=" RIGHT, NO_V1 },
	{ "t=1700000000,v10=" RIGHT, NO_V1 },
	{ "t=1700000000,v=" RIGHT, NO_V1 },
	{ "t=1700000000,V1=" RIGHT, NO_V1 },
	{ "t=1700000000,xv1=" RIGHT, NO_V1 },
	{ "t=1700000000,v1:" RIGHT, NO_V1 },
	{ "t=1700000000,v1 =" RIGHT, NO_V1 },
	{ "T=1700000000,v1=" RIGHT, NO_T },
	{ "t =1700000000,v1=" RIGHT, NO_T },
	{ "xt=1700000000,v1=" RIGHT, NO_T },
	/* not the signature */
	{ "t=1700000000,v1=bad_signature", NO_V1 },
	{ "t=1700000000,v1=", NO_V1 },
	{ "t=1700000000,v1==" RIGHT, NO_V1 },
	{ "t=1700000000,v1=" RIGHT "0", NO_V1 },
	{ "t=1700000000,v1=0" RIGHT, NO_V1 },
	{ "t=1700000000,v1=" RIGHT RIGHT, NO_V1 },
	{ "t=1700000000,v1=" DEADBEEF, NO_FIT },
	{ "t=1700000000,v1=" WRONG, NO_FIT },
	{ "t=1700000000,v1=" OTHER, NO_FIT },
	{ "t=1700000000,v1=" BARE, NO_FIT },
	{ "t=1700000000,v1=" UPPER, NO_FIT },
	{ "t=1700000000" WRONG_TEN WRONG_TEN, NO_FIT },
	/* another time than the signed one */
	{ "t=1700000001,v1=" RIGHT, NO_FIT },
	{ "t=170000000,v1=" RIGHT, NO_FIT },
	{ "t=0,v1=" RIGHT, NO_FIT },
	/* blanks: Stripe sends none */
	{ "t=1700000000, v1=" RIGHT, NO_V1 },
	{ "t=1700000000 ,v1=" RIGHT, BAD_T },
	{ " t=1700000000,v1=" RIGHT, NO_T },
	{ "t= 1700000000,v1=" RIGHT, BAD_T },
	{ GOOD " ", NO_V1 },
	{ "t=1700000000,v1= " RIGHT, NO_V1 },
	{ "t=1700000000;v1=" RIGHT, BAD_T },
	/* t in any spelling but Stripe's */
	{ "t=01700000000,v1=" RIGHT, BAD_T },
	{ "t=00,v1=" RIGHT, BAD_T },
	{ "t=+1700000000,v1=" RIGHT, BAD_T },
	{ "t=-1700000000,v1=" RIGHT, BAD_T },
	{ "t=-1,v1=" RIGHT, BAD_T },
	{ "t=1700000000abc,v1=" RIGHT, BAD_T },
	{ "t=abc,v1=" RIGHT, BAD_T },
	{ "t=1700000000.5,v1=" RIGHT, BAD_T },
	{ "t=1.7e9,v1=" RIGHT, BAD_T },
	{ "t=1_700_000_000,v1=" RIGHT, BAD_T },
	{ "t=0x6553f100,v1=" RIGHT, BAD_T },
	{ "t=170000000000,v1=" RIGHT, BAD_T },
	{ "t=9223372036854775808,v1=" RIGHT, BAD_T },
	{ "t=18446744075409551616,v1=" RIGHT, BAD_T }, /* 2^64 + AT */
	/* two of them, whichever is right */
	{ "t=1700000000,t=1700000000,v1=" RIGHT, TWO_T },
	{ "t=1700000000,t=1,v1=" RIGHT, TWO_T },
	{ "t=1,t=1700000000,v1=" RIGHT, TWO_T },
	{ GOOD ",t=", TWO_T },
};

START_TEST(refuses)
{
	const char *reason;

	ck_assert_int_eq(
	    verify(SECRET, refused[_i].header, BODY, strlen(BODY), AT, &reason),
	    RC_SIGNATURE);
	ck_assert_msg(strstr(reason, refused[_i].reason) != NULL, "%s: %s",
	    refused[_i].header, reason);
	ck_assert_ptr_null(strstr(reason, "whsec"));
	ck_assert_ptr_null(strstr(reason, RIGHT));
}

/* Secrets that are nearly right: the whole string is the key, as it is. */
static const char *const strangers[] = { OTHER_SECRET, "unit_first",
	"whsec_unit_firs", "whsec_unit_first1", "whsec_unit_first\n",
	"\twhsec_unit_first", "WHSEC_UNIT_FIRST", "whsec_", "whsec_unit first",
	("whsec_1 whsec_2 whsec_3 whsec_4 whsec_5 whsec_6 whsec_7 whsec_8 "
	 "whsec_unit_first") };

START_TEST(refuses_other_secrets)
{
	const char *reason;

	ck_assert_int_eq(
	    verify(strangers[_i], GOOD, BODY, strlen(BODY), AT, &reason),
	    RC_SIGNATURE);
}

#define BYTES(literal) literal, sizeof(literal) - 1

static char x100000[100000];

/* Bodies are bytes: whatever they are, as long as they are the signed ones. */
static const struct {
	const char *body;
	size_t body_len;
	const char *header;
} bodies[] = {
	{ BYTES(""),
	    "t=1700000000,v1="
	    "a7818237548b361e4b356ec4cd30ded677c4e65bed4316caeeed389da2f0b164" },
	{ BYTES("\0"),
	    "t=1700000000,v1="
	    "67b25070158c140bb9029613fc6040e1e3bf4178b696966039e8c2e021f58ac6" },
	{ BYTES("{\"a\":\"b\0c\"}\0\0"),
	    "t=1700000000,v1="
	    "fc0e7be1270a7694dc9952db4c60f52691ea0d2f5b9d2bf6ae63674d1328b646" },
	{ BYTES("\xef\xbb\xbf{}"),
	    "t=1700000000,v1="
	    "ff47d0278f017b31dc76f0b9583b1fa8c496e1ea8bd6c1a167db1e3959538e16" },
	{ BYTES("\xff\xfe\x80"),
	    "t=1700000000,v1="
	    "31b9dab0ed74abd11d83d780470452971059a1a2eec81d31598eeb2af41370a6" },
	{ BYTES("} I am not JSON ["),
	    "t=1700000000,v1="
	    "2e168569d4aa95bbb307f08bcc0327cdd21ec3c6dc49adc5fbe1b881500bb8e5" },
	{ x100000, sizeof x100000,
	    "t=1700000000,v1="
	    "c11e963b922dad4d4d2f096113ebcfaccad06291da668fbb48b025553eac64c7" },
};

START_TEST(takes_bodies_as_bytes)
{
	size_t len = bodies[_i].body_len;
	const char *reason;
	char *body = malloc(len + 1);

	memset(x100000, 'x', sizeof x100000);
	memcpy(body, bodies[_i].body, len);
	body[len] = '\0';
	ck_assert_int_eq(
	    verify(SECRET, bodies[_i].header, body, len, AT, &reason), RC_OK);
	ck_assert_int_eq(
	    verify(SECRET, bodies[_i].header, body, len + 1, AT, &reason),
	    RC_SIGNATURE);
	if (len > 0)
		ck_assert_int_eq(verify(SECRET, bodies[_i].header, body,
				     len - 1, AT, &reason),
		    RC_SIGNATURE);
	free(body);
}

#define OLD "signed more than 300 seconds ago"
#define EARLY "signed more than 300 seconds in the future"

/* How long ago it was signed. */
static const struct {
	int64_t age_s;
	const char *reason;
} ages[] = {
	{ 0, NULL },
	{ 1, NULL },
	{ 15, NULL },
	{ 299, NULL },
	{ 300, NULL },
	{ 301, OLD },
	{ 302, OLD },
	{ 400, OLD },
	{ 86400, OLD },
	{ 10000000000, OLD },
	{ -1, NULL },
	{ -299, NULL },
	{ -300, NULL },
	{ -301, EARLY },
	{ -31536000, EARLY },
	{ -AT, EARLY },
};

START_TEST(tolerates_300_seconds_either_way)
{
	const char *reason;
	enum rc rc = verify(
	    SECRET, GOOD, BODY, strlen(BODY), AT + ages[_i].age_s, &reason);

	if (ages[_i].reason == NULL)
		ck_assert_int_eq(rc, RC_OK);
	else {
		ck_assert_int_eq(rc, RC_SIGNATURE);
		ck_assert_ptr_nonnull(strstr(reason, ages[_i].reason));
	}
}

START_TEST(any_time_can_be_signed)
{
	static const char zero[] =
	    "t=0,v1="
	    "97ad7c020559be682fb35c5e4047583dd77715514579ff2048e564129583b6fb";
	static const char early[] =
	    "t=12345,v1="
	    "d345bf9c3578b5eba7882a3ba4c95c5094de718a7e1a8f74fb38976455d9b28b";
	static const char last[] =
	    "t=99999999999,v1="
	    "6a200e5c6040faaecdb65f8d9582c5c4a5c759907a73f5371749f96a32b0833d";
	const char *reason;

	ck_assert_int_eq(verify(SECRET, zero, "{}", 2, 300, &reason), RC_OK);
	ck_assert_int_eq(verify(SECRET, early, "{}", 2, 12345, &reason), RC_OK);
	ck_assert_int_eq(
	    verify(SECRET, last, "{}", 2, 99999999999, &reason), RC_OK);
}

START_TEST(the_signature_is_judged_before_its_age)
{
	const char *reason;

	ck_assert_int_eq(verify(SECRET, "t=1700000000,v1=" WRONG, BODY,
			     strlen(BODY), AT + 1000, &reason),
	    RC_SIGNATURE);
	ck_assert_ptr_nonnull(strstr(reason, NO_FIT));
}

START_TEST(every_bit_of_the_body_counts)
{
	char body[] = BODY;
	const char *reason;

	for (size_t bit = 0; bit < 8 * strlen(BODY); bit++) {
		body[bit / 8] ^= (char)(1 << bit % 8);
		ck_assert_msg(verify(SECRET, GOOD, body, strlen(BODY), AT,
				  &reason) == RC_SIGNATURE,
		    "bit %zu", bit);
		body[bit / 8] ^= (char)(1 << bit % 8);
	}
	ck_assert_int_eq(
	    verify(SECRET, GOOD, body, strlen(BODY), AT, &reason), RC_OK);
}

START_TEST(every_bit_of_the_header_counts)
{
	char header[] = GOOD;
	const char *reason;

	for (size_t bit = 0; bit < 8 * strlen(GOOD); bit++) {
		header[bit / 8] ^= (char)(1 << bit % 8);
		ck_assert_msg(verify(SECRET, header, BODY, strlen(BODY), AT,
				  &reason) == RC_SIGNATURE,
		    "bit %zu", bit);
		header[bit / 8] ^= (char)(1 << bit % 8);
	}
}

START_TEST(every_bit_of_the_secret_counts)
{
	char secret[] = SECRET;
	const char *reason;

	for (size_t bit = 0; bit < 8 * strlen(SECRET); bit++) {
		secret[bit / 8] ^= (char)(1 << bit % 8);
		ck_assert_msg(verify(secret, GOOD, BODY, strlen(BODY), AT,
				  &reason) == RC_SIGNATURE,
		    "bit %zu", bit);
		secret[bit / 8] ^= (char)(1 << bit % 8);
	}
}

START_TEST(nothing_can_be_cut_off)
{
	char header[] = GOOD;
	const char *reason;

	for (size_t len = strlen(BODY); len-- > 0;)
		ck_assert_int_eq(
		    verify(SECRET, GOOD, BODY, len, AT, &reason), RC_SIGNATURE);
	for (size_t i = 1; i < strlen(BODY); i++)
		ck_assert_int_eq(verify(SECRET, GOOD, &BODY[i],
				     strlen(BODY) - i, AT, &reason),
		    RC_SIGNATURE);
	for (size_t i = 1; i < strlen(GOOD); i++)
		ck_assert_int_eq(
		    verify(SECRET, &GOOD[i], BODY, strlen(BODY), AT, &reason),
		    RC_SIGNATURE);
	for (size_t len = strlen(GOOD); len-- > 0;) {
		header[len] = '\0';
		ck_assert_int_eq(
		    verify(SECRET, header, BODY, strlen(BODY), AT, &reason),
		    RC_SIGNATURE);
	}
}

START_TEST(keys_need_a_secret)
{
	ck_assert_ptr_null(signature_keys_new(NULL));
	ck_assert_ptr_null(signature_keys_new(""));
	ck_assert_ptr_null(signature_keys_new("   "));
	signature_keys_free(NULL);
}

START_TEST(long_secrets_are_used_whole)
{
	static const char header[] =
	    "t=1700000000,v1="
	    "e877e987606b00f43e6fc0d656c1bc57c6859054b136c19a9200437107d18323";
	char secret[207] = "whsec_";
	const char *reason;

	memset(secret + 6, 'k', 200);
	ck_assert_int_eq(verify(secret, header, "{}", 2, AT, &reason), RC_OK);
	secret[205] = '\0';
	ck_assert_int_eq(
	    verify(secret, header, "{}", 2, AT, &reason), RC_SIGNATURE);
}

START_TEST(makes_what_stripe_sends)
{
	struct signature_keys *keys = signature_keys_new(
	    SECRET " " OTHER_SECRET);
	char header[sizeof GOOD];

	ck_assert_int_eq(
	    signature_make(keys, BODY, strlen(BODY), AT, header, sizeof header),
	    RC_OK);
	ck_assert_str_eq(header, GOOD);
	ck_assert_int_eq(signature_make(keys, BODY, strlen(BODY), AT, header,
			     sizeof header - 1),
	    RC_INTERNAL);
	signature_keys_free(keys);
}

static long allocations_until_failure = -1;

/* may_allocate - whether the turn to fail has not come */
static bool
may_allocate(void)
{
	allocations_until_failure -= allocations_until_failure > 0;
	return allocations_until_failure != 0;
}

/* test_malloc - for libcrypto */
static void *
test_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return may_allocate() ? malloc(size) : NULL;
}

/* test_realloc - for libcrypto */
static void *
test_realloc(void *bytes, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return may_allocate() ? realloc(bytes, size) : NULL;
}

/* test_free - for libcrypto */
static void
test_free(void *bytes, const char *file, int line)
{
	(void)file;
	(void)line;
	free(bytes);
}

/* One allocation after the other fails: no answer is ever a wrong one. */
START_TEST(survives_a_system_without_memory)
{
	struct signature_keys *keys;
	const char *reason;
	enum rc rc = RC_INTERNAL;
	int failures = 0;

	ck_assert_int_eq(
	    CRYPTO_set_mem_functions(test_malloc, test_realloc, test_free), 1);
	keys = signature_keys_new(SECRET);
	for (long n = 1; rc != RC_OK; n++) {
		allocations_until_failure = n;
		rc = signature_verify(
		    keys, GOOD, BODY, strlen(BODY), AT, &reason);
		ck_assert(rc == RC_OK || rc == RC_INTERNAL);
		allocations_until_failure = n;
		ck_assert_int_ne(
		    signature_verify(keys, "t=1700000000,v1=" WRONG, BODY,
			strlen(BODY), AT, &reason),
		    RC_OK);
		failures += rc == RC_INTERNAL;
	}
	ck_assert_int_gt(failures, 0);
	signature_keys_free(keys);
	keys = NULL;
	for (long n = 1; keys == NULL; n++) {
		allocations_until_failure = n;
		keys = signature_keys_new(SECRET " " OTHER_SECRET);
	}
	allocations_until_failure = -1;
	ck_assert_int_eq(signature_verify(keys, GOOD ",v1=" OTHER, BODY,
			     strlen(BODY), AT, &reason),
	    RC_OK);
	signature_keys_free(keys);
}

/* add - all tests */
static void
add(TCase *tests)
{
	unit_add_table(tests, accepts, accepted);
	unit_add_table(tests, refuses, refused);
	unit_add_table(tests, refuses_other_secrets, strangers);
	unit_add_table(tests, takes_bodies_as_bytes, bodies);
	unit_add_table(tests, tolerates_300_seconds_either_way, ages);
	tcase_add_test(tests, any_time_can_be_signed);
	tcase_add_test(tests, the_signature_is_judged_before_its_age);
	tcase_add_test(tests, every_bit_of_the_body_counts);
	tcase_add_test(tests, every_bit_of_the_header_counts);
	tcase_add_test(tests, every_bit_of_the_secret_counts);
	tcase_add_test(tests, nothing_can_be_cut_off);
	tcase_add_test(tests, keys_need_a_secret);
	tcase_add_test(tests, long_secrets_are_used_whole);
	tcase_add_test(tests, makes_what_stripe_sends);
	tcase_add_test(tests, survives_a_system_without_memory);
}

int
main(void)
{
	return unit_main("signature", add);
}
