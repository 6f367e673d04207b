/*
 * license.h - licence keys and signed licences.
 *
 * A key is PREFIX-TIER-XXXXX-XXXXX-XXXXX: fifteen digits of Crockford's base32
 * are 75 random bits. A signed licence, the blob, is
 *
 *   BLOB_PREFIX base64url(payload) "." base64url(signature)
 *
 * without padding, where payload is a JSON object and the signature Ed25519
 * (RFC 8032) over the bytes of the payload:
 *   {"key":…,"tier":…,"product":…,"email":…,"issued":"2026-11-20","kid":…}
 * and "test":true in the licence of a test sale. kid, the key id, is the first
 * eight bytes of the SHA-256 of the raw public key, in hex.
 */
#ifndef PAYDESK_LICENSE_H
#define PAYDESK_LICENSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/rc.h"

#define LICENSE_KEY_MAX 80    /* bytes of a key with its NUL */
#define LICENSE_BLOB_MAX 4096 /* bytes that license_open() looks at */

struct license_signer; /* a private key */

/* What a blob says. */
struct license_facts {
	const char *key, *tier, *product, *email;
	const char *issued; /* YYYY-MM-DD */
	const char *kid;    /* 16 hex digits; filled in by the signer */
	bool test;
};

/*
 * Reads a private key in PEM. RC_BAD_REQUEST: *problem is a sentence that names
 * LICENSE_SIGNING_KEY. Freed with the arena.
 */
enum rc license_signer_load(struct arena *arena, const char *path,
    struct license_signer **signer, const char **problem) MUST_CHECK;

/* The id of its key, and the public key in base64url. */
const char *license_signer_kid(const struct license_signer *signer);
const char *license_signer_public(const struct license_signer *signer);

/* A new key into key; tier is written in capitals. RC_INTERNAL: no randomness. */
enum rc license_make_key(
    const char *prefix, const char *tier, char key[LICENSE_KEY_MAX]) MUST_CHECK;

/*
 * What people typed, as the key that it must be: capitals, O for 0 and I or L
 * for 1 in the random part. NULL: it can be none.
 */
const char *license_normal_key(struct arena *arena, const char *typed);

/* Signs; the blob lives in the arena. */
enum rc license_sign(const struct license_signer *signer, struct arena *arena,
    const char *blob_prefix, const struct license_facts *facts,
    const char **blob) MUST_CHECK;

/* A blob taken apart; nothing in it is to be trusted before license_verify(). */
struct license_blob {
	struct license_facts facts;
	const char *payload;
	size_t payload_len;
	const unsigned char *signature; /* 64 bytes */
};

/* RC_BAD_REQUEST: it does not look like one. It lives in the arena. */
enum rc license_open(struct arena *arena, const char *blob_prefix,
    const char *text, struct license_blob *blob) MUST_CHECK;

/*
 * RC_OK when the blob was signed with the private half of this public key, in
 * base64url. RC_SIGNATURE: it was not.
 */
enum rc license_verify(struct arena *arena, const struct license_blob *blob,
    const char *public_key) MUST_CHECK;

#endif
