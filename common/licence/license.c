#include "licence/license.h"

#include <ctype.h>
#include <json-c/json.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/json.h"
#include "licence/license_key.h"

#define BLANKS " \t\r\n" /* that a copied text may have around it */
#define SIGNATURE_LEN 64
#define RANDOM_DIGITS 15 /* 75 bits */

/* Crockford's: no I, L, O or U. */
static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

struct license_signer {
	EVP_PKEY *key;
	const char *kid, *public_key;
};

/* free_key - EVP_PKEY_free() as arena_defer() wants it */
static void
free_key(void *key)
{
	EVP_PKEY_free(key);
}

/* license_signer_load - the key, and what is said about it */
enum rc
license_signer_load(struct arena *arena, const char *path,
    struct license_signer **signer, const char **problem)
{
	EVP_PKEY *key;

	*problem = "out of memory";
	*signer = arena_alloc(arena, sizeof **signer);
	if (*signer == NULL)
		return RC_INTERNAL;
	key = license_key_read(arena, path, problem);
	if (key == NULL)
		return RC_BAD_REQUEST;
	if (arena_defer(arena, free_key, key) != 0)
		return RC_INTERNAL;
	(*signer)->key = key;
	(*signer)->public_key = license_key_public(arena, key);
	(*signer)->kid = license_key_id(arena, key);
	if ((*signer)->public_key != NULL && (*signer)->kid != NULL)
		return RC_OK;
	*problem = "out of memory";
	return RC_INTERNAL;
}

/* license_signer_kid - 16 hex digits */
const char *
license_signer_kid(const struct license_signer *signer)
{
	return signer->kid;
}

/* license_signer_public - base64url */
const char *
license_signer_public(const struct license_signer *signer)
{
	return signer->public_key;
}

/* license_make_key - 75 bits from the system's generator */
enum rc
license_make_key(
    const char *prefix, const char *tier, char key[LICENSE_KEY_MAX])
{
	unsigned char bytes[RANDOM_DIGITS];
	char random[RANDOM_DIGITS + 1] = "";
	int len;

	if (RAND_bytes(bytes, sizeof bytes) != 1)
		return RC_INTERNAL;
	for (size_t i = 0; i < RANDOM_DIGITS; i++)
		random[i] = crockford[bytes[i] & 31];
	len = snprintf(key, LICENSE_KEY_MAX, "%s-%s-%.5s-%.5s-%.5s", prefix,
	    tier, random, random + 5, random + 10);
	if (len >= LICENSE_KEY_MAX)
		return RC_INTERNAL;
	for (; *key != '\0'; key++)
		*key = (char)toupper((unsigned char)*key);
	return RC_OK;
}

/* license_normal_key - forgiving about case and look-alikes */
const char *
license_normal_key(struct arena *arena, const char *typed)
{
	size_t len;
	char *key;

	typed += strspn(typed, " \t\r\n");
	len = strlen(typed);
	while (len > 0 && strchr(" \t\r\n", typed[len - 1]) != NULL)
		len--;
	if (len < RANDOM_DIGITS + 2 || len >= LICENSE_KEY_MAX ||
	    (key = arena_copy(arena, typed, len)) == NULL)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		key[i] = (char)toupper((unsigned char)key[i]);
		if (!isalnum((unsigned char)key[i]) && key[i] != '-' &&
		    key[i] != '_')
			return NULL;
		if (len - i > RANDOM_DIGITS + 2)
			continue;
		if (key[i] == 'O')
			key[i] = '0';
		else if (key[i] == 'I' || key[i] == 'L')
			key[i] = '1';
	}
	return key;
}

/* payload - the JSON text that is signed */
static const char *
payload(struct arena *arena, const struct license_facts *facts)
{
	json_object *object = json_object_new_object();
	const struct {
		const char *name, *value;
	} members[] = {
		{ "key", facts->key },
		{ "tier", facts->tier },
		{ "product", facts->product },
		{ "email", facts->email },
		{ "issued", facts->issued },
		{ "kid", facts->kid },
	};
	const char *text;

	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		json_object_object_add(object, members[i].name,
		    json_object_new_string(members[i].value));
	if (facts->test)
		json_object_object_add(
		    object, "test", json_object_new_boolean(true));
	text = json_object_to_json_string_ext(
	    object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	text = text != NULL ? arena_copy(arena, text, strlen(text)) : NULL;
	json_object_put(object);
	return text;
}

/* license_sign - a blob from facts */
enum rc
license_sign(const struct license_signer *signer, struct arena *arena,
    const char *blob_prefix, const struct license_facts *facts,
    const char **blob)
{
	struct license_facts complete = *facts;
	unsigned char signature[SIGNATURE_LEN];
	size_t signature_len = sizeof signature;
	const char *text, *text64, *signature64;
	EVP_MD_CTX *context;
	int fine;

	complete.kid = signer->kid;
	text = payload(arena, &complete);
	context = EVP_MD_CTX_new();
	fine = text != NULL && context != NULL &&
	    EVP_DigestSignInit(context, NULL, NULL, NULL, signer->key) == 1 &&
	    EVP_DigestSign(context, signature, &signature_len,
		(const unsigned char *)text, strlen(text)) == 1;
	EVP_MD_CTX_free(context);
	if (!fine)
		return RC_INTERNAL;
	text64 = base64_url_encode(arena, text, strlen(text));
	signature64 = base64_url_encode(arena, signature, signature_len);
	if (text64 == NULL || signature64 == NULL)
		return RC_TOO_LARGE;
	*blob = arena_printf(
	    arena, "%s%s.%s", blob_prefix, text64, signature64);
	return *blob != NULL ? RC_OK : RC_TOO_LARGE;
}

/* read_facts - from the payload */
static enum rc
read_facts(struct arena *arena, const char *text, size_t len,
    struct license_facts *facts)
{
	json_object *object;

	memset(facts, 0, sizeof *facts);
	if (json_parse(arena, text, len, &object) != RC_OK ||
	    json_string(object, "key", &facts->key) != RC_OK ||
	    json_string(object, "tier", &facts->tier) != RC_OK ||
	    json_string(object, "product", &facts->product) != RC_OK ||
	    json_string(object, "email", &facts->email) != RC_OK ||
	    json_string(object, "issued", &facts->issued) != RC_OK ||
	    json_string(object, "kid", &facts->kid) != RC_OK ||
	    json_boolean(object, "test", &facts->test) == RC_BAD_REQUEST)
		return RC_BAD_REQUEST;
	return RC_OK;
}

/* license_open - prefix, payload, dot, signature */
enum rc
license_open(struct arena *arena, const char *blob_prefix, const char *text,
    struct license_blob *blob)
{
	size_t prefix_len = strlen(blob_prefix), signature_len;
	const char *dot, *end;

	text += strspn(text, BLANKS);
	if (strlen(text) > LICENSE_BLOB_MAX ||
	    strncmp(text, blob_prefix, prefix_len) != 0)
		return RC_BAD_REQUEST;
	text += prefix_len;
	dot = strchr(text, '.');
	if (dot == NULL)
		return RC_BAD_REQUEST;
	end = dot + 1 + strcspn(dot + 1, BLANKS);
	if (end[strspn(end, BLANKS)] != '\0')
		return RC_BAD_REQUEST;
	blob->payload = (const char *)base64_url_decode(
	    arena, text, (size_t)(dot - text), &blob->payload_len);
	blob->signature = base64_url_decode(
	    arena, dot + 1, (size_t)(end - dot - 1), &signature_len);
	if (blob->payload == NULL || blob->signature == NULL ||
	    signature_len != SIGNATURE_LEN)
		return RC_BAD_REQUEST;
	return read_facts(
	    arena, blob->payload, blob->payload_len, &blob->facts);
}

/* license_verify - with one public key */
enum rc
license_verify(struct arena *arena, const struct license_blob *blob,
    const char *public_key)
{
	EVP_PKEY *key = license_key_from_public(arena, public_key);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int fine;

	fine = key != NULL && context != NULL &&
	    EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
	    EVP_DigestVerify(context, blob->signature, SIGNATURE_LEN,
		(const unsigned char *)blob->payload, blob->payload_len) == 1;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	return fine ? RC_OK : RC_SIGNATURE;
}
