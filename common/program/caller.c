#include "program/caller.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/json.h"

/* caller_rules_new - keys and pages */
enum rc
caller_rules_new(struct arena *arena, const struct config *config,
    struct caller_rules *rules, const char **problem)
{
	*problem = "out of memory";
	rules->site = site_new(arena, config);
	if (rules->site == NULL)
		return RC_INTERNAL;
	rules->tokens_are_verified = strcmp(config_string(
						config, AUTH_EMAIL_VERIFIED),
					 "always") == 0;
	return bearer_new(arena, config, &rules->bearer, problem);
}

/* usable - some text without control characters */
static bool
usable(const char *text, size_t max)
{
	const char *c;

	for (c = text; *c != '\0'; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return false;
	}
	return c > text && (size_t)(c - text) <= max;
}

/* email_of - an address as far as it can be told, or NULL */
static const char *
email_of(const char *given)
{
	const char *at;

	if (given == NULL || !usable(given, CALLER_EMAIL_MAX) ||
	    strchr(given, ' ') != NULL)
		return NULL;
	at = strrchr(given, '@');
	return at != NULL && at > given && at[1] != '\0' ? given : NULL;
}

/* role_of - the one role that means something here, or NULL */
static const char *
role_of(const char *given)
{
	return given != NULL && strcmp(given, "admin") == 0 ? "admin" : NULL;
}

/* is_true - as a host's headers say it */
static bool
is_true(const char *word)
{
	return word != NULL &&
	    (strcmp(word, "true") == 0 || strcmp(word, "1") == 0);
}

/* from_nginx - whom the server has let in; false: nobody it knows */
static bool
from_nginx(const struct request *request, struct caller *caller)
{
	caller->id = request_param(request, "REMOTE_USER");
	if (caller->id == NULL || *caller->id == '\0')
		return false;
	caller->email = email_of(request_param(request, "PAYDESK_EMAIL"));
	caller->email_verified = is_true(
	    request_param(request, "PAYDESK_EMAIL_VERIFIED"));
	caller->role = role_of(request_param(request, "PAYDESK_ROLE"));
	caller->by_nginx = true;
	return true;
}

/* token_in - what follows "Bearer " in Authorization, or NULL */
static const char *
token_in(const struct request *request)
{
	const char *header = request_param(request, "HTTP_AUTHORIZATION");

	if (header == NULL || strncasecmp(header, "Bearer ", 7) != 0)
		return NULL;
	return header + 7 + strspn(header + 7, " ");
}

/* claim - a text of the token, or NULL */
static const char *
claim(json_object *claims, const char *name)
{
	const char *value;

	return json_string(claims, name, &value) == RC_OK ? value : NULL;
}

/* from_token - whom a bearer token names; RC_SIGNATURE with *reason */
static enum rc
from_token(const struct caller_rules *rules, struct request *request,
    struct caller *caller, const char **reason)
{
	const struct bearer *bearer = rules->bearer;
	const char *token = token_in(request);
	json_object *claims;

	*reason = "Sign in first: there is no bearer token.";
	if (token == NULL)
		return RC_SIGNATURE;
	*reason = "This server takes no bearer tokens: neither "
		  "AUTH_JWT_SECRET nor AUTH_JWT_PUBLIC_KEY is set.";
	if (bearer == NULL)
		return RC_SIGNATURE;
	if (bearer_verify(bearer, request_arena(request), token, time(NULL),
		&claims, reason) != RC_OK)
		return RC_SIGNATURE;
	*reason = "The token names nobody: it has no sub.";
	caller->id = claim(claims, "sub");
	if (caller->id == NULL)
		return RC_SIGNATURE;
	caller->email = email_of(claim(claims, "email"));
	if (json_boolean(claims, "email_verified", &caller->email_verified) !=
	    RC_OK)
		caller->email_verified = false;
	if (rules->tokens_are_verified)
		caller->email_verified = true;
	caller->role = role_of(claim(claims, "role"));
	return RC_OK;
}

/* refuse - 401, saying how one could sign in */
static enum rc
refuse(struct request *request, const char *reason)
{
	request_header(request, "WWW-Authenticate",
	    token_in(request) != NULL ? "Bearer error=\"invalid_token\"" :
					"Bearer");
	return request_fail_status(
	    request, 401, RC_SIGNATURE, "unauthorized", reason);
}

/* caller_verified - as a text */
const char *
caller_verified(const struct caller *caller)
{
	return caller->email_verified ? "true" : "false";
}

/* caller_identify - who, or 401 */
enum rc
caller_identify(const struct caller_rules *rules, struct request *request,
    struct caller *caller)
{
	const char *reason;

	memset(caller, 0, sizeof *caller);
	site_cors(rules->site, request);
	if (!from_nginx(request, caller) &&
	    from_token(rules, request, caller, &reason) != RC_OK)
		return refuse(request, reason);
	if (!usable(caller->id, CALLER_ID_MAX))
		return refuse(request,
		    "The caller's id is empty, too long, or no plain text.");
	if (caller->by_nginx && !site_trusts(rules->site, request))
		return request_fail_status(request, 403, RC_SIGNATURE,
		    "origin_not_allowed",
		    "Pages of this origin may not call with a visitor's "
		    "cookies; ALLOWED_ORIGINS names those that may.");
	return RC_OK;
}

/* caller_examine - by a token, or by nginx alone */
void
caller_examine(const struct caller_rules *rules, struct doctor *doctor)
{
	if (rules->bearer != NULL)
		doctor_ok(doctor, "callers", "bearer tokens, or nginx");
	else
		doctor_ok(doctor, "callers",
		    "no bearer tokens: nginx has to say who calls");
}
