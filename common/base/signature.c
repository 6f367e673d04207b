#include "base/signature.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define T_DIGITS_MAX 11
#define MAC_LEN 32

/* One context a key, keyed once: the copy a request makes is cheap. */
struct signature_keys {
	EVP_MAC_CTX *contexts[SIGNATURE_KEYS_MAX];
	size_t count;
};

/* key_context - an HMAC-SHA256 context with the key set */
static EVP_MAC_CTX *
key_context(const char *secret, size_t len)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(
		    OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);

	EVP_MAC_free(mac);
	if (context != NULL &&
	    EVP_MAC_init(context, (const unsigned char *)secret, len, params) !=
		1) {
		EVP_MAC_CTX_free(context);
		context = NULL;
	}
	return context;
}

/* signature_keys_new - one context a secret */
struct signature_keys *
signature_keys_new(const char *secrets)
{
	struct signature_keys *keys;

	if (secrets == NULL || (keys = calloc(1, sizeof *keys)) == NULL)
		return NULL;
	while (*(secrets += strspn(secrets, " ")) != '\0' &&
	    keys->count < SIGNATURE_KEYS_MAX) {
		size_t len = strcspn(secrets, " ");

		keys->contexts[keys->count] = key_context(secrets, len);
		if (keys->contexts[keys->count++] == NULL)
			break;
		secrets += len;
	}
	if (keys->count == 0 || keys->contexts[keys->count - 1] == NULL) {
		signature_keys_free(keys);
		return NULL;
	}
	return keys;
}

/* signature_keys_free - OpenSSL wipes the keys */
void
signature_keys_free(struct signature_keys *keys)
{
	if (keys == NULL)
		return;
	for (size_t i = 0; i < keys->count; i++)
		EVP_MAC_CTX_free(keys->contexts[i]);
	free(keys);
}

/* sign - lower-case hex of the HMAC over "t.body" */
static enum rc
sign(EVP_MAC_CTX *key, int64_t t, const void *body, size_t body_len,
    char hex[SIGNATURE_HEX_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char mac[MAC_LEN];
	char prefix[T_DIGITS_MAX + 16];
	size_t mac_len = 0;
	int prefix_len, fine;
	EVP_MAC_CTX *context = EVP_MAC_CTX_dup(key);

	prefix_len = snprintf(prefix, sizeof prefix, "%lld.", (long long)t);
	fine = context != NULL &&
	    EVP_MAC_update(context, (const unsigned char *)prefix,
		(size_t)prefix_len) == 1 &&
	    EVP_MAC_update(context, body, body_len) == 1 &&
	    EVP_MAC_final(context, mac, &mac_len, sizeof mac) == 1;
	EVP_MAC_CTX_free(context);
	if (!fine || mac_len != MAC_LEN)
		return RC_INTERNAL;
	for (size_t i = 0; i < MAC_LEN; i++) {
		hex[2 * i] = digits[mac[i] >> 4];
		hex[2 * i + 1] = digits[mac[i] & 15];
	}
	hex[SIGNATURE_HEX_LEN] = '\0';
	return RC_OK;
}

/* parse_t - canonical decimal seconds; -1 when it is anything else */
static int64_t
parse_t(const char *digits, size_t len)
{
	int64_t t = 0;

	if (len == 0 || len > T_DIGITS_MAX || (digits[0] == '0' && len > 1))
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return -1;
		t = t * 10 + (digits[i] - '0');
	}
	return t;
}

/* find_t - the one timestamp of the header; -1 and a reason otherwise */
static int64_t
find_t(const char *header, const char **reason)
{
	int64_t t = -1;

	while (*header != '\0') {
		size_t len = strcspn(header, ",");

		if (len >= 2 && strncmp(header, "t=", 2) == 0) {
			if (t != -1) {
				*reason = "the header has more than one t";
				return -1;
			}
			t = parse_t(header + 2, len - 2);
			if (t == -1) {
				*reason = "the header's t is not a number of "
					  "seconds";
				return -1;
			}
		}
		header += len;
		header += *header == ',';
	}
	if (t == -1)
		*reason = "the header has no t";
	return t;
}

/* matches - compare every v1 of the header; *seen counts the well-formed */
static bool
matches(const char *header, const char *expected, size_t *seen)
{
	bool found = false;

	*seen = 0;
	while (*header != '\0') {
		size_t len = strcspn(header, ",");

		if (len == 3 + SIGNATURE_HEX_LEN &&
		    strncmp(header, "v1=", 3) == 0) {
			++*seen;
			found |= CRYPTO_memcmp(header + 3, expected,
				     SIGNATURE_HEX_LEN) == 0;
		}
		header += len;
		header += *header == ',';
	}
	return found;
}

/* signature_verify - any v1 with any key, within the tolerance */
enum rc
signature_verify(const struct signature_keys *keys, const char *header,
    const void *body, size_t body_len, int64_t now_s, const char **reason)
{
	char expected[SIGNATURE_HEX_LEN + 1];
	bool found = false;
	size_t seen = 0;
	int64_t t;

	if (header == NULL || *header == '\0') {
		*reason = "there is no Stripe-Signature header";
		return RC_SIGNATURE;
	}
	if ((t = find_t(header, reason)) == -1)
		return RC_SIGNATURE;
	for (size_t i = 0; i < keys->count; i++) {
		if (sign(keys->contexts[i], t, body, body_len, expected) !=
		    RC_OK) {
			*reason = "the signature could not be computed";
			return RC_INTERNAL;
		}
		found |= matches(header, expected, &seen);
	}
	OPENSSL_cleanse(expected, sizeof expected);
	if (seen == 0)
		*reason = "the header has no v1 of 64 hex digits";
	else if (!found)
		*reason = "no v1 fits the body: another secret, or the body "
			  "was changed on the way";
	else if (now_s - t > SIGNATURE_TOLERANCE_S)
		*reason = "it was signed more than 300 seconds ago: a replay, "
			  "or this host's clock is ahead";
	else if (t - now_s > SIGNATURE_TOLERANCE_S)
		*reason = "it was signed more than 300 seconds in the future: "
			  "check this host's clock";
	else
		return RC_OK;
	return RC_SIGNATURE;
}

/* signature_make - what Stripe would send */
enum rc
signature_make(const struct signature_keys *keys, const void *body,
    size_t body_len, int64_t at_s, char *header, size_t header_size)
{
	char hex[SIGNATURE_HEX_LEN + 1];
	int len;

	if (sign(keys->contexts[0], at_s, body, body_len, hex) != RC_OK)
		return RC_INTERNAL;
	len = snprintf(
	    header, header_size, "t=%lld,v1=%s", (long long)at_s, hex);
	OPENSSL_cleanse(hex, sizeof hex);
	return len > 0 && (size_t)len < header_size ? RC_OK : RC_INTERNAL;
}
