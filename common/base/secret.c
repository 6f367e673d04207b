#include "base/secret.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#define DIGEST_LEN 32

/* Digests are of one length, so comparing them tells nothing about lengths. */
struct secrets {
	unsigned char digests[SECRETS_MAX][DIGEST_LEN];
	size_t count;
};

/* digest - SHA-256 */
static bool
digest(const void *bytes, size_t len, unsigned char out[DIGEST_LEN])
{
	return EVP_Digest(bytes, len, out, NULL, EVP_sha256(), NULL) == 1;
}

/* secrets_new - a digest for each */
struct secrets *
secrets_new(struct arena *arena, const char *text)
{
	struct secrets *secrets;

	if (text == NULL ||
	    (secrets = arena_alloc(arena, sizeof *secrets)) == NULL)
		return NULL;
	while (*(text += strspn(text, " ")) != '\0' &&
	    secrets->count < SECRETS_MAX) {
		size_t len = strcspn(text, " ");

		if (!digest(text, len, secrets->digests[secrets->count++]))
			return NULL;
		text += len;
	}
	return secrets->count > 0 ? secrets : NULL;
}

/* secrets_match - all are compared, whatever the first one says */
bool
secrets_match(const struct secrets *secrets, const void *candidate, size_t len)
{
	unsigned char given[DIGEST_LEN];
	int found = 0;

	if (!digest(candidate, len, given))
		return false;
	for (size_t i = 0; i < secrets->count; i++)
		found |= CRYPTO_memcmp(
			     given, secrets->digests[i], DIGEST_LEN) == 0;
	OPENSSL_cleanse(given, sizeof given);
	return found != 0;
}
