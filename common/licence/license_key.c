#include "licence/license_key.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"

#define RAW_LEN 32  /* bytes of a raw public key */
#define KID_BYTES 8 /* of its digest */

/* no_passphrase - a key that needs one is refused, nobody is asked */
static int
no_passphrase(char *buffer, int size, int writing, void *unused)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)unused;
	return -1;
}

/* license_key_read - private, Ed25519 and nothing else */
EVP_PKEY *
license_key_read(struct arena *arena, const char *path, const char **problem)
{
	FILE *file = fopen(path, "r");
	EVP_PKEY *key;

	if (file == NULL) {
		*problem = arena_printf(arena,
		    "LICENSE_SIGNING_KEY: cannot read %s: %s", path,
		    strerror(errno));
		return NULL;
	}
	key = PEM_read_PrivateKey(file, NULL, no_passphrase, NULL);
	fclose(file);
	if (key != NULL && EVP_PKEY_is_a(key, "ED25519"))
		return key;
	EVP_PKEY_free(key);
	*problem = arena_printf(arena,
	    "LICENSE_SIGNING_KEY: %s is not an Ed25519 private key in PEM "
	    "without a passphrase; make one with license keygen",
	    path);
	return NULL;
}

/* raw_public - the 32 bytes */
static int
raw_public(const EVP_PKEY *key, unsigned char raw[RAW_LEN])
{
	size_t len = RAW_LEN;

	return EVP_PKEY_get_raw_public_key(key, raw, &len) == 1 &&
	    len == RAW_LEN;
}

/* license_key_public - base64url */
const char *
license_key_public(struct arena *arena, const EVP_PKEY *key)
{
	unsigned char raw[RAW_LEN];

	return raw_public(key, raw) ?
	    base64_url_encode(arena, raw, sizeof raw) :
	    NULL;
}

/* license_key_id - hex of the first bytes of the digest */
const char *
license_key_id(struct arena *arena, const EVP_PKEY *key)
{
	unsigned char raw[RAW_LEN], digest[EVP_MAX_MD_SIZE];
	char id[2 * KID_BYTES + 1];

	if (!raw_public(key, raw) ||
	    EVP_Digest(raw, sizeof raw, digest, NULL, EVP_sha256(), NULL) != 1)
		return NULL;
	for (size_t i = 0; i < KID_BYTES; i++)
		snprintf(id + 2 * i, 3, "%02x", digest[i]);
	return arena_copy(arena, id, sizeof id - 1);
}

/* license_key_from_public - for one verification */
EVP_PKEY *
license_key_from_public(struct arena *arena, const char *public_key)
{
	unsigned char *raw;
	size_t len;

	raw = base64_url_decode(arena, public_key, strlen(public_key), &len);
	if (raw == NULL || len != RAW_LEN)
		return NULL;
	return EVP_PKEY_new_raw_public_key(
	    EVP_PKEY_ED25519, NULL, raw, RAW_LEN);
}

/* license_key_read_public - block after block */
enum rc
license_key_read_public(struct arena *arena, const char *path,
    struct license_public keys[LICENSE_PUBLIC_MAX], size_t *count,
    const char **problem)
{
	FILE *file = fopen(path, "r");
	enum rc rc = RC_OK;
	EVP_PKEY *key;

	*count = 0;
	if (file == NULL) {
		*problem = arena_printf(
		    arena, "cannot read %s: %s", path, strerror(errno));
		return RC_BAD_REQUEST;
	}
	while (rc == RC_OK &&
	    (key = PEM_read_PUBKEY(file, NULL, no_passphrase, NULL)) != NULL) {
		if (*count == LICENSE_PUBLIC_MAX ||
		    !EVP_PKEY_is_a(key, "ED25519"))
			rc = RC_BAD_REQUEST;
		else {
			keys[*count].key = license_key_public(arena, key);
			keys[*count].kid = license_key_id(arena, key);
			if (keys[*count].key == NULL ||
			    keys[(*count)++].kid == NULL)
				rc = RC_BAD_REQUEST;
		}
		EVP_PKEY_free(key);
	}
	fclose(file);
	if (rc == RC_OK && *count > 0)
		return RC_OK;
	*problem = arena_printf(arena,
	    "%s must hold 1 to %d Ed25519 public keys in PEM", path,
	    LICENSE_PUBLIC_MAX);
	return RC_BAD_REQUEST;
}

/* bio_text - what was written to a memory BIO */
static const char *
bio_text(struct arena *arena, BIO *bio)
{
	char *bytes;
	long len = BIO_get_mem_data(bio, &bytes);

	return len > 0 ? arena_copy(arena, bytes, (size_t)len) : NULL;
}

/* license_key_make - with OpenSSL's generator */
enum rc
license_key_make(struct arena *arena, const char **private_pem,
    const char **public_pem, const char **kid)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	BIO *secret = BIO_new(BIO_s_secmem()), *open = BIO_new(BIO_s_mem());
	enum rc rc = RC_INTERNAL;

	if (key == NULL || secret == NULL || open == NULL ||
	    PEM_write_bio_PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL) !=
		1 ||
	    PEM_write_bio_PUBKEY(open, key) != 1)
		goto done;
	*private_pem = bio_text(arena, secret);
	*public_pem = bio_text(arena, open);
	*kid = license_key_id(arena, key);
	if (*private_pem != NULL && *public_pem != NULL && *kid != NULL)
		rc = RC_OK;
done:
	BIO_free(secret);
	BIO_free(open);
	EVP_PKEY_free(key);
	return rc;
}
