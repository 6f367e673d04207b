/*
 * mail_template.h - the words of mails, from files that a shop can change.
 *
 * A kind of mail is three files in the directory MAIL_TEMPLATES: KIND.subject,
 * KIND.txt and KIND.html. In them {{name}} stands for a value; it is escaped
 * for HTML in the last, and never read as a template itself.
 */
#ifndef PAYDESK_MAIL_TEMPLATE_H
#define PAYDESK_MAIL_TEMPLATE_H

#include "base/arena.h"
#include "base/rc.h"

struct mail_template;

/* A name that templates may use, and what it stands for. */
struct mail_value {
	const char *name, *value; /* a NULL value is "" */
};

/* What a template made. */
struct mail_words {
	const char *subject, *text, *html;
};

/*
 * Reads the three files of a kind. names, NULL-terminated, are what they may
 * use. RC_BAD_REQUEST: *problem is a sentence with the file and line.
 */
enum rc mail_template_load(struct arena *arena, const char *directory,
    const char *kind, const char *const *names, struct mail_template **template,
    const char **problem) MUST_CHECK;

/* Fills it in; values ends with a NULL name. RC_TOO_LARGE: the arena is full. */
enum rc mail_template_fill(const struct mail_template *template,
    struct arena *arena, const struct mail_value *values,
    struct mail_words *words) MUST_CHECK;

#endif
