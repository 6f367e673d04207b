/*
 * ops_decide.h - what a person decides on the operations pages.
 *
 * Each takes a form of ops_forms.h, from a page of ours, does it in one transaction,
 * in the name of the person, and goes back to the customer with 303. 400: a field
 * is missing or wrong; 409: it cannot be done, with a sentence.
 */
#ifndef PAYDESK_OPS_DECIDE_H
#define PAYDESK_OPS_DECIDE_H

#include "program/serve.h"

extern const struct db_statement *const ops_decide_statements[];

enum rc ops_decide_grant(struct service *service, struct request *request);
enum rc ops_decide_revoke(struct service *service, struct request *request);
enum rc ops_decide_credit(struct service *service, struct request *request);
enum rc ops_decide_unlink(struct service *service, struct request *request);

/*
 * Asks again, with 409, when the link takes something from somebody. *customer is
 * whose events can be applied now; NULL: nothing was done.
 */
enum rc ops_decide_link(
    struct service *service, struct request *request, const char **customer);

#endif
