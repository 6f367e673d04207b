#include "command/license_tools.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "licence/license.h"
#include "licence/license_key.h"
#include "base/json.h"
#include "base/table.h"

DB_OPERATOR_STATEMENT(operator_show, 1,
    "SELECT license_key, status, revoke_reason, tier, email, name,"
    " source_order_id, subscription_id, product_name,"
    " amount_cents, test, renewals, paid_until, cancelled_at,"
    " created_at, blob FROM billing.licenses"
    " WHERE license_key = $1");
DB_OPERATOR_STATEMENT(operator_mails, 1,
    "SELECT e.id, e.kind, e.status, e.attempts, e.created_at,"
    " e.sent_at, e.error FROM billing.emails e"
    " JOIN billing.licenses l ON l.id = e.license_id"
    " WHERE l.license_key = $1 ORDER BY e.id");
DB_OPERATOR_STATEMENT(operator_events, 1,
    "SELECT g.id, g.resource, g.order_id, g.received_at,"
    " g.outcome, g.error FROM billing.gumroad_events g"
    " JOIN billing.licenses l ON l.id = g.license_id"
    " WHERE l.license_key = $1 ORDER BY g.id");
DB_OPERATOR_STATEMENT(
    operator_override, 3, "SELECT billing.license_override($1, $2, $3)");
DB_OPERATOR_STATEMENT(operator_by_key, 1,
    "SELECT id, license_key, tier, product_id, email, name,"
    " product_name, blob, status FROM billing.licenses"
    " WHERE license_key = $1");
DB_OPERATOR_STATEMENT(
    operator_mail, 4, "SELECT billing.license_mail($1, $2, $3, $4)");

const struct db_statement *const license_tools_statements[] = {
	&sql_operator_show.is,
	&sql_operator_mails.is,
	&sql_operator_events.is,
	&sql_operator_override.is,
	&sql_operator_by_key.is,
	&sql_operator_mail.is,
	NULL,
};

/* write_new - a file that must not be there yet; false with errno set */
static bool
write_new(const char *path, const char *text, mode_t mode)
{
	int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	size_t len = strlen(text);
	bool fine;

	if (file < 0)
		return false;
	fine = write(file, text, len) == (ssize_t)len && fsync(file) == 0;
	return close(file) == 0 && fine;
}

/* keygen - a pair; what is secret never goes to a terminal unasked */
static int
keygen(struct service *service, int count, char **operands)
{
	const char *secret, *open, *kid, *path = count > 0 ? operands[0] : NULL;
	char *open_path;

	if (license_key_make(service->arena, &secret, &open, &kid) != RC_OK)
		return command_line_fail(
		    service, EXIT_FAILED, "OpenSSL could not make a key");
	if (path == NULL) {
		fputs(secret, stdout);
		fprintf(stderr, "key id %s\n%s", kid, open);
		return EXIT_DONE;
	}
	open_path = arena_printf(service->arena, "%s.pub", path);
	if (open_path == NULL || !write_new(path, secret, 0600) ||
	    !write_new(open_path, open, 0644))
		return command_line_fail(service, EXIT_FAILED,
		    "cannot write %s or %s.pub: %s", path, path,
		    strerror(errno));
	printf(
	    "key id %s\nprivate key %s\npublic key %s\n", kid, path, open_path);
	return EXIT_DONE;
}

/* read_blob - from the command line or from standard input */
static const char *
read_blob(struct service *service, const char *argument)
{
	char *text;
	size_t len;

	if (argument != NULL && strcmp(argument, "-") != 0)
		return argument;
	text = arena_alloc(service->arena, LICENSE_BLOB_MAX + 2);
	if (text == NULL)
		return NULL;
	len = fread(text, 1, LICENSE_BLOB_MAX + 1, stdin);
	return len > 0 ? text : NULL;
}

/* find_key - the public key with that id */
static const char *
find_key(const struct license_public *keys, size_t count, const char *kid)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(keys[i].kid, kid) == 0)
			return keys[i].key;
	}
	return NULL;
}

/* What the command line asks for. */
static struct {
	const char *public_key;
	bool json;
} asked;

/* verify - the command: is a signed licence genuine? Offline */
static int
verify(struct service *service, int count, char **operands)
{
	struct license_public keys[LICENSE_PUBLIC_MAX];
	const char *text, *problem, *key;
	struct license_blob blob;
	size_t known;

	if (asked.public_key == NULL)
		return command_line_fail(service, EXIT_USAGE,
		    "--public-key FILE is missing: what keygen wrote to "
		    "FILE.pub");
	if (license_key_read_public(service->arena, asked.public_key, keys,
		&known, &problem) != RC_OK)
		return command_line_fail(service, EXIT_CONFIG, "%s", problem);
	text = read_blob(service, count > 0 ? operands[0] : NULL);
	if (text == NULL ||
	    license_open(service->arena,
		config_string(service->config, LICENSE_BLOB_PREFIX), text,
		&blob) != RC_OK) {
		puts("refused: it is no signed licence");
		return EXIT_FAILED;
	}
	key = find_key(keys, known, blob.facts.kid);
	if (key == NULL) {
		printf("refused: none of the %zu public keys has the id that "
		       "it names\n",
		    known);
		return EXIT_FAILED;
	}
	if (license_verify(service->arena, &blob, key) != RC_OK) {
		puts("refused: the signature does not fit");
		return EXIT_FAILED;
	}
	printf("%.*s\n", (int)blob.payload_len, blob.payload);
	return EXIT_DONE;
}

/* ready - the database and the key that was typed; else a status to exit with */
static int
ready(struct service *service, const char *typed, const char **key)
{
	*key = license_normal_key(service->arena, typed);
	if (*key == NULL)
		return command_line_fail(
		    service, EXIT_USAGE, "%s is no license key", typed);
	return command_line_connect(service);
}

/* no_license - a key that nobody has */
static int
no_license(struct service *service, const char *key)
{
	return command_line_fail(
	    service, EXIT_FAILED, "there is no licence %s", key);
}

/* list - what a statement finds, as a table; NULL: it failed */
static struct table *
list(struct service *service, const struct db_statement *statement,
    const char *key, const char *const *columns)
{
	const char *const params[] = { key };
	const char *cells[TABLE_COLUMNS_MAX];
	struct db_result *result;
	struct table *table;

	if (db_run_any(service->db, statement, 1, params, &result) != RC_OK)
		return NULL;
	table = table_new(columns);
	for (int i = 0; i < db_result_rows(result); i++) {
		for (int j = 0; columns[j] != NULL; j++)
			cells[j] = db_result_text(result, i, j);
		table_row(table, cells);
	}
	db_result_free(result);
	return table;
}

static const char *const license_columns[] = { "license_key", "status",
	"revoke_reason", "tier", "email", "name", "order", "subscription",
	"product", "amount_cents", "test", "renewals", "paid_until",
	"cancelled_at", "created_at", "blob", NULL };

/* print_people - a column a line, then the tables */
static void
print_people(const struct db_result *row, const struct table *mails,
    const struct table *deliveries)
{
	for (int i = 0; license_columns[i] != NULL; i++) {
		const char *value = db_result_text(row, 0, i);

		if (value != NULL) {
			printf("%-14s ", license_columns[i]);
			table_text(value, stdout);
			putchar('\n');
		}
	}
	puts("\nmails");
	table_print(mails, false, stdout);
	puts("\ndeliveries");
	table_print(deliveries, false, stdout);
}

/* print_json - one document */
static void
print_json(const struct db_result *row, const struct table *mails,
    const struct table *deliveries)
{
	json_object *document = json_object_new_object();
	json_object *license = json_object_new_object();

	for (int i = 0; license_columns[i] != NULL; i++)
		json_add_text(
		    license, license_columns[i], db_result_text(row, 0, i));
	json_object_object_add(document, "license", license);
	json_object_object_add(document, "mails", table_json(mails));
	json_object_object_add(document, "deliveries", table_json(deliveries));
	json_print(document, stdout);
	json_object_put(document);
}

/* show - the command: the licence, its mails, its deliveries */
static int
show(struct service *service, int count, char **operands)
{
	static const char *const mail_columns[] = { "mail", "kind", "status",
		"attempts", "created_at", "sent_at", "error", NULL };
	static const char *const delivery_columns[] = { "delivery", "resource",
		"order", "received_at", "status", "error", NULL };
	struct table *mails = NULL, *deliveries = NULL;
	struct db_result *row = NULL;
	const char *params[1];
	int status;

	(void)count;
	status = ready(service, operands[0], &params[0]);
	if (status != EXIT_DONE)
		return status;
	if (db_run(service->db, sql_operator_show, params, &row) != RC_OK ||
	    (mails = list(service, &sql_operator_mails.is, params[0],
		 mail_columns)) == NULL ||
	    (deliveries = list(service, &sql_operator_events.is, params[0],
		 delivery_columns)) == NULL)
		status = command_line_database(service);
	else if (db_result_rows(row) == 0)
		status = no_license(service, params[0]);
	else
		(asked.json ? print_json : print_people)(
		    row, mails, deliveries);
	table_free(deliveries);
	table_free(mails);
	db_result_free(row);
	return status;
}

/* override - the operator's word */
static int
override(struct service *service, const char *typed, const char *word,
    const char *reason)
{
	const char *params[] = { NULL, word, reason };
	struct db_result *row;
	const char *now;
	int status;

	status = ready(service, typed, &params[0]);
	if (status != EXIT_DONE)
		return status;
	if (db_run(service->db, sql_operator_override, params, &row) != RC_OK)
		return command_line_database(service);
	now = db_result_text(row, 0, 0);
	if (now == NULL)
		status = no_license(service, params[0]);
	else
		printf("%s is %s\n", params[0], now);
	db_result_free(row);
	return status;
}

/* end - the command: no longer valid, until it is restored */
static int
end(struct service *service, int count, char **operands)
{
	return override(service, operands[0], "revoked",
	    count == 2 ? operands[1] : "revoked by an operator");
}

/* restore - the command: until Gumroad has a new reason to revoke */
static int
restore(struct service *service, int count, char **operands)
{
	(void)count;
	return override(service, operands[0], "active", NULL);
}

/* queue_mail - for the licence in the first row */
static int
queue_mail(struct service *service, const struct issuer *issuer,
    const struct db_result *row)
{
	struct issue issue = {
		.key = db_result_text(row, 0, 1),
		.tier = db_result_text(row, 0, 2),
		.product = db_result_text(row, 0, 3),
		.email = db_result_text(row, 0, 4),
		.name = db_result_text(row, 0, 5),
		.product_name = db_result_text(row, 0, 6),
		.blob = db_result_text(row, 0, 7),
	};
	const char *params[4] = { db_result_text(row, 0, 0) };

	if (strcmp(db_result_text(row, 0, 8), "active") != 0)
		return command_line_fail(service, EXIT_FAILED,
		    "the licence is revoked: restore it first");
	if (issue.email == NULL)
		return command_line_fail(service, EXIT_FAILED,
		    "its buyer was erased: there is nobody to write to");
	if (issue_mail(issuer, service->arena, &issue) != RC_OK)
		return command_line_fail(service, EXIT_FAILED, "out of memory");
	params[1] = issue.mail.subject;
	params[2] = issue.mail.text;
	params[3] = issue.mail.html;
	if (db_run(service->db, sql_operator_mail, params, NULL) != RC_OK)
		return command_line_database(service);
	puts("queued; gumroad-webhook deliver sends it");
	return EXIT_DONE;
}

/* resend - the command: through the outbox, like every mail */
static int
resend(struct service *service, int count, char **operands)
{
	const struct license_state *state = service->state;
	const char *params[1];
	struct db_result *row;
	int status;

	(void)count;
	status = ready(service, operands[0], &params[0]);
	if (status != EXIT_DONE)
		return status;
	if (db_run(service->db, sql_operator_by_key, params, &row) != RC_OK)
		return command_line_database(service);
	status = db_result_rows(row) == 1 ?
	    queue_mail(service, state->issuer, row) :
	    no_license(service, params[0]);
	db_result_free(row);
	return status;
}

static const struct option verify_options[] = {
	{ .name = "--public-key", .text = &asked.public_key },
	{ .name = NULL },
};

static const struct option show_options[] = {
	{ .name = "--json", .flag = &asked.json },
	{ .name = NULL },
};

const struct command license_tools_keygen_command = {
	.name = "keygen",
	.arguments = "[FILE]",
	.help = "make a key to sign licences with",
	.operands_max = 1,
	.run = keygen,
};

const struct command license_tools_verify_command = {
	.name = "verify",
	.arguments = "--public-key FILE [BLOB]",
	.help = "is this signed licence genuine? Needs no database",
	.options = verify_options,
	.operands_max = 1,
	.run = verify,
};

const struct command license_tools_show_command = {
	.name = "show",
	.arguments = "KEY [--json]",
	.help = "what is known of a licence",
	.role = "paydesk",
	.options = show_options,
	.operands_min = 1,
	.operands_max = 1,
	.run = show,
};

const struct command license_tools_revoke_command = {
	.name = "revoke",
	.arguments = "KEY [REASON]",
	.help = "end a licence",
	.role = "paydesk",
	.operands_min = 1,
	.operands_max = 2,
	.run = end,
};

const struct command license_tools_restore_command = {
	.name = "restore",
	.arguments = "KEY",
	.help = "make a licence valid again",
	.role = "paydesk",
	.operands_min = 1,
	.operands_max = 1,
	.run = restore,
};

const struct command license_tools_resend_command = {
	.name = "resend",
	.arguments = "KEY",
	.help = "mail a licence again",
	.role = "paydesk",
	.operands_min = 1,
	.operands_max = 1,
	.run = resend,
};
