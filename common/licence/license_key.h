/*
 * license_key.h - Ed25519 keys of OpenSSL in files and in texts, for license.c
 * and the license program's commands.
 */
#ifndef PAYDESK_LICENSE_KEY_H
#define PAYDESK_LICENSE_KEY_H

#include <openssl/types.h>

#include "base/arena.h"
#include "base/rc.h"

#define LICENSE_PUBLIC_MAX 16 /* public keys that a file may hold */

/* A public key in base64url and its id. */
struct license_public {
	const char *kid, *key;
};

/*
 * The private key of a PEM file, for EVP_PKEY_free(). NULL: *problem is a
 * sentence that names LICENSE_SIGNING_KEY.
 */
EVP_PKEY *license_key_read(
    struct arena *arena, const char *path, const char **problem);

/* Its public half in base64url, and its id. NULL: no memory. */
const char *license_key_public(struct arena *arena, const EVP_PKEY *key);
const char *license_key_id(struct arena *arena, const EVP_PKEY *key);

/* From base64url, for EVP_PKEY_free(). NULL: it is no Ed25519 key. */
EVP_PKEY *license_key_from_public(struct arena *arena, const char *public_key);

/*
 * The public keys in a file of PEM blocks. RC_BAD_REQUEST: there is none, or
 * more than LICENSE_PUBLIC_MAX, or the file cannot be read; *problem says so.
 */
enum rc license_key_read_public(struct arena *arena, const char *path,
    struct license_public keys[LICENSE_PUBLIC_MAX], size_t *count,
    const char **problem) MUST_CHECK;

/* A new pair in PEM. RC_INTERNAL: OpenSSL could not. */
enum rc license_key_make(struct arena *arena, const char **private_pem,
    const char **public_pem, const char **kid) MUST_CHECK;

#endif
