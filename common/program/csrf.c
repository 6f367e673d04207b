#include "program/csrf.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAC_LEN 32
#define MESSAGE_SIZE 512

/* token_at - of an hour, counted since 1970: the hour, a dot, the MAC in hex */
static bool
token_at(
    const char *key, const char *person, long hour, char token[CSRF_TOKEN_SIZE])
{
	unsigned char mac[MAC_LEN];
	char message[MESSAGE_SIZE];
	unsigned mac_len = 0;
	int len;

	len = snprintf(message, sizeof message, "%ld %s", hour, person);
	if (len < 0 || (size_t)len >= sizeof message ||
	    HMAC(EVP_sha256(), key, (int)strlen(key),
		(const unsigned char *)message, (size_t)len, mac,
		&mac_len) == NULL ||
	    mac_len != MAC_LEN)
		return false;
	len = snprintf(token, CSRF_TOKEN_SIZE, "%ld.", hour);
	for (size_t i = 0; i < MAC_LEN; i++)
		len += snprintf(
		    token + len, CSRF_TOKEN_SIZE - (size_t)len, "%02x", mac[i]);
	return true;
}

/* csrf_token - for the hour that it is */
bool
csrf_token(const char *key, const char *person, time_t now,
    char token[CSRF_TOKEN_SIZE])
{
	return token_at(key, person, (long)(now / 3600), token);
}

/* csrf_valid - of the hour that it names, if that is a recent one */
bool
csrf_valid(const char *key, const char *person, time_t now, const char *token)
{
	long hour = strtol(token, NULL, 10), this_hour = (long)(now / 3600);
	char right[CSRF_TOKEN_SIZE];
	size_t len;

	if (hour > this_hour || hour < this_hour - CSRF_HOURS ||
	    !token_at(key, person, hour, right))
		return false;
	len = strlen(right);
	return strlen(token) == len && CRYPTO_memcmp(token, right, len) == 0;
}

/* csrf_same_origin - by what a browser adds and a page cannot change */
bool
csrf_same_origin(const struct request *request)
{
	const char *site = request_param(request, "HTTP_SEC_FETCH_SITE");
	const char *origin = request_param(request, "HTTP_ORIGIN");
	const char *host = request_param(request, "HTTP_HOST"), *named;

	if (site != NULL && strcmp(site, "same-origin") != 0)
		return false;
	if (origin == NULL)
		return true;
	named = strstr(origin, "://");
	return named != NULL && host != NULL &&
	    strcasecmp(named + 3, host) == 0;
}
