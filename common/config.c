#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mail_text.h"
#include "signature.h"

#ifndef MAIL_TEMPLATE_DIR
#define MAIL_TEMPLATE_DIR "/usr/local/share/paydesk/mail"
#endif

#define VALUE_MAX 4096 /* bytes of a value, in the environment or a file */

/* What kind of value it is, and so how a credential gives it. */
enum kind {
	OPEN,
	SECRET,
	SECRET_PATH, /* the path of a secret file */
};

struct config {
	char *values[SETTING_COUNT];
	char *origins[SETTING_COUNT]; /* "the environment", or a path */
	char problem[512];
};

/* What is wrong with a value, or NULL when nothing is. */
typedef const char *(*checker)(const char *value);

static const char *check_whole_number(const char *value);
static const char *check_days(const char *value);
static const char *check_keep_days(const char *value);
static const char *check_port(const char *value);
static const char *check_boolean(const char *value);
static const char *check_url(const char *value);
static const char *check_api_key(const char *value);
static const char *check_webhook_secrets(const char *value);
static const char *check_site(const char *value);
static const char *check_origins(const char *value);
static const char *check_words(const char *value);
static const char *check_token(const char *value);
static const char *check_license_prefix(const char *value);
static const char *check_sender(const char *value);
static const char *check_smtp_url(const char *value);

static const struct {
	const char *name, *fallback;
	checker check;
	const char *help;
	enum kind kind;
} settings[] = {
	[DATABASE_URL] = { "DATABASE_URL", NULL, NULL,
	    "PostgreSQL: libpq URI or conninfo, several hosts allowed",
	    SECRET },
	[STRIPE_API_KEY] = { "STRIPE_API_KEY", NULL, check_api_key,
	    "secret or restricted key for calls to Stripe", SECRET },
	[STRIPE_API_BASE] = { "STRIPE_API_BASE", "https://api.stripe.com",
	    check_url, "where Stripe's API is", OPEN },
	[STRIPE_API_VERSION] = { "STRIPE_API_VERSION", "2026-07-29.dahlia",
	    NULL, "version that calls to Stripe ask for", OPEN },
	[STRIPE_WEBHOOK_SECRET] = { "STRIPE_WEBHOOK_SECRET", NULL,
	    check_webhook_secrets,
	    "signing secret of the endpoint; several, separated by spaces",
	    SECRET },
	[STRIPE_WEBHOOK_URL] = { "STRIPE_WEBHOOK_URL", NULL, check_url,
	    "where Stripe delivers to: lets check find the endpoint", OPEN },
	[STRIPE_LIVEMODE] = { "STRIPE_LIVEMODE", NULL, check_boolean,
	    "true or false: events of the other mode are ignored", OPEN },
	[STRIPE_PAYLOAD_STORE_MAX] = { "STRIPE_PAYLOAD_STORE_MAX", "16384",
	    check_whole_number, "bytes of an event's body that are kept",
	    OPEN },
	[PAYLOAD_KEEP_DAYS] = { "PAYLOAD_KEEP_DAYS", "90", check_keep_days,
	    "days after which prune empties payloads", OPEN },
	[CATALOG] = { "CATALOG", NULL, NULL, "path of catalog.json", OPEN },
	[GUMROAD_WEBHOOK_SECRET] = { "GUMROAD_WEBHOOK_SECRET", NULL,
	    check_words,
	    "secret in the address of the ping; several, separated by spaces",
	    SECRET },
	[LICENSE_SIGNING_KEY] = { "LICENSE_SIGNING_KEY", NULL, NULL,
	    "path of the Ed25519 private key, PEM: license keygen",
	    SECRET_PATH },
	[LICENSE_PREFIX] = { "LICENSE_PREFIX", "DT1", check_license_prefix,
	    "how license keys begin", OPEN },
	[LICENSE_BLOB_PREFIX] = { "LICENSE_BLOB_PREFIX", "DTLIC2:", check_token,
	    "how signed licences begin", OPEN },
	[EMAIL_FROM] = { "EMAIL_FROM", NULL, check_sender,
	    "sender of mail: shop@example.org or Shop <shop@example.org>",
	    OPEN },
	[MAIL_TEMPLATES] = { "MAIL_TEMPLATES", MAIL_TEMPLATE_DIR, NULL,
	    "directory with the words of mails", OPEN },
	[POSTMARK_TOKEN] = { "POSTMARK_TOKEN", NULL, check_token,
	    "server token: mail goes through Postmark", SECRET },
	[POSTMARK_API_BASE] = { "POSTMARK_API_BASE",
	    "https://api.postmarkapp.com", check_url, "where Postmark's API is",
	    OPEN },
	[SMTP_URL] = { "SMTP_URL", NULL, check_smtp_url,
	    "smtp://user:password@host:587 or smtps://…: mail goes there",
	    SECRET },
	[SMTP_CA_FILE] = { "SMTP_CA_FILE", NULL, NULL,
	    "certificates to trust there, when they are not the system's",
	    OPEN },
	[REFERRAL_CREDIT_DAYS] = { "REFERRAL_CREDIT_DAYS", "45", check_days,
	    "days of credit for each side of a referral", OPEN },
	[GRACE_DAYS] = { "GRACE_DAYS", "14", check_days,
	    "days of access after a payment has failed", OPEN },
	[SITE_URL] = { "SITE_URL", NULL, check_site,
	    "where the host application is, e.g. https://app.example.com",
	    OPEN },
	[ALLOWED_ORIGINS] = { "ALLOWED_ORIGINS", NULL, check_origins,
	    "other origins whose pages may call, separated by spaces", OPEN },
	[AUTH_JWT_SECRET] = { "AUTH_JWT_SECRET", NULL, NULL,
	    "secret of bearer tokens signed with HS256", SECRET },
	[AUTH_JWT_PUBLIC_KEY] = { "AUTH_JWT_PUBLIC_KEY", NULL, NULL,
	    "key of bearer tokens signed with RS256 or ES256: PEM or path",
	    OPEN },
	[AUTH_JWT_ALG] = { "AUTH_JWT_ALG", NULL, NULL,
	    "HS256, RS256 or ES256; unset: the one that fits the key", OPEN },
	[AUTH_JWT_AUDIENCE] = { "AUTH_JWT_AUDIENCE", NULL, NULL,
	    "aud that bearer tokens must have", OPEN },
	[AUTH_JWT_ISSUER] = { "AUTH_JWT_ISSUER", NULL, NULL,
	    "iss that bearer tokens must have", OPEN },
	[PAYDESK_PORT] = { "PAYDESK_PORT", "8080", check_port,
	    "port of the development server", OPEN },
	[STATS_DIR] = { "STATS_DIR", NULL, NULL,
	    "directory where workers count, for health; unset: they do not",
	    OPEN },
};

/* check_whole_number - 0 to 9 digits */
static const char *
check_whole_number(const char *value)
{
	if (strlen(value) > 9 || strspn(value, "0123456789") != strlen(value))
		return "must be a whole number of at most nine digits";
	return NULL;
}

/* check_days - at most a hundred years */
static const char *
check_days(const char *value)
{
	if (check_whole_number(value) != NULL || atol(value) > 36500)
		return "must be a whole number of days, at most 36500";
	return NULL;
}

/* check_keep_days - 1 to a hundred years: what came today may be needed still */
static const char *
check_keep_days(const char *value)
{
	if (check_days(value) != NULL || atol(value) < 1)
		return "must be a whole number of days, from 1 to 36500";
	return NULL;
}

/* check_port - 1 to 65535 */
static const char *
check_port(const char *value)
{
	if (check_whole_number(value) != NULL || atol(value) < 1 ||
	    atol(value) > 65535)
		return "must be a port number from 1 to 65535";
	return NULL;
}

/* check_boolean - true or false */
static const char *
check_boolean(const char *value)
{
	if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
		return "must be true or false";
	return NULL;
}

/* check_url - http or https, no blanks */
static const char *
check_url(const char *value)
{
	if ((strncmp(value, "https://", 8) != 0 &&
		strncmp(value, "http://", 7) != 0) ||
	    strpbrk(value, " \t\r\n\"'<>") != NULL)
		return "must be a URL that begins with https:// or http://";
	return NULL;
}

/* check_site - a URL to which a path can be added */
static const char *
check_site(const char *value)
{
	if (check_url(value) != NULL || strpbrk(value, "?#") != NULL)
		return "must be a URL without query, e.g. "
		       "https://app.example.com";
	return NULL;
}

/* check_origins - scheme and host each, no path */
static const char *
check_origins(const char *value)
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

/* check_api_key - printable, as it becomes a header; no key of another kind */
static const char *
check_api_key(const char *value)
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

/* check_webhook_secrets - at least one, each as Stripe makes them */
static const char *
check_webhook_secrets(const char *value)
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

/* check_words - something other than blanks */
static const char *
check_words(const char *value)
{
	return value[strspn(value, " ")] != '\0' ?
	    NULL :
	    "is blank: give the secret or unset it";
}

/* check_token - printable ASCII without blanks: it becomes a header */
static const char *
check_token(const char *value)
{
	for (; *value != '\0'; value++) {
		if (!isgraph((unsigned char)*value))
			return "must not contain blanks or control characters";
	}
	return NULL;
}

/* check_license_prefix - 1 to 16 capital letters and digits */
static const char *
check_license_prefix(const char *value)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

	if (strlen(value) > 16 || strspn(value, allowed) != strlen(value))
		return "must be 1 to 16 capital letters and digits";
	return NULL;
}

/* check_sender - an address, or a name and an address in angle brackets */
static const char *
check_sender(const char *value)
{
	struct mail_address address;

	if (!mail_address_parse(value, &address))
		return "must be like shop@example.org or "
		       "Shop <shop@example.org>";
	return NULL;
}

/* check_smtp_url - what libcurl will take */
static const char *
check_smtp_url(const char *value)
{
	if ((strncmp(value, "smtp://", 7) != 0 &&
		strncmp(value, "smtps://", 8) != 0) ||
	    check_token(value) != NULL)
		return "must be a URL that begins with smtp:// or smtps://";
	return NULL;
}

/* read_file - the value in NAME_FILE; NULL with errno set when it fails */
static char *
read_file(const char *path)
{
	char value[VALUE_MAX + 1];
	size_t len;
	FILE *file = fopen(path, "r");

	if (file == NULL)
		return NULL;
	len = fread(value, 1, sizeof value, file);
	if (ferror(file) || len == sizeof value || memchr(value, 0, len)) {
		if (!ferror(file))
			errno = EFBIG;
		fclose(file);
		return NULL;
	}
	fclose(file);
	if (len > 0 && value[len - 1] == '\n')
		len--;
	value[len] = '\0';
	return strdup(value);
}

/* from_file - the value is what the file holds; place is named in a problem */
static enum rc
from_file(struct config *config, enum setting setting, const char *place,
    const char *path)
{
	config->origins[setting] = strdup(path);
	config->values[setting] = read_file(path);
	if (config->values[setting] != NULL)
		return RC_OK;
	snprintf(config->problem, sizeof config->problem,
	    "%s: cannot read %s as a text of at most %d bytes: %s", place, path,
	    VALUE_MAX, strerror(errno));
	return RC_BAD_REQUEST;
}

/* from_credentials - what systemd has loaded, when that is among it */
static enum rc
from_credentials(struct config *config, enum setting setting)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	enum rc rc = RC_OK;
	char *path;

	if (directory == NULL || *directory == '\0')
		return RC_OK;
	if (asprintf(&path, "%s/secret_%s", directory, settings[setting].name) <
	    0) {
		snprintf(
		    config->problem, sizeof config->problem, "out of memory");
		return RC_INTERNAL;
	}
	if (access(path, F_OK) != 0)
		;
	else if (settings[setting].kind == SECRET_PATH) {
		config->origins[setting] = strdup(path);
		config->values[setting] = strdup(path);
	} else
		rc = from_file(config, setting, settings[setting].name, path);
	free(path);
	return rc;
}

/* find_value - in the first place that has it */
static enum rc
find_value(struct config *config, enum setting setting)
{
	const char *name = settings[setting].name, *value;
	char file_name[64];

	value = getenv(name);
	if (value != NULL && *value != '\0') {
		if (strlen(value) > VALUE_MAX) {
			snprintf(config->problem, sizeof config->problem,
			    "%s is longer than %d bytes", name, VALUE_MAX);
			return RC_BAD_REQUEST;
		}
		config->origins[setting] = strdup("the environment");
		config->values[setting] = strdup(value);
		return RC_OK;
	}
	snprintf(file_name, sizeof file_name, "%s_FILE", name);
	value = getenv(file_name);
	if (value != NULL && *value != '\0')
		return from_file(config, setting, file_name, value);
	return from_credentials(config, setting);
}

/* load_one - find one setting and check it */
static enum rc
load_one(struct config *config, enum setting setting)
{
	const char *wrong, *value;
	enum rc rc = find_value(config, setting);

	value = config->values[setting];
	if (rc != RC_OK || value == NULL || *value == '\0' ||
	    settings[setting].check == NULL)
		return rc;
	wrong = settings[setting].check(value);
	if (wrong == NULL)
		return RC_OK;
	snprintf(config->problem, sizeof config->problem, "%s %s",
	    settings[setting].name, wrong);
	return RC_BAD_REQUEST;
}

/* config_load - all settings of a program */
enum rc
config_load(
    const enum setting *used, struct config **config, const char **problem)
{
	*config = calloc(1, sizeof **config);
	if (*config == NULL) {
		*problem = "out of memory";
		return RC_INTERNAL;
	}
	*problem = (*config)->problem;
	for (; *used != SETTING_END; used++) {
		if (load_one(*config, *used) != RC_OK)
			return RC_BAD_REQUEST;
	}
	return RC_OK;
}

/* config_free - wipes the values: some are secrets */
void
config_free(struct config *config)
{
	if (config == NULL)
		return;
	for (int i = 0; i < SETTING_COUNT; i++) {
		if (config->values[i] != NULL)
			explicit_bzero(
			    config->values[i], strlen(config->values[i]));
		free(config->values[i]);
		free(config->origins[i]);
	}
	free(config);
}

/* config_string - value or default */
const char *
config_string(const struct config *config, enum setting setting)
{
	const char *value = config->values[setting];

	if (value == NULL || *value == '\0')
		return settings[setting].fallback;
	return value;
}

/* config_long - value or default of a numeric setting */
long
config_long(const struct config *config, enum setting setting)
{
	return strtol(config_string(config, setting), NULL, 10);
}

/* config_origin - where a value comes from */
const char *
config_origin(const struct config *config, enum setting setting)
{
	const char *value = config->values[setting];

	return value == NULL || *value == '\0' ? NULL :
						 config->origins[setting];
}

/* config_name - as in the environment */
const char *
config_name(enum setting setting)
{
	return settings[setting].name;
}

/* config_help - one line */
const char *
config_help(enum setting setting)
{
	return settings[setting].help;
}

/* config_default - NULL: there is none */
const char *
config_default(enum setting setting)
{
	return settings[setting].fallback;
}

/* config_secret - also a path whose file is one */
bool
config_secret(enum setting setting)
{
	return settings[setting].kind != OPEN;
}
