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

#include "base/arena.h"
#include "mail/mail.h"

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
