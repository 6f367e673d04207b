/*
 * ops_sample.h - the history behind the charts.
 */
#ifndef PAYDESK_OPS_SAMPLE_H
#define PAYDESK_OPS_SAMPLE_H

#include "program/serve.h"

#define OPS_SAMPLE_STATEMENTS \
	{ "sample_books", "SELECT billing.sample_books()" }, \
	    { "sample_add", "SELECT billing.sample_add($1, $2)" }, \
	{ \
		"sample_before", \
		    "SELECT name, value FROM billing.samples" \
		    " WHERE name LIKE 'requests.le.%' AND at =" \
		    " (SELECT max(at) FROM billing.samples" \
		    " WHERE name = 'requests.le.+Inf'" \
		    " AND at < date_trunc('hour', now()))" \
	}

/*
 * Runs `sample [--watch]`: notes how things stand in this hour, once, or every
 * minute until a signal ends it. A second time in the same hour takes the place
 * of the first.
 */
int ops_sample(struct service *service, int argc, char **argv);

#endif
