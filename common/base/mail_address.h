/*
 * mail_address.h - addresses of mail, as settings, forms and events give them.
 */
#ifndef PAYDESK_MAIL_ADDRESS_H
#define PAYDESK_MAIL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#define MAIL_ADDRESS_MAX 254 /* bytes of an address, RFC 5321 4.5.3.1.3 */
#define MAIL_NAME_MAX 100    /* bytes of a display name; more is cut */

struct mail_address {
	char email[MAIL_ADDRESS_MAX + 1];
	char name[MAIL_NAME_MAX + 1]; /* "" for none */
};

/*
 * Whether it can be written to: one @, something on both sides, no blank,
 * quote, bracket or control character, at most MAIL_ADDRESS_MAX bytes.
 */
bool mail_address_valid(const char *email);

/*
 * Copies len bytes of a display name without the blanks and quotes around it,
 * cut at a character when it is too long.
 */
void mail_address_name(
    char to[MAIL_NAME_MAX + 1], const char *name, size_t len);

/* Reads "shop@example.org" or "Shop <shop@example.org>"; false: it is neither. */
bool mail_address_parse(const char *text, struct mail_address *address);

#endif
