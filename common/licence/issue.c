#include "licence/issue.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

struct issuer {
	struct license_signer *signer;
	struct mail_template *template;
	const char *prefix, *blob_prefix;
};

/* issuer_new - what every licence needs */
enum rc
issuer_new(struct arena *arena, const struct config *config,
    struct issuer **issuer, const char **problem)
{
	static const char *const names[] = { "name", "email", "product", "tier",
		"key", "blob", NULL };
	const char *path = config_string(config, LICENSE_SIGNING_KEY);
	struct issuer *made = arena_alloc(arena, sizeof *made);
	enum rc rc = RC_OK;

	*problem = "out of memory";
	if (made == NULL)
		return RC_INTERNAL;
	*issuer = made;
	made->prefix = config_string(config, LICENSE_PREFIX);
	made->blob_prefix = config_string(config, LICENSE_BLOB_PREFIX);
	if (path != NULL)
		rc = license_signer_load(arena, path, &made->signer, problem);
	if (rc == RC_OK)
		rc = mail_template_load(arena,
		    config_string(config, MAIL_TEMPLATES), "license", names,
		    &made->template, problem);
	return rc;
}

/* issuer_signer - or NULL */
const struct license_signer *
issuer_signer(const struct issuer *issuer)
{
	return issuer->signer;
}

/* today - in UTC */
static const char *
today(struct arena *arena)
{
	time_t now = time(NULL);
	char date[16];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(date, sizeof date, "%Y-%m-%d", &tm);
	return arena_copy(arena, date, strlen(date));
}

/* issue_sign - key and blob */
enum rc
issue_sign(
    const struct issuer *issuer, struct arena *arena, struct issue *issue)
{
	char key[LICENSE_KEY_MAX];
	struct license_facts facts;
	enum rc rc;

	if (issuer->signer == NULL)
		return RC_INTERNAL;
	if (issue->key == NULL) {
		rc = license_make_key(issuer->prefix, issue->tier, key);
		if (rc != RC_OK)
			return rc;
		issue->key = arena_copy(arena, key, strlen(key));
	}
	if (issue->issued == NULL)
		issue->issued = today(arena);
	if (issue->key == NULL || issue->issued == NULL)
		return RC_TOO_LARGE;
	facts = (struct license_facts){ .key = issue->key,
		.tier = issue->tier,
		.product = issue->product,
		.email = issue->email,
		.issued = issue->issued,
		.test = issue->test };
	return license_sign(
	    issuer->signer, arena, issuer->blob_prefix, &facts, &issue->blob);
}

/* issue_mail - the words */
enum rc
issue_mail(
    const struct issuer *issuer, struct arena *arena, struct issue *issue)
{
	const struct mail_value values[] = {
		{ "name", issue->name != NULL ? issue->name : issue->email },
		{ "email", issue->email },
		{ "product",
		    issue->product_name != NULL ? issue->product_name :
						  issue->product },
		{ "tier", issue->tier },
		{ "key", issue->key },
		{ "blob", issue->blob },
		{ NULL, NULL },
	};

	return mail_template_fill(
	    issuer->template, arena, values, &issue->mail);
}

/* issuer_examine - by a sample that goes nowhere */
void
issuer_examine(
    const struct issuer *issuer, struct arena *arena, struct doctor *doctor)
{
	struct issue sample = { .key = "SAMPLE",
		.blob = "SAMPLE",
		.tier = "core",
		.product = "sample",
		.email = "buyer@example.org" };

	if (issuer->signer != NULL)
		doctor_ok(doctor, "signing key", "its id is %s",
		    license_signer_kid(issuer->signer));
	if (issue_mail(issuer, arena, &sample) == RC_OK)
		doctor_ok(doctor, "mail templates", "a mail can be written");
	else
		doctor_problem(doctor, "mail templates",
		    "Shorten the files of MAIL_TEMPLATES.",
		    "no mail can be written with them");
}
