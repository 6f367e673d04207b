#include "ops/ops_page.h"

#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "program/csrf.h"
#include "ops/ops_style.h" /* made from ops.css */

DB_STATEMENT(ops_csrf_key, 0, "SELECT billing.ops_csrf_key()");

const struct db_statement *const ops_page_statements[] = {
	&sql_ops_csrf_key.is,
	NULL,
};

#define STYLE_MAX (64 << 10)

/* head - what a browser needs to know */
static void
head(struct html *html, const char *title)
{
	html_open(html, "html", "lang", "en", NULL);
	html_open(html, "head", NULL);
	html_open(html, "meta", "charset", "utf-8", NULL);
	html_open(html, "meta", "name", "viewport", "content",
	    "width=device-width, initial-scale=1", NULL);
	html_open(html, "meta", "name", "color-scheme", "content", "light dark",
	    NULL);
	html_open(html, "meta", "name", "robots", "content", "noindex", NULL);
	html_open(html, "title", NULL);
	html_textf(html, "%s · paydesk", title);
	html_close(html, "title");
	html_open(html, "link", "rel", "icon", "href", "data:,", NULL);
	html_open(
	    html, "link", "rel", "stylesheet", "href", "/ops/style.css", NULL);
	html_close(html, "head");
}

/* search - for a customer, on every page */
static void
search(struct html *html, const char *query)
{
	html_open(html, "form", "role", "search", "action", "/ops/customer",
	    "method", "get", NULL);
	html_leaf(html, "label", "Customer", "for", "q", NULL);
	html_open(html, "input", "id", "q", "name", "q", "type", "search",
	    "required", "required", "maxlength", "255", "autocomplete", "off",
	    "spellcheck", "false", "placeholder", "e-mail, id or licence key",
	    "value", query, NULL);
	html_leaf(html, "button", "Find", "type", "submit", NULL);
	html_close(html, "form");
}

/* ops_page_begin - banner, then main */
struct html *
ops_page_begin(struct request *request, const char *title, const char *query)
{
	struct html *html = html_new(request_arena(request));

	head(html, title);
	html_open(html, "body", NULL);
	html_leaf(html, "a", "Skip to the content", "class", "skip", "href",
	    "#main", NULL);
	html_open(html, "header", NULL);
	html_open(html, "nav", "aria-label", "Operations", NULL);
	html_leaf(html, "a", "paydesk", "class", "brand", "href", "/ops", NULL);
	html_leaf(html, "a", "Overview", "href", "/ops", "aria-current",
	    query == NULL ? "page" : NULL, NULL);
	html_close(html, "nav");
	search(html, query);
	html_close(html, "header");
	html_open(html, "main", "id", "main", "tabindex", "-1", NULL);
	html_leaf(html, "h1", title, NULL);
	return html;
}

/* ops_page_end - when it was made, by which version */
enum rc
ops_page_end(struct request *request, struct html *html, int status)
{
	time_t now = time(NULL);
	struct tm utc;
	char at[32];
	const char *text;
	size_t len;

	gmtime_r(&now, &utc);
	strftime(at, sizeof at, "%Y-%m-%d %H:%M:%S", &utc);
	html_close(html, "main");
	html_open(html, "footer", NULL);
	html_textf(html, "paydesk %s · made at %s · all times are UTC",
	    PACKAGE_VERSION, at);
	html_close(html, "footer");
	html_close(html, "body");
	html_close(html, "html");
	text = html_end(html, &len);
	if (text == NULL)
		return RC_TOO_LARGE;
	return request_reply_text(request, status, HTML_TYPE, text, len);
}

/* ops_page_fail - a title, a sentence */
enum rc
ops_page_fail(struct request *request, int status, enum rc rc,
    const char *title, const char *detail)
{
	struct html *html = ops_page_begin(request, title, "");

	html_leaf(html, "p", detail, "class", "notice bad", NULL);
	html_leaf(html, "a", "Back to the overview", "href", "/ops", NULL);
	request_log(request, "error", rc_name(rc));
	ops_page_end(request, html, status);
	return rc;
}

/* ops_page_no_database - tries again are the reader's */
enum rc
ops_page_no_database(struct request *request, enum rc rc)
{
	request_header(request, "Retry-After", "5");
	return ops_page_fail(request, 503, rc, "No database",
	    "PostgreSQL cannot be reached or did not answer in time. The log "
	    "of ops says why; reload this page to try again.");
}

/* ops_page_person - never without one */
const char *
ops_page_person(struct request *request)
{
	const char *person = request_param(request, "REMOTE_USER");

	if (person != NULL && *person != '\0')
		return person;
	ops_page_fail(request, 403, RC_SIGNATURE, "Who are you?",
	    "nginx has not said who asks. The location /ops needs auth_basic "
	    "or auth_request: see paydesk-operator.conf.");
	return NULL;
}

/* load_key - of all workers */
static enum rc
load_key(struct service *service, struct request *request, const char **key)
{
	struct db_result *result;
	enum rc rc;

	rc = db_run_bare(service->db, sql_ops_csrf_key, &result);
	if (rc != RC_OK)
		return rc;
	*key = NULL;
	if (db_result_text(result, 0, 0) != NULL)
		*key = arena_printf(
		    request_arena(request), "%s", db_result_text(result, 0, 0));
	db_result_free(result);
	return *key != NULL ? RC_OK : RC_INTERNAL;
}

/* ops_page_token - for now */
enum rc
ops_page_token(
    struct service *service, struct request *request, const char **token)
{
	char *made = arena_alloc(request_arena(request), CSRF_TOKEN_SIZE);
	const char *key;
	enum rc rc = load_key(service, request, &key);

	if (rc != RC_OK)
		return rc;
	*token = made;
	return made != NULL &&
		csrf_token(key, request_param(request, "REMOTE_USER"),
		    time(NULL), made) ?
	    RC_OK :
	    RC_INTERNAL;
}

/* trusts - the browser's word and the token */
static enum rc
trusts(struct service *service, struct request *request, const char *token,
    bool *trusted)
{
	const char *key;
	enum rc rc;

	*trusted = false;
	if (!csrf_same_origin(request))
		return RC_OK;
	rc = load_key(service, request, &key);
	if (rc == RC_OK)
		*trusted = csrf_valid(key,
		    request_param(request, "REMOTE_USER"), time(NULL), token);
	return rc;
}

/* ops_page_form - a form with a token, by somebody, from here */
const struct form *
ops_page_form(
    struct service *service, struct request *request, const char **person)
{
	const char *body, *token;
	struct form *form;
	bool trusted;
	size_t len;
	enum rc rc;

	*person = ops_page_person(request);
	if (*person == NULL)
		return NULL;
	request_log(request, "by", *person);
	body = request_body(request, &len);
	if (form_parse(request_arena(request), body, len, &form) != RC_OK ||
	    form_text(form_next(form, "token", NULL), &token) != RC_OK) {
		ops_page_fail(request, 400, RC_BAD_REQUEST,
		    "This is no form of ours",
		    "A form of these pages has the field token.");
		return NULL;
	}
	rc = trusts(service, request, token, &trusted);
	if (rc != RC_OK)
		ops_page_no_database(request, rc);
	else if (!trusted)
		ops_page_fail(request, 403, RC_SIGNATURE, "Not from this page",
		    "The form was not sent from a page that was made for you "
		    "within the last twelve hours. Nothing was changed: go "
		    "back to the overview and try again.");
	return rc == RC_OK && trusted ? form : NULL;
}

/* ops_page_hidden - an input that nobody sees */
void
ops_page_hidden(struct html *html, const char *name, const char *value)
{
	if (value != NULL)
		html_open(html, "input", "type", "hidden", "name", name,
		    "value", value, NULL);
}

/* ops_page_replay - a form of its own */
void
ops_page_replay(struct html *html, const char *event, const char *token)
{
	html_open(
	    html, "form", "method", "post", "action", "/ops/replay", NULL);
	ops_page_hidden(html, "event", event);
	ops_page_hidden(html, "token", token);
	html_open(html, "button", "type", "submit", NULL);
	html_text(html, "Replay");
	html_open(html, "span", "class", "hidden", NULL);
	html_textf(html, " %s", event);
	html_close(html, "span");
	html_close(html, "button");
	html_close(html, "form");
}

/* ops_page_style - for everybody who may see the pages */
enum rc
ops_page_style(struct service *service, struct request *request)
{
	struct buffer *buffer = buffer_new(request_arena(request), STYLE_MAX);
	const char *text;
	size_t len;

	(void)service;
	for (size_t i = 0; i < sizeof ops_style / sizeof *ops_style; i++)
		buffer_add(buffer, ops_style[i], strlen(ops_style[i]));
	text = buffer_text(buffer, &len);
	if (text == NULL)
		return RC_TOO_LARGE;
	return request_reply_text(
	    request, 200, "text/css; charset=utf-8", text, len);
}
