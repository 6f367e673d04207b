/*
 * config.h - the settings of a program, read once from its environment.
 *
 * A setting NAME may instead be given as NAME_FILE, the path of a file that
 * holds the value (one trailing newline is dropped), or be the credential
 * secret_NAME of systemd, which is a file, too: the first of the three that is
 * there counts. Where the value is the path of a secret file, the credential is
 * that file. A setting that is set to nothing counts as not set.
 */
#ifndef PAYDESK_CONFIG_H
#define PAYDESK_CONFIG_H

#include <stdbool.h>

#include "base/rc.h"

enum setting {
	SETTING_END, /* ends a program's list */
	DATABASE_URL,
	STRIPE_API_KEY,
	STRIPE_API_BASE,
	STRIPE_API_VERSION,
	STRIPE_WEBHOOK_SECRET, /* one or more, separated by spaces */
	STRIPE_WEBHOOK_URL,
	STRIPE_LIVEMODE,
	STRIPE_PAYLOAD_STORE_MAX, /* bytes */
	PAYLOAD_KEEP_DAYS,
	GUMROAD_WEBHOOK_SECRET, /* one or more, separated by spaces */
	LICENSE_SIGNING_KEY,	/* path of a PEM */
	LICENSE_PREFIX,
	LICENSE_BLOB_PREFIX,
	EMAIL_FROM,
	MAIL_TEMPLATES, /* path of a directory */
	POSTMARK_TOKEN,
	POSTMARK_API_BASE,
	SMTP_URL,
	SMTP_CA_FILE,
	SITE_URL,
	ALLOWED_ORIGINS, /* none or more, separated by spaces */
	AUTH_JWT_SECRET,
	AUTH_JWT_PUBLIC_KEY, /* PEM, or the path of it */
	AUTH_JWT_ALG,
	AUTH_JWT_AUDIENCE,
	AUTH_JWT_ISSUER,
	AUTH_EMAIL_VERIFIED,
	PAYDESK_PORT,
	STATS_DIR, /* path of a directory */
	SETTING_COUNT,
};

struct config;

/*
 * Reads and checks the settings in the SETTING_END-terminated list used. On
 * RC_BAD_REQUEST *problem holds one sentence that names the setting; it belongs
 * to the config and lives as long. *config is set in either case.
 */
enum rc config_load(const enum setting *used, struct config **config,
    const char **problem) MUST_CHECK;
void config_free(struct config *config);

/* The value, or its default, or NULL. The config owns it. */
const char *config_string(const struct config *config, enum setting setting);

/* The value of a setting that is a number and has a default. */
long config_long(const struct config *config, enum setting setting);

/*
 * Where the value was found: "the environment", or the path of a file. NULL: it
 * is not set, and has its default if there is one.
 */
const char *config_origin(const struct config *config, enum setting setting);

const char *config_name(enum setting setting);

/* One line on what it is, for --help. */
const char *config_help(enum setting setting);

/* The value that it has when it is not set, or NULL. */
const char *config_default(enum setting setting);

/* Whether it, or the file that it names, is for nobody's eyes. */
bool config_secret(enum setting setting);

#endif
