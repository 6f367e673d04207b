/*
 * signature.h - is this body from Stripe?
 *
 * Header: t=<unix seconds>,v1=<64 lower-case hex>[,v1=…][,other=…]. Signed is
 * the decimal t, a dot and the raw body; HMAC-SHA256 with the whole secret,
 * whsec_ included (docs.stripe.com/webhooks#verify-manually). Stricter than
 * Stripe's own libraries where those disagree: digits only in t, no leading
 * zero, one t, no blanks, and a t in the future is no better than one in the
 * past.
 */
#ifndef PAYDESK_SIGNATURE_H
#define PAYDESK_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/rc.h"

#define SIGNATURE_TOLERANCE_S 300
#define SIGNATURE_HEX_LEN 64
#define SIGNATURE_KEYS_MAX 8

struct signature_keys;

/*
 * Keys made ready from secrets separated by spaces; at most
 * SIGNATURE_KEYS_MAX. NULL when there is none, or no memory.
 */
struct signature_keys *signature_keys_new(const char *secrets);
void signature_keys_free(struct signature_keys *keys);

/*
 * RC_OK when any v1 of the header fits any key and t is within the tolerance of
 * now_s. Else RC_SIGNATURE and *reason is a sentence for people that holds no
 * secret. Every v1 is compared in constant time with every key.
 */
enum rc signature_verify(const struct signature_keys *keys, const char *header,
    const void *body, size_t body_len, int64_t now_s,
    const char **reason) MUST_CHECK;

/* Writes the header that Stripe would send, made with the first key. */
enum rc signature_make(const struct signature_keys *keys, const void *body,
    size_t body_len, int64_t at_s, char *header, size_t header_size) MUST_CHECK;

#endif
