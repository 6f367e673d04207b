/*
 * prune.h - the prune command: what is old is emptied, a little at a time.
 *
 * What grows old and how is billing.prune_rules() in sql/. Each batch is a
 * transaction of its own that waits for nobody, so prune may run beside live
 * deliveries, be stopped at any moment and be run again.
 */
#ifndef PAYDESK_PRUNE_H
#define PAYDESK_PRUNE_H

#include "program/serve.h"

/*
 * The statements that a program with this command lists among its own; provider
 * is "stripe" or "gumroad".
 */
#define PRUNE_STATEMENTS(provider) \
	{ "prune_due", \
		"SELECT part, rows, oldest" \
		" FROM billing." provider "_prune_due($1)" }, \
	{ \
		"prune", \
		    "SELECT rows, reached" \
		    " FROM billing." provider "_prune($1, $2, $3, $4)" \
	}

/*
 * Runs `prune [--days N] [--dry-run] [--json]`, with PAYLOAD_KEEP_DAYS unless N
 * is given. Returns the exit status.
 */
int prune_command(struct service *service, int argc, char **argv);

#endif
