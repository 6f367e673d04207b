/*
 * bearer.h - is this bearer token (a signed JWT, RFC 7519) good?
 *
 * The algorithm is fixed by the settings: a token that says another one, none
 * above all, is refused, so that a public key is never taken for a secret.
 */
#ifndef PAYDESK_BEARER_H
#define PAYDESK_BEARER_H

#include <json-c/json.h>
#include <stdint.h>

#include "base/arena.h"
#include "program/config.h"
#include "base/rc.h"

#define BEARER_TOKEN_MAX 8192 /* bytes */

struct bearer;

/* The settings that a program with bearer tokens lists among its own. */
#define BEARER_SETTINGS \
	AUTH_JWT_SECRET, AUTH_JWT_PUBLIC_KEY, AUTH_JWT_ALG, AUTH_JWT_AUDIENCE, \
	    AUTH_JWT_ISSUER

/*
 * Makes the key ready, all of it in the arena. *bearer is NULL when neither a
 * secret nor a public key is set. RC_BAD_REQUEST: *problem is a sentence that
 * names the setting.
 */
enum rc bearer_new(struct arena *arena, const struct config *config,
    struct bearer **bearer, const char **problem) MUST_CHECK;

/*
 * RC_OK when the token is signed with the key and valid at now_s; *claims then
 * lives in the arena. Else RC_SIGNATURE and *reason is a sentence for people
 * that says nothing of the token's content.
 */
enum rc bearer_verify(const struct bearer *bearer, struct arena *arena,
    const char *token, int64_t now_s, json_object **claims,
    const char **reason) MUST_CHECK;

/*
 * Signs a token with the secret, for trying things out: sub, and where given
 * email, which is verified, and role, until expires_s. RC_NOT_FOUND: there is no secret.
 */
enum rc bearer_make(const struct bearer *bearer, struct arena *arena,
    const char *sub, const char *email, const char *role, int64_t expires_s,
    const char **token) MUST_CHECK;

#endif
