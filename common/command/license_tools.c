#include "command/license_tools.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "licence/license.h"
#include "licence/license_key.h"
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

/* license_tools_keygen - a pair; what is secret never goes to a terminal unasked */
int
license_tools_keygen(struct service *service, int argc, char **argv)
{
	const char *secret, *open, *kid, *path = argc == 2 ? argv[1] : NULL;
	char *open_path;

	if (argc > 2 || (path != NULL && *path == '-'))
		return command_line_fail(
		    service, EXIT_USAGE, "usage: keygen [FILE]");
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

/* license_tools_verify - offline */
int
license_tools_verify(struct service *service, int argc, char **argv)
{
	struct license_public keys[LICENSE_PUBLIC_MAX];
	const char *path = NULL, *argument = NULL, *text, *problem, *key;
	struct license_blob blob;
	size_t count;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--public-key") == 0 && i + 1 < argc)
			path = argv[++i];
		else if (argument == NULL)
			argument = argv[i];
		else
			path = NULL, argc = 0;
	}
	if (path == NULL)
		return command_line_fail(service, EXIT_USAGE,
		    "usage: verify --public-key FILE [BLOB]");
	if (license_key_read_public(
		service->arena, path, keys, &count, &problem) != RC_OK)
		return command_line_fail(service, EXIT_CONFIG, "%s", problem);
	text = read_blob(service, argument);
	if (text == NULL ||
	    license_open(service->arena,
		config_string(service->config, LICENSE_BLOB_PREFIX), text,
		&blob) != RC_OK) {
		puts("refused: it is no signed licence");
		return EXIT_FAILED;
	}
	key = find_key(keys, count, blob.facts.kid);
	if (key == NULL) {
		printf("refused: none of the %zu public keys has the id that "
		       "it names\n",
		    count);
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
	if (service->db == NULL)
		return command_line_fail(
		    service, EXIT_CONFIG, "DATABASE_URL is not set");
	*key = license_normal_key(service->arena, typed);
	if (*key == NULL)
		return command_line_fail(
		    service, EXIT_USAGE, "%s is no license key", typed);
	if (db_connect(service->db) != RC_OK)
		return command_line_fail(service, EXIT_UNAVAILABLE,
		    "database: %s", db_error(service->db));
	return EXIT_DONE;
}

/* no_license - a key that nobody has */
static int
no_license(struct service *service, const char *key)
{
	return command_line_fail(
	    service, EXIT_FAILED, "there is no licence %s", key);
}

/* unavailable - a statement failed; most often it was not allowed */
static int
unavailable(struct service *service)
{
	return command_line_fail(service, EXIT_UNAVAILABLE, "database: %s%s",
	    db_error(service->db),
	    strcmp(db_sqlstate(service->db), "42501") == 0 ?
		" (use the schema owner's DATABASE_URL)" :
		"");
}

/* show_rows - the result of a statement as a table; false: it failed */
static bool
show_rows(struct service *service, const struct db_statement *statement,
    const char *key, const char *title, const char *const *columns,
    bool as_json, int *rows)
{
	const char *const params[] = { key };
	const char *cells[TABLE_COLUMNS_MAX];
	struct db_result *result;
	struct table *table;

	if (db_run_any(service->db, statement, 1, params, &result) != RC_OK)
		return false;
	*rows = db_result_rows(result);
	table = table_new(columns);
	for (int i = 0; i < *rows; i++) {
		for (int j = 0; columns[j] != NULL; j++)
			cells[j] = db_result_text(result, i, j);
		table_row(table, cells);
	}
	if (as_json)
		printf("\"%s\": ", title);
	else
		printf("\n%s\n", title);
	table_print(table, as_json, stdout);
	table_free(table);
	db_result_free(result);
	return true;
}

/* show_license - its columns, one a line or as a member each */
static void
show_license(const struct db_result *row, bool as_json)
{
	static const char *const names[] = { "license_key", "status",
		"revoke_reason", "tier", "email", "name", "order",
		"subscription", "product", "amount_cents", "test", "renewals",
		"paid_until", "cancelled_at", "created_at", "blob", NULL };
	json_object *object = json_object_new_object();
	const char *value;

	for (int i = 0; names[i] != NULL; i++) {
		value = db_result_text(row, 0, i);
		if (!as_json && value != NULL)
			printf("%-14s %s\n", names[i], value);
		json_object_object_add(object, names[i],
		    value != NULL ? json_object_new_string(value) : NULL);
	}
	if (as_json)
		printf("{\"license\": %s,\n",
		    json_object_to_json_string_ext(object,
			JSON_C_TO_STRING_PLAIN |
			    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

/* license_tools_show - the licence, its mails, its deliveries */
int
license_tools_show(struct service *service, int argc, char **argv)
{
	static const char *const mails[] = { "mail", "kind", "status",
		"attempts", "created_at", "sent_at", "error", NULL };
	static const char *const deliveries[] = { "delivery", "resource",
		"order", "received_at", "status", "error", NULL };
	bool as_json = argc == 3 && strcmp(argv[2], "--json") == 0;
	struct db_result *row;
	const char *params[1], *key;
	int status, rows;

	if (argc < 2 || argc > 3 || (argc == 3 && !as_json))
		return command_line_fail(
		    service, EXIT_USAGE, "usage: show KEY [--json]");
	status = ready(service, argv[1], &key);
	if (status != EXIT_DONE)
		return status;
	params[0] = key;
	if (db_run(service->db, sql_operator_show, params, &row) != RC_OK)
		return unavailable(service);
	rows = db_result_rows(row);
	if (rows == 1)
		show_license(row, as_json);
	db_result_free(row);
	if (rows == 0)
		return no_license(service, key);
	if (!show_rows(service, &sql_operator_mails.is, key, "mails", mails,
		as_json, &rows))
		return unavailable(service);
	if (as_json)
		puts(",");
	if (!show_rows(service, &sql_operator_events.is, key, "deliveries",
		deliveries, as_json, &rows))
		return unavailable(service);
	if (as_json)
		puts("}");
	return EXIT_DONE;
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
		return unavailable(service);
	now = db_result_text(row, 0, 0);
	if (now == NULL)
		status = no_license(service, params[0]);
	else
		printf("%s is %s\n", params[0], now);
	db_result_free(row);
	return status;
}

/* license_tools_revoke - until it is restored */
int
license_tools_revoke(struct service *service, int argc, char **argv)
{
	if (argc < 2 || argc > 3)
		return command_line_fail(
		    service, EXIT_USAGE, "usage: revoke KEY [REASON]");
	return override(service, argv[1], "revoked",
	    argc == 3 ? argv[2] : "revoked by an operator");
}

/* license_tools_restore - until Gumroad has a new reason to revoke */
int
license_tools_restore(struct service *service, int argc, char **argv)
{
	if (argc != 2)
		return command_line_fail(
		    service, EXIT_USAGE, "usage: restore KEY");
	return override(service, argv[1], "active", NULL);
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
		return unavailable(service);
	puts("queued; gumroad-webhook deliver sends it");
	return EXIT_DONE;
}

/* license_tools_resend - through the outbox, like every mail */
int
license_tools_resend(
    struct service *service, const struct issuer *issuer, int argc, char **argv)
{
	struct db_result *row;
	const char *params[1], *key;
	int status;

	if (argc != 2)
		return command_line_fail(
		    service, EXIT_USAGE, "usage: resend KEY");
	status = ready(service, argv[1], &key);
	if (status != EXIT_DONE)
		return status;
	params[0] = key;
	if (db_run(service->db, sql_operator_by_key, params, &row) != RC_OK)
		return unavailable(service);
	status = db_result_rows(row) == 1 ? queue_mail(service, issuer, row) :
					    no_license(service, key);
	db_result_free(row);
	return status;
}
