/*
 * events_show.h - everything about one event of the ledger.
 */
#ifndef PAYDESK_EVENTS_SHOW_H
#define PAYDESK_EVENTS_SHOW_H

#include "program/serve.h"

/* The statements that a program with events lists among its own. */
extern const struct db_statement *const events_show_statements[];

/*
 * Prints the row, the failed attempts and the payload, for people or as one
 * JSON object. EXIT_FAILED: there is no such event.
 */
int events_show(struct service *service, const char *id, bool as_json);

#endif
