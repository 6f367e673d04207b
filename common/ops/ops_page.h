/*
 * ops_page.h - the frame of the operations pages, and what they share.
 */
#ifndef PAYDESK_OPS_PAGE_H
#define PAYDESK_OPS_PAGE_H

#include "base/form.h"
#include "ops/html.h"
#include "program/serve.h"

extern const struct db_statement *const ops_page_statements[];

/*
 * Begins a page up to its main part; query is what stands in the search field
 * and may be NULL. NULL: no memory.
 */
struct html *ops_page_begin(
    struct request *request, const char *title, const char *query);

/* Ends the page and answers with it. */
enum rc ops_page_end(struct request *request, struct html *html, int status);

/* Answers with a page that says what is wrong; returns rc. */
enum rc ops_page_fail(struct request *request, int status, enum rc rc,
    const char *title, const char *detail);

/* The same for a database that does not answer. */
enum rc ops_page_no_database(struct request *request, enum rc rc);

/* Who nginx says it is; NULL after the reply, 403, when it says nobody. */
const char *ops_page_person(struct request *request);

/* The token that this person's forms carry; RC_BUSY: the database is away. */
enum rc ops_page_token(struct service *service, struct request *request,
    const char **token) MUST_CHECK;

/*
 * The form that a person has sent from a page of ours, and who that is; NULL after
 * the reply that says why it is none.
 */
const struct form *ops_page_form(
    struct service *service, struct request *request, const char **person);

/* A hidden field; nothing when its value is NULL. */
void ops_page_hidden(struct html *html, const char *name, const char *value);

/* The button that has an event applied again. */
void ops_page_replay(struct html *html, const char *event, const char *token);

/* GET /ops/style.css */
enum rc ops_page_style(struct service *service, struct request *request);

#endif
