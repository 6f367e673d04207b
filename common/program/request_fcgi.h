/*
 * request_fcgi.h - what only the skeleton does with a request: fill it from a
 * FastCGI record, send its reply, log it, make it ready for the next.
 */
#ifndef PAYDESK_REQUEST_FCGI_H
#define PAYDESK_REQUEST_FCGI_H

#include <fcgiapp.h>
#include <stdbool.h>

#include "program/request.h"

/* One object serves one request after the other. Ends the program on failure. */
struct request *request_new(void);
void request_free(struct request *request);

/* Begins with what fcgx accepted; fcgx must stay open until request_end(). */
void request_begin(struct request *request, FCGX_Request *fcgx);

const char *request_method(const struct request *request);
const char *request_path(const struct request *request);

/*
 * Reads the body of at most max bytes. On failure the reply is made already
 * (RC_TOO_LARGE, RC_BAD_REQUEST).
 */
enum rc request_read_body(struct request *request, size_t max) MUST_CHECK;

/* Whether a handler has replied or failed with words of its own. */
bool request_has_reply(const struct request *request);

/* Sends the reply; one without an answer becomes a 500. */
void request_send(struct request *request);

/* One log line; round_trips is what the request cost at the database. */
void request_end(struct request *request, unsigned round_trips);

#endif
