/*
 * request.h - one HTTP request and its reply.
 *
 * A handler reads the request with these functions, and then either replies or
 * fails; it sends nothing itself. Everything handed out lives until the reply
 * has been sent.
 */
#ifndef PAYDESK_REQUEST_H
#define PAYDESK_REQUEST_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/rc.h"

#define REQUEST_ARENA_MAX (4 << 20) /* bytes that one request may take */

struct request;

struct arena *request_arena(struct request *request);

/* A CGI variable such as HTTP_STRIPE_SIGNATURE; NULL when it is not there. */
const char *request_param(const struct request *request, const char *name);

/* The body, *len bytes and a NUL after them. */
const char *request_body(const struct request *request, size_t *len);

/* Answers with a JSON object, which this function takes over. Returns RC_OK. */
enum rc request_reply(struct request *request, int status, json_object *body);

/* The same with an ETag, or 304 when the client has just that answer. */
enum rc request_reply_tagged(struct request *request, json_object *body);

/*
 * Answers with a text of len bytes in the request's arena or in a constant;
 * type is its content type, a constant. NULL for the text: 500. Returns RC_OK.
 */
enum rc request_reply_text(struct request *request, int status,
    const char *type, const char *text, size_t len);

/* Answers with a status and nothing else. Returns RC_OK. */
enum rc request_reply_empty(struct request *request, int status);

/*
 * The JSON object that the body holds. RC_BAD_REQUEST after the reply: 415 when
 * it does not say that it is JSON, so that no form of a foreign page gets here,
 * or 400. With optional, no body and no type is an empty object.
 */
enum rc request_json(
    struct request *request, bool optional, json_object **object) MUST_CHECK;

/*
 * Answers {"error":code,"detail":detail} with the status that stands for rc,
 * or with another one. Returns rc, so that a handler can end with it.
 */
enum rc request_fail(
    struct request *request, enum rc rc, const char *code, const char *detail);
enum rc request_fail_status(struct request *request, int status, enum rc rc,
    const char *code, const char *detail);

/* Adds a header line to the reply; value must not come from outside. */
void request_header(
    struct request *request, const char *name, const char *value);

/* Adds key=value to this request's log line; both must live as long as it. */
void request_log(struct request *request, const char *key, const char *value);

#endif
