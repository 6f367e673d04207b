#include "program/value_check.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mail_address.h"
#include "base/signature.h"

/* value_check_whole_number - 0 to 9 digits */
const char *
value_check_whole_number(const char *value)
{
	if (strlen(value) > 9 || strspn(value, "0123456789") != strlen(value))
		return "must be a whole number of at most nine digits";
	return NULL;
}

/* value_check_days - at most a hundred years */
const char *
value_check_days(const char *value)
{
	if (value_check_whole_number(value) != NULL || atol(value) > 36500)
		return "must be a whole number of days, at most 36500";
	return NULL;
}

/* value_check_keep_days - one at least: today's may be needed still */
const char *
value_check_keep_days(const char *value)
{
	if (value_check_days(value) != NULL || atol(value) < 1)
		return "must be a whole number of days, from 1 to 36500";
	return NULL;
}

/* value_check_port - 1 to 65535 */
const char *
value_check_port(const char *value)
{
	if (value_check_whole_number(value) != NULL || atol(value) < 1 ||
	    atol(value) > 65535)
		return "must be a port number from 1 to 65535";
	return NULL;
}

/* value_check_verified - who says that an address is verified */
const char *
value_check_verified(const char *value)
{
	return strcmp(value, "claim") == 0 || strcmp(value, "always") == 0 ?
	    NULL :
	    "must be claim or always";
}

/* value_check_boolean - true or false */
const char *
value_check_boolean(const char *value)
{
	if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
		return "must be true or false";
	return NULL;
}

/* value_check_url - http or https, no blanks */
const char *
value_check_url(const char *value)
{
	if ((strncmp(value, "https://", 8) != 0 &&
		strncmp(value, "http://", 7) != 0) ||
	    strpbrk(value, " \t\r\n\"'<>") != NULL)
		return "must be a URL that begins with https:// or http://";
	return NULL;
}

/* value_check_site - a URL to which a path can be added */
const char *
value_check_site(const char *value)
{
	if (value_check_url(value) != NULL || strpbrk(value, "?#") != NULL)
		return "must be a URL without query, e.g. "
		       "https://app.example.com";
	return NULL;
}

/* value_check_origins - scheme and host each, no path */
const char *
value_check_origins(const char *value)
{
	const char *origin = value + strspn(value, " ");
	size_t len, scheme_len, host_len;

	for (; *origin != '\0'; origin += len + strspn(origin + len, " ")) {
		len = strcspn(origin, " ");
		scheme_len = strncmp(origin, "https://", 8) == 0 ? 8 :
		    strncmp(origin, "http://", 7) == 0		 ? 7 :
								   len;
		host_len = strcspn(origin + scheme_len, "/?#*,\"'<>\t\r\n \\");
		if (host_len == 0 || scheme_len + host_len != len)
			return "must be origins, scheme and host without a "
			       "path, e.g. https://app.example.com";
	}
	return NULL;
}

/* value_check_api_key - printable, for a header; no key of another kind */
const char *
value_check_api_key(const char *value)
{
	const char *c;

	for (c = value; *c != '\0'; c++) {
		if (!isgraph((unsigned char)*c))
			return "must not contain blanks or control characters";
	}
	if (strncmp(value, "pk_", 3) == 0 || strncmp(value, "whsec_", 6) == 0)
		return "must be a secret key (sk_…) or a restricted key (rk_…)";
	return NULL;
}

/* value_check_webhook_secrets - at least one, each as Stripe makes them */
const char *
value_check_webhook_secrets(const char *value)
{
	size_t count = 0;

	while (*(value += strspn(value, " ")) != '\0') {
		size_t len = strcspn(value, " ");

		if (len < 7 || strncmp(value, "whsec_", 6) != 0 ||
		    strcspn(value, "\t\r\n") < len)
			return "must hold secrets that begin with whsec_, "
			       "separated by single spaces";
		value += len;
		count++;
	}
	if (count > SIGNATURE_KEYS_MAX)
		return "must hold at most eight secrets";
	return count > 0 ? NULL : "is blank: give the secret or unset it";
}

/* value_check_words - something other than blanks */
const char *
value_check_words(const char *value)
{
	return value[strspn(value, " ")] != '\0' ?
	    NULL :
	    "is blank: give the secret or unset it";
}

/* value_check_token - printable ASCII without blanks: it becomes a header */
const char *
value_check_token(const char *value)
{
	for (; *value != '\0'; value++) {
		if (!isgraph((unsigned char)*value))
			return "must not contain blanks or control characters";
	}
	return NULL;
}

/* value_check_license_prefix - 1 to 16 capital letters and digits */
const char *
value_check_license_prefix(const char *value)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

	if (strlen(value) > 16 || strspn(value, allowed) != strlen(value))
		return "must be 1 to 16 capital letters and digits";
	return NULL;
}

/* value_check_sender - an address, or a name and one in angle brackets */
const char *
value_check_sender(const char *value)
{
	struct mail_address address;

	if (!mail_address_parse(value, &address))
		return "must be like shop@example.org or "
		       "Shop <shop@example.org>";
	return NULL;
}

/* value_check_smtp_url - what libcurl will take */
const char *
value_check_smtp_url(const char *value)
{
	if ((strncmp(value, "smtp://", 7) != 0 &&
		strncmp(value, "smtps://", 8) != 0) ||
	    value_check_token(value) != NULL)
		return "must be a URL that begins with smtp:// or smtps://";
	return NULL;
}
