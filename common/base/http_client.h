/*
 * http_client.h - outgoing HTTP, one call at a time over a kept connection.
 *
 * Certificates are verified, redirects are not followed, an answer has a
 * maximum and a call a deadline that covers all of it.
 */
#ifndef PAYDESK_HTTP_CLIENT_H
#define PAYDESK_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/rc.h"

#define HTTP_ANSWER_MAX (1 << 20) /* bytes */

struct http_client;

struct http_call {
	const char *method, *url;
	const char *const *headers; /* "Name: value", NULL-terminated */
	const char *body;	    /* NULL: none */
	size_t body_len;
	long timeout_ms;   /* for the whole call */
	size_t answer_max; /* bytes; 0: HTTP_ANSWER_MAX */
};

struct http_answer {
	long status;
	const char *body; /* with a NUL after it */
	size_t body_len;
};

/* Ends the program when there is no memory. */
struct http_client *http_client_new(void);
void http_client_free(struct http_client *client);

/*
 * Makes the call; the answer lives in the arena. RC_OK: there is an answer, of
 * any status. RC_UPSTREAM: there is none; http_client_error() says why.
 */
enum rc http_client_call(struct http_client *client, struct arena *arena,
    const struct http_call *call, struct http_answer *answer) MUST_CHECK;

/* A header of the last answer, until the next call; NULL: it had none. */
const char *http_client_header(struct http_client *client, const char *name);

const char *http_client_error(const struct http_client *client);

/*
 * Whether the last call, which had no answer, had been sent as a whole: then
 * the other side may have acted on it.
 */
bool http_client_was_sent(const struct http_client *client);

#endif
