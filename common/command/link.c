#include "command/link.h"

#include <stdio.h>
#include <string.h>

#include "command/replay.h"
#include "stripe/stripe_state.h"

DB_STATEMENT(link, 2,
    "SELECT result, about, adopted, status, tier"
    " FROM billing.stripe_link($1, $2)");
DB_STATEMENT(link_held, 1,
    "SELECT event_id FROM billing.stripe_events"
    " WHERE stripe_customer_id = $1 AND outcome = 'unmatched'"
    " ORDER BY created_at, received_at");

const struct db_statement *const link_statements[] = {
	&sql_link.is,
	&sql_link_held.is,
	NULL,
};

/* refuse - why the two do not belong together; the exit status */
static int
refuse(struct service *service, const char *result, const char *about,
    const char *customer, const char *account)
{
	if (strcmp(result, "no_account") == 0)
		return command_line_fail(service, EXIT_FAILED,
		    "there is no account with the external id %s", account);
	if (strcmp(result, "account_holds") == 0)
		return command_line_fail(service, EXIT_FAILED,
		    "account %s holds another customer, %s", account, about);
	if (strcmp(result, "customer_of") == 0)
		return command_line_fail(service, EXIT_FAILED,
		    "customer %s belongs to another account, %s", customer,
		    about);
	return command_line_fail(service, EXIT_FAILED,
	    "customer %s was deleted at Stripe", customer);
}

/* bind - in one transaction, and say what that did */
static int
bind(struct service *service, const char *customer, const char *account)
{
	const char *const params[] = { customer, account };
	struct db_result *row;
	const char *result, *status;
	int exit_status = EXIT_DONE;

	if (db_run(service->db, sql_link, params, &row) != RC_OK)
		return command_line_database(service);
	result = db_result_text(row, 0, 0);
	status = db_result_text(row, 0, 3);
	if (strcmp(result, "linked") == 0)
		fprintf(stderr,
		    "account %s holds customer %s; subscriptions linked: %s; "
		    "status %s, tier %s\n",
		    account, customer, db_result_text(row, 0, 2),
		    status != NULL ? status : "none",
		    db_result_text(row, 0, 4));
	else
		exit_status = refuse(service, result, db_result_text(row, 0, 1),
		    customer, account);
	db_result_free(row);
	return exit_status;
}

static bool as_json;

/* run - the command */
static int
run(struct service *service, int count, char **operands)
{
	const struct stripe_state *state = service->state;
	const char *const params[] = { operands[0] };
	struct db_result *held;
	int status;

	(void)count;
	status = command_line_connect(service);
	if (status == EXIT_DONE)
		status = bind(service, operands[0], operands[1]);
	if (status != EXIT_DONE)
		return status;
	if (db_run(service->db, sql_link_held, params, &held) != RC_OK)
		return command_line_database(service);
	status = replay_rows(service, state->intake, held, false, as_json);
	db_result_free(held);
	return status;
}

static const struct option options[] = {
	{ .name = "--json", .flag = &as_json },
	{ .name = NULL },
};

const struct command link_command = {
	.name = "link",
	.arguments = "CUSTOMER ACCOUNT [--json]",
	.help = "give a customer at Stripe to an account, and what was held",
	.options = options,
	.operands_min = 2,
	.operands_max = 2,
	.run = run,
};
