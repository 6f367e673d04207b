#include "command/link.h"

#include <stdio.h>
#include <string.h>

#include "command/replay.h"
#include "stripe/stripe_state.h"

DB_STATEMENT(link, 3,
    "SELECT result, about, adopted, status, tier"
    " FROM billing.stripe_link($1, $2, $3, NULL)");
DB_STATEMENT(link_held, 1, "SELECT billing.events_held($1)");
DB_STATEMENT(
    unlink, 1, "SELECT result, about FROM billing.stripe_unlink($1, NULL)");
DB_STATEMENT(account_customers, 1,
    "SELECT customer, own FROM billing.account_customers($1)");

const struct db_statement *const link_statements[] = {
	&sql_link.is,
	&sql_link_held.is,
	&sql_unlink.is,
	&sql_account_customers.is,
	NULL,
};

/* What the command line asks for. */
static struct {
	const char *account;
	bool move, json;
} asked;

/* refuse - why nothing was done; the exit status */
static int
refuse(struct service *service, const char *result, const char *about,
    const char *customer, const char *account)
{
	if (strcmp(result, "no_account") == 0)
		return command_line_fail(service, EXIT_FAILED,
		    "there is no account with the external id %s", account);
	if (strcmp(result, "moves") == 0)
		return command_line_fail(service, EXIT_FAILED,
		    "nothing was done. Account %s would get customer %s %s. "
		    "If that is meant, give --move",
		    account, customer, about);
	return command_line_fail(service, EXIT_FAILED,
	    "customer %s was deleted at Stripe", customer);
}

/* bind - in one transaction, and say what that did */
static int
bind(struct service *service, const char *customer, const char *account)
{
	const char *const params[] = { customer, account,
		asked.move ? "true" : "false" };
	struct db_result *row;
	const char *result, *about, *status;
	int exit_status = EXIT_DONE;

	if (db_run(service->db, sql_link, params, &row) != RC_OK)
		return command_line_database(service);
	result = db_result_text(row, 0, 0);
	about = db_result_text(row, 0, 1);
	status = db_result_text(row, 0, 3);
	if (strcmp(result, "linked") == 0) {
		if (about != NULL)
			fprintf(stderr, "moved: %s\n", about);
		fprintf(stderr,
		    "account %s holds customer %s; subscriptions linked: %s; "
		    "status %s, tier %s\n",
		    account, customer, db_result_text(row, 0, 2),
		    status != NULL ? status : "none",
		    db_result_text(row, 0, 4));
	} else
		exit_status = refuse(service, result, about, customer, account);
	db_result_free(row);
	return exit_status;
}

/* link_run - the command link */
static int
link_run(struct service *service, int count, char **operands)
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
	status = replay_rows(service, state->intake, held, false, asked.json);
	db_result_free(held);
	return status;
}

/*
 * customer_of - the customer that an account holds; NULL after saying that it holds
 * none
 */
static const char *
customer_of(struct service *service, const char *account, int *status)
{
	const char *const params[] = { account };
	const char *customer = NULL;
	struct db_result *rows;

	if (db_run(service->db, sql_account_customers, params, &rows) !=
	    RC_OK) {
		*status = command_line_database(service);
		return NULL;
	}
	if (db_result_rows(rows) == 0)
		*status = command_line_fail(service, EXIT_FAILED,
		    "account %s has no customer at Stripe, or there is none",
		    account);
	else if (!db_result_true(rows, 0, "own"))
		*status = command_line_fail(service, EXIT_FAILED,
		    "account %s holds no customer; it has subscriptions of %s: "
		    "name that one",
		    account, db_result_text(rows, 0, 0));
	else
		customer = arena_printf(
		    service->arena, "%s", db_result_text(rows, 0, 0));
	db_result_free(rows);
	return customer;
}

/* release - one customer, and say what that took from whom */
static int
release(struct service *service, const char *customer)
{
	const char *const params[] = { customer };
	struct db_result *row;
	int status = EXIT_DONE;

	if (db_run(service->db, sql_unlink, params, &row) != RC_OK)
		return command_line_database(service);
	if (strcmp(db_result_text(row, 0, 0), "unlinked") == 0)
		fprintf(stderr,
		    "taken %s; nobody has customer %s until it is linked, or "
		    "Stripe's metadata names another account\n",
		    db_result_text(row, 0, 1), customer);
	else
		status = command_line_fail(
		    service, EXIT_FAILED, "nobody has customer %s", customer);
	db_result_free(row);
	return status;
}

/* unlink_run - the command unlink */
static int
unlink_run(struct service *service, int count, char **operands)
{
	const char *customer = count > 0 ? operands[0] : NULL;
	int status;

	if ((customer == NULL) == (asked.account == NULL))
		return command_line_fail(service, EXIT_USAGE,
		    "name a customer, or an account with --account");
	if ((status = command_line_connect(service)) != EXIT_DONE)
		return status;
	if (customer == NULL)
		customer = customer_of(service, asked.account, &status);
	return customer != NULL ? release(service, customer) : status;
}

static const struct option link_options[] = {
	{ .name = "--move", .flag = &asked.move },
	{ .name = "--json", .flag = &asked.json },
	{ .name = NULL },
};

const struct command link_command = {
	.name = "link",
	.arguments = "CUSTOMER ACCOUNT [--move] [--json]",
	.help = "give a customer at Stripe to an account, and what was held",
	.options = link_options,
	.operands_min = 2,
	.operands_max = 2,
	.run = link_run,
};

static const struct option unlink_options[] = {
	{ .name = "--account", .text = &asked.account },
	{ .name = NULL },
};

const struct command unlink_command = {
	.name = "unlink",
	.arguments = "CUSTOMER | --account ACCOUNT",
	.help = "take a customer, and what it pays for, from whoever has it",
	.options = unlink_options,
	.operands_max = 1,
	.run = unlink_run,
};
