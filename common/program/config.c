#include "program/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program/value_check.h"

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

/* What is wrong with a value, or NULL when nothing is: see value_check.h. */
typedef const char *(*checker)(const char *value);

static const struct {
	const char *name, *fallback;
	checker check;
	const char *help;
	enum kind kind;
} settings[] = {
	[DATABASE_URL] = { "DATABASE_URL", NULL, NULL,
	    "PostgreSQL: libpq URI or conninfo, several hosts allowed",
	    SECRET },
	[STRIPE_API_KEY] = { "STRIPE_API_KEY", NULL, value_check_api_key,
	    "secret or restricted key for calls to Stripe", SECRET },
	[STRIPE_API_BASE] = { "STRIPE_API_BASE", "https://api.stripe.com",
	    value_check_url, "where Stripe's API is", OPEN },
	[STRIPE_API_VERSION] = { "STRIPE_API_VERSION", "2026-10-28.endive",
	    NULL, "version that calls to Stripe ask for", OPEN },
	[STRIPE_WEBHOOK_SECRET] = { "STRIPE_WEBHOOK_SECRET", NULL,
	    value_check_webhook_secrets,
	    "signing secret of the endpoint; several, separated by spaces",
	    SECRET },
	[STRIPE_WEBHOOK_URL] = { "STRIPE_WEBHOOK_URL", NULL, value_check_url,
	    "where Stripe delivers to: lets check find the endpoint", OPEN },
	[STRIPE_LIVEMODE] = { "STRIPE_LIVEMODE", NULL, value_check_boolean,
	    "true or false: events of the other mode are ignored", OPEN },
	[STRIPE_PAYLOAD_STORE_MAX] = { "STRIPE_PAYLOAD_STORE_MAX", "16384",
	    value_check_whole_number, "bytes of an event's body that are kept",
	    OPEN },
	[PAYLOAD_KEEP_DAYS] = { "PAYLOAD_KEEP_DAYS", "90",
	    value_check_keep_days, "days after which prune empties payloads",
	    OPEN },
	[GUMROAD_WEBHOOK_SECRET] = { "GUMROAD_WEBHOOK_SECRET", NULL,
	    value_check_words,
	    "secret in the address of the ping; several, separated by spaces",
	    SECRET },
	[LICENSE_SIGNING_KEY] = { "LICENSE_SIGNING_KEY", NULL, NULL,
	    "path of the Ed25519 private key, PEM: license keygen",
	    SECRET_PATH },
	[LICENSE_PREFIX] = { "LICENSE_PREFIX", "DT1",
	    value_check_license_prefix, "how license keys begin", OPEN },
	[LICENSE_BLOB_PREFIX] = { "LICENSE_BLOB_PREFIX",
	    "DTLIC2:", value_check_token, "how signed licences begin", OPEN },
	[EMAIL_FROM] = { "EMAIL_FROM", NULL, value_check_sender,
	    "sender of mail: shop@example.org or Shop <shop@example.org>",
	    OPEN },
	[MAIL_TEMPLATES] = { "MAIL_TEMPLATES", MAIL_TEMPLATE_DIR, NULL,
	    "directory with the words of mails", OPEN },
	[POSTMARK_TOKEN] = { "POSTMARK_TOKEN", NULL, value_check_token,
	    "server token: mail goes through Postmark", SECRET },
	[POSTMARK_API_BASE] = { "POSTMARK_API_BASE",
	    "https://api.postmarkapp.com", value_check_url,
	    "where Postmark's API is", OPEN },
	[SMTP_URL] = { "SMTP_URL", NULL, value_check_smtp_url,
	    "smtp://user:password@host:587 or smtps://…: mail goes there",
	    SECRET },
	[SMTP_CA_FILE] = { "SMTP_CA_FILE", NULL, NULL,
	    "certificates to trust there, when they are not the system's",
	    OPEN },
	[SITE_URL] = { "SITE_URL", NULL, value_check_site,
	    "where the host application is, e.g. https://app.example.com",
	    OPEN },
	[ALLOWED_ORIGINS] = { "ALLOWED_ORIGINS", NULL, value_check_origins,
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
	[AUTH_EMAIL_VERIFIED] = { "AUTH_EMAIL_VERIFIED", "claim",
	    value_check_verified,
	    "claim, or always: every address in a token is verified", OPEN },
	[PAYDESK_PORT] = { "PAYDESK_PORT", "8080", value_check_port,
	    "port of the development server", OPEN },
	[STATS_DIR] = { "STATS_DIR", NULL, NULL,
	    "directory where workers count, for health; unset: they do not",
	    OPEN },
};

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
