/*
 * mail_text.h - a message as it goes over the wire (RFC 5322, 2045, 2047).
 *
 * What stands in a header cannot end it: control characters become blanks, what
 * is not plain ASCII an encoded word, and an address is one by the strict rule
 * below or is refused.
 */
#ifndef PAYDESK_MAIL_TEXT_H
#define PAYDESK_MAIL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "arena.h"

#define MAIL_ADDRESS_MAX 254 /* bytes of an address, RFC 5321 4.5.3.1.3 */
#define MAIL_NAME_MAX 100    /* bytes of a display name; more is cut */

struct mail_address {
	char email[MAIL_ADDRESS_MAX + 1];
	char name[MAIL_NAME_MAX + 1]; /* "" for none */
};

/* One mail to one person; to_name may be NULL. */
struct mail_message {
	const struct mail_address *from;
	const char *to_email, *to_name;
	const char *subject, *text, *html;
	const char *message_id; /* without the angle brackets */
};

/*
 * Whether it can be written to: one @, something on both sides, no blank,
 * quote, bracket or control character, at most MAIL_ADDRESS_MAX bytes.
 */
bool mail_address_valid(const char *email);

/* Reads "shop@example.org" or "Shop <shop@example.org>"; false: it is neither. */
bool mail_address_parse(const char *text, struct mail_address *address);

/*
 * "name" <email> for a header or for Postmark; encoded says whether a name that
 * is not ASCII becomes encoded words. NULL: no memory, or no valid address.
 */
const char *mail_address_format(
    struct arena *arena, const char *name, const char *email, bool encoded);

/* An unstructured header's value, folded at 76 columns. NULL: no memory. */
const char *mail_header(struct arena *arena, const char *text);

/* text on one line: control characters become blanks. NULL: no memory. */
char *mail_one_line(struct arena *arena, const char *text);

/*
 * The whole message in lines that end with CRLF: text and HTML as alternatives,
 * quoted-printable. date_s is its date. NULL: no memory, or a bad address.
 */
const char *mail_build(struct arena *arena, const struct mail_message *message,
    long long date_s, size_t *len);

#endif
