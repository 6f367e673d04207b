#include "program/request.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/memory.h"
#include "base/json.h"
#include "base/log.h"
#include "program/request_fcgi.h"
#include "program/stats.h"

#define NOTES_MAX 8
#define HEADERS_MAX 1024 /* bytes of additional header lines */

struct request {
	FCGX_Request *fcgx;
	struct arena *arena;
	const char *method, *path;
	char *body;
	size_t body_len;
	struct timespec began;

	int status; /* 0: no answer yet */
	bool empty; /* the answer is the status alone */
	json_object *answer;
	const char *text, *text_type; /* or a text */
	size_t text_len;
	char headers[HEADERS_MAX];
	size_t headers_len;
	struct {
		const char *key, *value;
	} notes[NOTES_MAX];
	size_t note_count;
};

/* request_new - with its arena */
struct request *
request_new(void)
{
	struct request *request = memory_new(sizeof *request);

	request->arena = arena_new(REQUEST_ARENA_MAX);
	return request;
}

/* request_free - the end */
void
request_free(struct request *request)
{
	if (request == NULL)
		return;
	arena_free(request->arena);
	free(request);
}

/* request_begin - a fresh one from what was accepted */
void
request_begin(struct request *request, FCGX_Request *fcgx)
{
	struct arena *arena = request->arena;

	memset(request, 0, sizeof *request);
	request->arena = arena;
	request->fcgx = fcgx;
	request->method = request_param(request, "REQUEST_METHOD");
	request->path = request_param(request, "SCRIPT_NAME");
	if (request->method == NULL)
		request->method = "";
	if (request->path == NULL)
		request->path = "";
	clock_gettime(CLOCK_MONOTONIC, &request->began);
	stats_begin();
}

/* request_arena - memory of this request */
struct arena *
request_arena(struct request *request)
{
	return request->arena;
}

/* request_param - a CGI variable */
const char *
request_param(const struct request *request, const char *name)
{
	return FCGX_GetParam(name, request->fcgx->envp);
}

/* request_method - GET, POST … */
const char *
request_method(const struct request *request)
{
	return request->method;
}

/* request_path - without the query */
const char *
request_path(const struct request *request)
{
	return request->path;
}

/* request_body - what request_read_body() read */
const char *
request_body(const struct request *request, size_t *len)
{
	*len = request->body_len;
	return request->body != NULL ? request->body : "";
}

/* content_length - of the body; -1 when it is no number */
static long
content_length(const struct request *request)
{
	const char *digits = request_param(request, "CONTENT_LENGTH");

	if (digits == NULL || *digits == '\0')
		return 0;
	if (strlen(digits) > 9 ||
	    strspn(digits, "0123456789") != strlen(digits))
		return -1;
	return atol(digits);
}

/* request_read_body - all of it or an error reply */
enum rc
request_read_body(struct request *request, size_t max)
{
	long len = content_length(request);
	int got;

	if (len < 0)
		return request_fail(request, RC_BAD_REQUEST,
		    "invalid_content_length",
		    "Content-Length must be the number of bytes in the body.");
	if ((size_t)len > max)
		return request_fail(request, RC_TOO_LARGE, "payload_too_large",
		    arena_printf(request->arena,
			"The body may have at most %zu bytes.", max));
	request->body = arena_alloc(request->arena, (size_t)len + 1);
	if (request->body == NULL)
		return request_fail(request, RC_BUSY, "unavailable",
		    "Out of memory; try again in a moment.");
	got = FCGX_GetStr(request->body, (int)len, request->fcgx->in);
	if (got != len)
		return request_fail(request, RC_BAD_REQUEST, "incomplete_body",
		    "The body is shorter than Content-Length says.");
	request->body_len = (size_t)len;
	/*
	 * Read the end of the stream too: with nothing left unread the
	 * connection can be closed at once. libfcgi would otherwise wait for
	 * nginx to close its side first.
	 */
	(void)FCGX_GetChar(request->fcgx->in);
	return RC_OK;
}

/* put - json_object_put() as arena_defer() wants it */
static void
put(void *object)
{
	json_object_put(object);
}

/* request_reply - note the answer; the skeleton sends it */
enum rc
request_reply(struct request *request, int status, json_object *body)
{
	request->text = NULL;
	if (body == NULL || arena_defer(request->arena, put, body) != 0) {
		request->status = 500;
		request->answer = NULL;
		return RC_OK;
	}
	request->status = status;
	request->answer = body;
	return RC_OK;
}

/* request_reply_text - any other kind of answer */
enum rc
request_reply_text(struct request *request, int status, const char *type,
    const char *text, size_t len)
{
	request->status = text != NULL ? status : 500;
	request->answer = NULL;
	request->text = text;
	request->text_type = type;
	request->text_len = len;
	return RC_OK;
}

/* request_reply_empty - a status and no body */
enum rc
request_reply_empty(struct request *request, int status)
{
	request->status = status;
	request->answer = NULL;
	request->empty = true;
	return RC_OK;
}

/* body_text - the bytes of a JSON reply; the object owns them */
static const char *
body_text(json_object *body, size_t *len)
{
	return json_object_to_json_string_length(
	    body, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, len);
}

/* entity_tag - a text's FNV-1a, quoted: it tells versions apart, no more */
static void
entity_tag(const char *text, size_t len, char tag[20])
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < len; i++) {
		hash ^= (unsigned char)text[i];
		hash *= UINT64_C(1099511628211);
	}
	snprintf(tag, 20, "\"%016" PRIx64 "\"", hash);
}

/* request_reply_tagged - 200, or 304 when the client has it already */
enum rc
request_reply_tagged(struct request *request, json_object *body)
{
	const char *known = request_param(request, "HTTP_IF_NONE_MATCH"), *text;
	char tag[20];
	size_t len;

	request_reply(request, 200, body);
	if (request->answer == NULL ||
	    (text = body_text(request->answer, &len)) == NULL)
		return RC_OK;
	entity_tag(text, len, tag);
	request_header(request, "ETag", tag);
	if (known != NULL &&
	    (strcmp(known, "*") == 0 || strstr(known, tag) != NULL))
		return request_reply_empty(request, 304);
	return RC_OK;
}

/* says_json - whether the content type is application/json */
static bool
says_json(const char *type)
{
	static const char json[] = "application/json";
	size_t len = sizeof json - 1;

	return type != NULL && strncasecmp(type, json, len) == 0 &&
	    strchr("; \t", type[len]) != NULL; /* or the end */
}

/* request_json - the body as an object */
enum rc
request_json(struct request *request, bool optional, json_object **object)
{
	const char *type = request_param(request, "CONTENT_TYPE");

	if (optional && request->body_len == 0 &&
	    (type == NULL || *type == '\0'))
		return json_parse(request->arena, "{}", 2, object);
	if (!says_json(type))
		return request_fail_status(request, 415, RC_BAD_REQUEST,
		    "unsupported_media_type",
		    "Send the body as Content-Type: application/json.");
	if (json_parse(request->arena,
		request->body_len > 0 ? request->body : "{}",
		request->body_len > 0 ? request->body_len : 2,
		object) != RC_OK ||
	    !json_object_is_type(*object, json_type_object))
		return request_fail(request, RC_BAD_REQUEST, "invalid_json",
		    "The body must be one JSON object.");
	return RC_OK;
}

/* request_fail_status - an error object with a status of its own */
enum rc
request_fail_status(struct request *request, int status, enum rc rc,
    const char *code, const char *detail)
{
	json_object *body = json_object_new_object();

	json_object_object_add(body, "error", json_object_new_string(code));
	json_object_object_add(body, "detail",
	    json_object_new_string(detail != NULL ? detail : ""));
	request_reply(request, status, body);
	request_log(request, "error", code);
	if (status == 503)
		request_header(request, "Retry-After", "5");
	return rc;
}

/* request_fail - an error object with the usual status */
enum rc
request_fail(
    struct request *request, enum rc rc, const char *code, const char *detail)
{
	return request_fail_status(
	    request, rc_http_status(rc), rc, code, detail);
}

/* request_header - one more line for the reply */
void
request_header(struct request *request, const char *name, const char *value)
{
	size_t room = sizeof request->headers - request->headers_len;
	int len;

	len = snprintf(request->headers + request->headers_len, room,
	    "%s: %s\r\n", name, value);
	if (len > 0 && (size_t)len < room)
		request->headers_len += (size_t)len;
	else
		request->headers[request->headers_len] = '\0';
}

/* request_log - one more field for the log line */
void
request_log(struct request *request, const char *key, const char *value)
{
	if (request->note_count == NOTES_MAX)
		return;
	request->notes[request->note_count].key = key;
	request->notes[request->note_count++].value = value;
}

/* request_has_reply - whether there is an answer to send */
bool
request_has_reply(const struct request *request)
{
	return request->status != 0;
}

/* reason_phrase - in the words that nginx uses for its own replies */
static const char *
reason_phrase(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 202:
		return "Accepted";
	case 303:
		return "See Other";
	case 400:
		return "Bad Request";
	case 401:
		return "Unauthorized";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Not Allowed";
	case 409:
		return "Conflict";
	case 413:
		return "Request Entity Too Large";
	case 415:
		return "Unsupported Media Type";
	case 429:
		return "Too Many Requests";
	case 502:
		return "Bad Gateway";
	case 503:
		return "Service Temporarily Unavailable";
	default:
		return "Internal Server Error";
	}
}

/* request_send - status, headers, body */
void
request_send(struct request *request)
{
	static const char broken[] =
	    "{\"error\":\"internal\",\"detail\":\"The request could not be "
	    "completed; see the log.\"}";
	const char *text = request->text, *type = request->text_type;
	size_t len = request->text_len;

	if (request->empty) {
		FCGX_FPrintF(request->fcgx->out,
		    "Status: %d\r\nCache-Control: no-store\r\n%s\r\n",
		    request->status, request->headers);
		return;
	}
	if (text == NULL) {
		type = "application/json";
		if (request->answer != NULL)
			text = body_text(request->answer, &len);
	}
	if (text == NULL) {
		request->status = 500;
		text = broken;
		len = sizeof broken - 1;
	}
	FCGX_FPrintF(request->fcgx->out,
	    "Status: %d %s\r\n"
	    "Content-Type: %s\r\n"
	    "Content-Length: %d\r\n"
	    "Cache-Control: no-store\r\n"
	    "%s\r\n",
	    request->status, reason_phrase(request->status), type, (int)len,
	    request->headers);
	FCGX_PutStr(text, (int)len, request->fcgx->out);
}

/* request_end - log it and release all that it held */
void
request_end(struct request *request, unsigned round_trips)
{
	struct timespec now;
	struct log_line line;
	double ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = (double)(now.tv_sec - request->began.tv_sec) * 1e3 +
	    (double)(now.tv_nsec - request->began.tv_nsec) / 1e6;
	log_start(&line);
	log_field(&line, "request", request_param(request, "REQUEST_ID"));
	log_field(&line, "method", request->method);
	log_field(&line, "path", request->path);
	log_number(&line, "status", "%d", request->status);
	for (size_t i = 0; i < request->note_count; i++)
		log_field(
		    &line, request->notes[i].key, request->notes[i].value);
	log_number(&line, "ms", "%.2f", ms);
	log_number(&line, "db", "%u", round_trips);
	log_end(&line);
	stats_end(request->status, ms / 1e3);
	arena_reset(request->arena);
}
