#include "command/grants.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mail_address.h"
#include "base/moment.h"

#define DAYS_MAX 36500
#define DAY_S 86400

DB_OPERATOR_STATEMENT(account_make, 2, "SELECT billing.account_make($1, $2)");
DB_OPERATOR_STATEMENT(account_grant, 5,
    "SELECT problem, id_"
    " FROM billing.account_grant($1, $2, $3, $4, $5, NULL)");
DB_OPERATOR_STATEMENT(grant_revoke, 1, "SELECT billing.grant_revoke($1, NULL)");
DB_OPERATOR_STATEMENT(account_credit, 3,
    "SELECT problem, billing.utc(until_)"
    " FROM billing.account_credit($1, $2, $3, NULL)");

const struct db_statement *const grants_statements[] = {
	&sql_account_make.is,
	&sql_account_grant.is,
	&sql_grant_revoke.is,
	&sql_account_credit.is,
	NULL,
};

/* What the command line asks for; 0 and -1 are not said. */
static struct {
	const char *email, *plan, *reason;
	int64_t until_s;
	long days, seats;
} asked = { .until_s = -1 };

/* make - the command */
static int
make(struct service *service, int count, char **operands)
{
	const char *const params[] = { operands[0], asked.email };
	struct db_result *result;
	int status;

	(void)count;
	if (asked.email != NULL && !mail_address_valid(asked.email))
		return command_line_fail(service, EXIT_USAGE,
		    "'%s' is no e-mail address", asked.email);
	if ((status = command_line_connect(service)) != EXIT_DONE)
		return status;
	if (db_run(service->db, sql_account_make, params, &result) != RC_OK)
		return command_line_database(service);
	if (db_result_text(result, 0, 0) != NULL)
		status = command_line_fail(
		    service, EXIT_FAILED, "%s", db_result_text(result, 0, 0));
	else
		printf("account %s is made\n", operands[0]);
	db_result_free(result);
	return status;
}

/* until_text - when the grant ends, NULL: when it is revoked */
static const char *
until_text(char *text)
{
	if (asked.days > 0)
		return moment_text(time(NULL) + asked.days * DAY_S, text);
	return asked.until_s >= 0 ? moment_text(asked.until_s, text) : NULL;
}

/* no_reason - neither command gives anything without one; EXIT_DONE: there is */
static int
no_reason(const struct service *service)
{
	if (asked.reason != NULL && *asked.reason != '\0')
		return EXIT_DONE;
	return command_line_fail(service, EXIT_USAGE,
	    "say why with --reason TEXT: it is part of the account's story");
}

/* give - the command grant */
static int
give(struct service *service, int count, char **operands)
{
	char until[MOMENT_TEXT], seats[24];
	const char *const params[] = { operands[0], asked.plan,
		until_text(until), asked.seats > 0 ? seats : NULL,
		asked.reason };
	struct db_result *result;
	int status = no_reason(service);

	(void)count;
	if (status != EXIT_DONE)
		return status;
	snprintf(seats, sizeof seats, "%ld", asked.seats);
	if (asked.days > 0 && asked.until_s >= 0)
		return command_line_fail(
		    service, EXIT_USAGE, "give --days or --until, not both");
	if ((status = command_line_connect(service)) != EXIT_DONE)
		return status;
	if (db_run(service->db, sql_account_grant, params, &result) != RC_OK)
		return command_line_database(service);
	if (db_result_text(result, 0, 0) != NULL)
		status = command_line_fail(
		    service, EXIT_FAILED, "%s", db_result_text(result, 0, 0));
	else
		printf("grant %s: %s may use %s%s%s\n",
		    db_result_text(result, 0, 1), operands[0],
		    asked.plan != NULL ? asked.plan : "the default plan",
		    params[2] != NULL ? " until " : "",
		    params[2] != NULL ? params[2] : "");
	db_result_free(result);
	return status;
}

/* take_back - the command revoke-grant */
static int
take_back(struct service *service, int count, char **operands)
{
	const char *const params[] = { operands[0] };
	struct db_result *result;
	int status = command_line_connect(service);

	(void)count;
	if (status != EXIT_DONE)
		return status;
	if (db_run(service->db, sql_grant_revoke, params, &result) != RC_OK)
		return command_line_database(service);
	if (*db_result_text(result, 0, 0) != 't')
		status = command_line_fail(service, EXIT_FAILED,
		    "there is no grant %s, or it was taken back", operands[0]);
	else
		printf("grant %s is taken back\n", operands[0]);
	db_result_free(result);
	return status;
}

/* days_valid - a whole number that an account can be given, or lose */
static bool
days_valid(const char *text)
{
	char *end;
	long days = strtol(text, &end, 10);

	return end != text && *end == '\0' && days != 0 && days <= DAYS_MAX &&
	    days >= -DAYS_MAX;
}

/* credit - the command */
static int
credit(struct service *service, int count, char **operands)
{
	const char *const params[] = { operands[0], operands[1], asked.reason };
	struct db_result *result;
	int status = no_reason(service);

	(void)count;
	if (status != EXIT_DONE)
		return status;
	if (!days_valid(operands[1]))
		return command_line_fail(service, EXIT_USAGE,
		    "'%s' is no number of days from -%d to %d", operands[1],
		    DAYS_MAX, DAYS_MAX);
	if ((status = command_line_connect(service)) != EXIT_DONE)
		return status;
	if (db_run(service->db, sql_account_credit, params, &result) != RC_OK)
		return command_line_database(service);
	if (db_result_text(result, 0, 0) != NULL)
		status = command_line_fail(
		    service, EXIT_FAILED, "%s", db_result_text(result, 0, 0));
	else
		printf("account %s has credit until %s\n", operands[0],
		    db_result_text(result, 0, 1));
	db_result_free(result);
	return status;
}

static const struct option make_options[] = {
	{ .name = "--email", .text = &asked.email },
	{ .name = NULL },
};

const struct command make_command = {
	.name = "make",
	.arguments = "[--email E] ID",
	.help = "make an account; its address is taken for verified",
	.role = "paydesk_operator",
	.options = make_options,
	.operands_min = 1,
	.operands_max = 1,
	.run = make,
};

static const struct option grant_options[] = {
	{ .name = "--plan", .text = &asked.plan },
	{ .name = "--days", .number = &asked.days, .min = 1, .max = DAYS_MAX },
	{ .name = "--until", .moment_s = &asked.until_s },
	{ .name = "--seats",
	    .number = &asked.seats,
	    .min = 1,
	    .max = INT32_MAX },
	{ .name = "--reason", .text = &asked.reason },
	{ .name = NULL },
};

const struct command grant_command = {
	.name = "grant",
	.arguments = "ID --reason TEXT [--plan P] [--days N | --until T] "
		     "[--seats N]",
	.help = "give an account a plan, whatever it pays",
	.role = "paydesk_operator",
	.options = grant_options,
	.operands_min = 1,
	.operands_max = 1,
	.run = give,
};

const struct command revoke_grant_command = {
	.name = "revoke-grant",
	.arguments = "GRANT",
	.help = "take a grant back, by its number",
	.role = "paydesk_operator",
	.operands_min = 1,
	.operands_max = 1,
	.run = take_back,
};

static const struct option credit_options[] = {
	{ .name = "--reason", .text = &asked.reason },
	{ .name = NULL },
};

const struct command credit_command = {
	.name = "credit",
	.arguments = "ID DAYS --reason TEXT",
	.help = "give an account days of credit; DAYS below 0 takes them back",
	.role = "paydesk_operator",
	.options = credit_options,
	.operands_min = 2,
	.operands_max = 2,
	.run = credit,
};
