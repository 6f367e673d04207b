/*
 * ops_sample.h - the history behind the charts.
 */
#ifndef PAYDESK_OPS_SAMPLE_H
#define PAYDESK_OPS_SAMPLE_H

#include "program/serve.h"

extern const struct db_statement *const ops_sample_statements[];

/*
 * Notes how things stand in this hour, once, or every minute until a signal ends
 * it. A second time in the same hour takes the place of the first.
 */
extern const struct command ops_sample_command;

#endif
