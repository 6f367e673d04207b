#include "program/bearer.h"

#include <errno.h>
#include <jwt.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define KEY_FILE_MAX 16384 /* bytes */
#define RSA_BITS_MIN 2048

struct bearer {
	jwt_alg_t alg;
	const char *key; /* the secret, or a public key in PEM */
	const char *audience, *issuer;
};

/* The algorithms that a setting can name, and the kind of key they need. */
static const struct {
	const char *name;
	jwt_alg_t alg;
	int key_type; /* EVP_PKEY_…; EVP_PKEY_NONE: a secret */
} algorithms[] = {
	{ "HS256", JWT_ALG_HS256, EVP_PKEY_NONE },
	{ "RS256", JWT_ALG_RS256, EVP_PKEY_RSA },
	{ "ES256", JWT_ALG_ES256, EVP_PKEY_EC },
};

#define ALGORITHM_COUNT (sizeof algorithms / sizeof *algorithms)

/* wrong - a sentence about the settings */
static enum rc
wrong(const char **problem, const char *sentence)
{
	*problem = sentence;
	return RC_BAD_REQUEST;
}

/* read_pem - the setting itself, or the file that it names; NULL: unreadable */
static const char *
read_pem(struct arena *arena, const char *setting)
{
	FILE *file;
	char *text;
	size_t len;

	if (strncmp(setting, "-----BEGIN", 10) == 0)
		return setting;
	text = arena_alloc(arena, KEY_FILE_MAX + 1);
	file = fopen(setting, "r");
	if (file == NULL || text == NULL) {
		if (file != NULL)
			fclose(file);
		return NULL;
	}
	len = fread(text, 1, KEY_FILE_MAX, file);
	text[ferror(file) ? 0 : len] = '\0';
	fclose(file);
	return text;
}

/* key_type - EVP_PKEY_… of a public key that is good enough, or none */
static int
key_type(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	char curve[32] = "";
	int type = EVP_PKEY_NONE;
	size_t len;

	if (key != NULL) {
		type = EVP_PKEY_get_base_id(key);
		EVP_PKEY_get_group_name(key, curve, sizeof curve, &len);
	}
	if ((type == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) < RSA_BITS_MIN) ||
	    (type == EVP_PKEY_EC && strcmp(curve, "prime256v1") != 0))
		type = EVP_PKEY_NONE;
	EVP_PKEY_free(key);
	BIO_free(bio);
	return type;
}

/* choose - the algorithm that the settings name, or that the key implies */
static enum rc
choose(struct bearer *bearer, const char *name, const char *secret,
    const char *pem, const char **problem)
{
	int type = pem != NULL ? key_type(pem) : EVP_PKEY_NONE;
	size_t i;

	if ((name != NULL && strcmp(name, "EdDSA") == 0) ||
	    type == EVP_PKEY_ED25519)
		return wrong(problem,
		    "AUTH_JWT_ALG or AUTH_JWT_PUBLIC_KEY asks for EdDSA, "
		    "which the libjwt of this system does not know: use RS256 "
		    "or ES256");
	if (name == NULL && secret != NULL && pem != NULL)
		return wrong(problem,
		    "AUTH_JWT_ALG must be set when both AUTH_JWT_SECRET and "
		    "AUTH_JWT_PUBLIC_KEY are");
	if (pem != NULL && type == EVP_PKEY_NONE)
		return wrong(problem,
		    "AUTH_JWT_PUBLIC_KEY must be a public key in PEM, or the "
		    "path of one: RSA of at least 2048 bits, or EC on P-256");
	for (i = 0; i < ALGORITHM_COUNT; i++) {
		if (name != NULL ? strcmp(algorithms[i].name, name) == 0 :
				   algorithms[i].key_type == type)
			break;
	}
	if (i == ALGORITHM_COUNT)
		return wrong(
		    problem, "AUTH_JWT_ALG must be HS256, RS256 or ES256");
	bearer->alg = algorithms[i].alg;
	bearer->key = bearer->alg == JWT_ALG_HS256 ? secret : pem;
	if (bearer->key == NULL)
		return wrong(problem,
		    bearer->alg == JWT_ALG_HS256 ?
			"AUTH_JWT_ALG is HS256: set AUTH_JWT_SECRET" :
			"AUTH_JWT_ALG is RS256 or ES256: set "
			"AUTH_JWT_PUBLIC_KEY");
	if (bearer->key == pem && algorithms[i].key_type != type)
		return wrong(problem,
		    "AUTH_JWT_PUBLIC_KEY is not of the kind that AUTH_JWT_ALG "
		    "needs: RSA for RS256, EC on P-256 for ES256");
	return RC_OK;
}

/* bearer_new - from the settings */
enum rc
bearer_new(struct arena *arena, const struct config *config,
    struct bearer **bearer, const char **problem)
{
	const char *secret = config_string(config, AUTH_JWT_SECRET);
	const char *public_key = config_string(config, AUTH_JWT_PUBLIC_KEY);
	const char *name = config_string(config, AUTH_JWT_ALG), *pem = NULL;

	*bearer = NULL;
	if (secret == NULL && public_key == NULL)
		return name == NULL ?
		    RC_OK :
		    wrong(problem,
			"AUTH_JWT_ALG is set: set AUTH_JWT_SECRET or "
			"AUTH_JWT_PUBLIC_KEY as well");
	if (public_key != NULL && (pem = read_pem(arena, public_key)) == NULL)
		return wrong(problem,
		    arena_printf(arena,
			"AUTH_JWT_PUBLIC_KEY: cannot read %s: %s", public_key,
			strerror(errno)));
	*bearer = arena_alloc(arena, sizeof **bearer);
	*problem = "out of memory";
	if (*bearer == NULL)
		return RC_INTERNAL;
	(*bearer)->audience = config_string(config, AUTH_JWT_AUDIENCE);
	(*bearer)->issuer = config_string(config, AUTH_JWT_ISSUER);
	return choose(*bearer, name, secret, pem, problem);
}

/* claim_time - a NumericDate, whole or not; -1 when the claim is no number */
static int64_t
claim_time(json_object *claims, const char *name)
{
	json_object *claim = json_member(claims, name);
	double seconds;

	if (json_object_is_type(claim, json_type_int))
		return json_object_get_int64(claim);
	if (!json_object_is_type(claim, json_type_double))
		return -1;
	seconds = json_object_get_double(claim);
	return seconds >= 0 && seconds < (double)JSON_TIME_MAX ?
	    (int64_t)seconds :
	    -1;
}

/* is_text - whether a value is that very string */
static bool
is_text(json_object *value, const char *text)
{
	return json_object_is_type(value, json_type_string) &&
	    (size_t)json_object_get_string_len(value) == strlen(text) &&
	    strcmp(json_object_get_string(value), text) == 0;
}

/* meant_for - whether aud, a string or a list of them, names the audience */
static bool
meant_for(json_object *aud, const char *audience)
{
	if (is_text(aud, audience))
		return true;
	if (!json_object_is_type(aud, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(aud); i++) {
		if (is_text(json_object_array_get_idx(aud, i), audience))
			return true;
	}
	return false;
}

/* judge - the claims of a token whose signature is right; NULL: all is well */
static const char *
judge(const struct bearer *bearer, json_object *claims, int64_t now_s)
{
	json_object *aud = json_member(claims, "aud");
	int64_t expires_s = claim_time(claims, "exp");

	if (expires_s < 0)
		return "The token has no usable exp: one that never expires is "
		       "not accepted.";
	if (expires_s <= now_s)
		return "The token has expired.";
	if (json_member(claims, "nbf") != NULL) {
		int64_t begins_s = claim_time(claims, "nbf");

		if (begins_s < 0 || begins_s > now_s)
			return "The token is not valid yet.";
	}
	if (bearer->audience != NULL ? !meant_for(aud, bearer->audience) :
				       aud != NULL)
		return "The token is meant for another audience than "
		       "AUTH_JWT_AUDIENCE of this server.";
	if (bearer->issuer != NULL &&
	    !is_text(json_member(claims, "iss"), bearer->issuer))
		return "The token is not from AUTH_JWT_ISSUER of this server.";
	return NULL;
}

/* decode - libjwt's part: signature, algorithm; NULL when either is wrong */
static jwt_t *
decode(const struct bearer *bearer, const char *token)
{
	char *critical = NULL;
	jwt_t *jwt = NULL;

	if (jwt_decode(&jwt, token, (const unsigned char *)bearer->key,
		(int)strlen(bearer->key)) != 0)
		return NULL;
	/* libjwt goes by the token's own alg: only ours may pass. */
	if (jwt_get_alg(jwt) == bearer->alg)
		critical = jwt_get_headers_json(jwt, "crit");
	if (jwt_get_alg(jwt) != bearer->alg || critical != NULL) {
		free(critical);
		jwt_free(jwt);
		return NULL;
	}
	return jwt;
}

/* bearer_verify - signature first, then the claims */
enum rc
bearer_verify(const struct bearer *bearer, struct arena *arena,
    const char *token, int64_t now_s, json_object **claims, const char **reason)
{
	char *text = NULL;
	jwt_t *jwt = NULL;

	*reason = "The token is not one that this server accepts.";
	if (strlen(token) > BEARER_TOKEN_MAX ||
	    (jwt = decode(bearer, token)) == NULL)
		return RC_SIGNATURE;
	text = jwt_get_grants_json(jwt, NULL);
	jwt_free(jwt);
	if (text != NULL &&
	    json_parse(arena, text, strlen(text), claims) == RC_OK)
		*reason = judge(bearer, *claims, now_s);
	free(text);
	return *reason == NULL ? RC_OK : RC_SIGNATURE;
}

/* add_claims - what is given; false when libjwt has no memory */
static bool
add_claims(jwt_t *jwt, const struct bearer *bearer, const char *sub,
    const char *email, const char *role, int64_t expires_s)
{
	return jwt_add_grant(jwt, "sub", sub) == 0 &&
	    jwt_add_grant_int(jwt, "exp", (long)expires_s) == 0 &&
	    (email == NULL ||
		(jwt_add_grant(jwt, "email", email) == 0 &&
		    jwt_add_grant_bool(jwt, "email_verified", 1) == 0)) &&
	    (role == NULL || jwt_add_grant(jwt, "role", role) == 0) &&
	    (bearer->audience == NULL ||
		jwt_add_grant(jwt, "aud", bearer->audience) == 0) &&
	    (bearer->issuer == NULL ||
		jwt_add_grant(jwt, "iss", bearer->issuer) == 0);
}

/* bearer_make - a token of our own */
enum rc
bearer_make(const struct bearer *bearer, struct arena *arena, const char *sub,
    const char *email, const char *role, int64_t expires_s, const char **token)
{
	enum rc rc = RC_INTERNAL;
	char *text = NULL;
	jwt_t *jwt = NULL;

	if (bearer == NULL || bearer->alg != JWT_ALG_HS256)
		return RC_NOT_FOUND;
	if (jwt_new(&jwt) != 0)
		return RC_INTERNAL;
	if (add_claims(jwt, bearer, sub, email, role, expires_s) &&
	    jwt_set_alg(jwt, bearer->alg, (const unsigned char *)bearer->key,
		(int)strlen(bearer->key)) == 0 &&
	    (text = jwt_encode_str(jwt)) != NULL &&
	    (*token = arena_copy(arena, text, strlen(text))) != NULL)
		rc = RC_OK;
	free(text);
	jwt_free(jwt);
	return rc;
}
