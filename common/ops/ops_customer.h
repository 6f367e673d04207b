/*
 * ops_customer.h - one customer's story on one page.
 */
#ifndef PAYDESK_OPS_CUSTOMER_H
#define PAYDESK_OPS_CUSTOMER_H

#include "program/serve.h"

extern const struct db_statement *const ops_customer_statements[];

/* GET /ops/customer?q=… */
enum rc ops_customer(struct service *service, struct request *request);

#endif
