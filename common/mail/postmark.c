#include "mail/postmark.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/http_client.h"
#include "base/json.h"
#include "mail/mail_text.h"

#define CODE_INACTIVE 406

struct postmark {
	struct http_client *http;
	const char *url, *server_url;
	const char *headers[4];
};

/* close_http - http_client_free() as arena_defer() wants it */
static void
close_http(void *http)
{
	http_client_free(http);
}

/* postmark_new - a client with its fixed headers */
struct postmark *
postmark_new(struct arena *arena, const struct config *config)
{
	struct postmark *postmark = arena_alloc(arena, sizeof *postmark);

	if (postmark == NULL ||
	    (postmark->url = arena_printf(arena, "%s/email",
		 config_string(config, POSTMARK_API_BASE))) == NULL ||
	    (postmark->server_url = arena_printf(arena, "%s/server",
		 config_string(config, POSTMARK_API_BASE))) == NULL ||
	    (postmark->headers[0] = arena_printf(arena,
		 "X-Postmark-Server-Token: %s",
		 config_string(config, POSTMARK_TOKEN))) == NULL)
		memory_exhausted();
	postmark->headers[1] = "Accept: application/json";
	postmark->headers[2] = "Content-Type: application/json";
	postmark->http = http_client_new();
	if (arena_defer(arena, close_http, postmark->http) != 0)
		memory_exhausted();
	return postmark;
}

/* add - a string member */
static void
add(json_object *object, const char *name, const char *value)
{
	json_object_object_add(object, name, json_object_new_string(value));
}

/* add_header - one of the message's own headers */
static void
add_header(json_object *headers, const char *name, const char *value)
{
	json_object *header = json_object_new_object();

	add(header, "Name", name);
	add(header, "Value", value);
	json_object_array_add(headers, header);
}

/* make_body - the request; NULL: no memory or no address */
static const char *
make_body(struct arena *arena, const struct mail_message *message)
{
	const char *from, *to, *subject, *id, *text;
	json_object *body, *headers;

	from = mail_address_format(
	    arena, message->from->name, message->from->email, false);
	to = mail_address_format(
	    arena, message->to_name, message->to_email, false);
	subject = mail_one_line(arena, message->subject);
	id = arena_printf(arena, "<%s>", message->message_id);
	if (from == NULL || to == NULL || subject == NULL || id == NULL)
		return NULL;
	body = json_object_new_object();
	headers = json_object_new_array();
	add(body, "From", from);
	add(body, "To", to);
	add(body, "Subject", subject);
	add(body, "TextBody", message->text);
	add(body, "HtmlBody", message->html);
	add(body, "MessageStream", "outbound");
	add_header(headers, "Message-ID", id);
	add_header(headers, "X-PM-KeepID", "true");
	add_header(headers, "Auto-Submitted", "auto-generated");
	json_object_object_add(body, "Headers", headers);
	text = json_object_to_json_string_ext(
	    body, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	text = text != NULL ? arena_copy(arena, text, strlen(text)) : NULL;
	json_object_put(body);
	return text;
}

/* verdict_for - of a status and Postmark's own code */
static enum mail_verdict
verdict_for(long status, int64_t code, const char *words)
{
	if (status == 200 && code == 0)
		return words != NULL && strstr(words, "inactive addresses") ?
		    MAIL_INACTIVE :
		    MAIL_SENT;
	if (code == CODE_INACTIVE)
		return MAIL_INACTIVE;
	if (status == 200)
		return code < 0 ? MAIL_UNKNOWN : MAIL_REFUSED;
	if (status == 408 || status == 429 || status < 400 || status >= 500)
		return MAIL_LATER;
	return MAIL_REFUSED;
}

/* read_answer - what became of it, in Postmark's words */
static void
read_answer(struct arena *arena, const struct http_answer *answer,
    struct mail_outcome *outcome)
{
	const char *words = NULL;
	json_object *object;
	int64_t code = -1;

	if (json_parse(arena, answer->body, answer->body_len, &object) ==
		RC_OK &&
	    (json_integer(object, "ErrorCode", 0, 99999, &code) != RC_OK ||
		json_string(object, "Message", &words) != RC_OK ||
		json_string(object, "MessageID", &outcome->id) != RC_OK))
		outcome->id = NULL;
	outcome->verdict = verdict_for(answer->status, code, words);
	if (outcome->verdict == MAIL_SENT)
		return;
	outcome->error = arena_printf(arena,
	    "Postmark: status %ld, code %lld: %s", answer->status,
	    (long long)code, words != NULL ? words : "no message");
}

/* postmark_send - one attempt */
void
postmark_send(struct postmark *postmark, struct arena *arena,
    const struct mail_message *message, long timeout_ms,
    struct mail_outcome *outcome)
{
	struct http_call call = { "POST", postmark->url, postmark->headers,
		NULL, 0, timeout_ms, 0 };
	struct http_answer answer;

	call.body = make_body(arena, message);
	if (call.body == NULL) {
		outcome->verdict = MAIL_REFUSED;
		outcome->error = "the address or the text cannot be sent";
		return;
	}
	call.body_len = strlen(call.body);
	if (http_client_call(postmark->http, arena, &call, &answer) == RC_OK) {
		read_answer(arena, &answer, outcome);
		return;
	}
	outcome->verdict = http_client_was_sent(postmark->http) ? MAIL_UNKNOWN :
								  MAIL_LATER;
	outcome->error = arena_printf(
	    arena, "Postmark: %s", http_client_error(postmark->http));
}

/* examine_server - what Postmark tells of the token's server */
static void
examine_server(struct arena *arena, const struct http_answer *answer,
    struct doctor *doctor)
{
	const char *name = NULL, *type = NULL;
	json_object *server;

	if (json_parse(arena, answer->body, answer->body_len, &server) !=
		RC_OK ||
	    json_string(server, "Name", &name) != RC_OK)
		doctor_problem(doctor, "Postmark", "Correct POSTMARK_API_BASE.",
		    "the answer is not that of Postmark");
	else if (json_string(server, "DeliveryType", &type) == RC_OK &&
	    strcmp(type, "Sandbox") == 0)
		doctor_warn(doctor, "Postmark",
		    "Set POSTMARK_TOKEN to the token of a live server.",
		    "the token is of the sandbox %s, which delivers nothing",
		    name);
	else
		doctor_ok(doctor, "Postmark",
		    "takes the token, of the server %s", name);
}

/* postmark_examine - the token, and the way there */
void
postmark_examine(
    struct postmark *postmark, struct arena *arena, struct doctor *doctor)
{
	struct http_call call = { .method = "GET",
		.url = postmark->server_url,
		.headers = postmark->headers,
		.timeout_ms = DOCTOR_TIMEOUT_MS };
	struct http_answer answer;

	if (http_client_call(postmark->http, arena, &call, &answer) != RC_OK)
		doctor_problem(doctor, "Postmark",
		    "Let this host connect to POSTMARK_API_BASE.",
		    "no answer: %s", http_client_error(postmark->http));
	else if (answer.status == 401 || answer.status == 403)
		doctor_problem(doctor, "Postmark",
		    "Set POSTMARK_TOKEN to a server token that Postmark shows.",
		    "does not take the token");
	else if (answer.status != 200)
		doctor_warn(doctor, "Postmark", "Run check again later.",
		    "answered %ld", answer.status);
	else
		examine_server(arena, &answer, doctor);
}
