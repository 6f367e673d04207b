/*
 * ops_overview.h - the first operations page: how is it, what waits for me?
 */
#ifndef PAYDESK_OPS_OVERVIEW_H
#define PAYDESK_OPS_OVERVIEW_H

#include "program/serve.h"

extern const struct db_statement *const ops_overview_statements[];

/* GET /ops, perhaps with ?replayed=EVENT */
enum rc ops_overview(struct service *service, struct request *request);

#endif
