#include "program/checkup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "program/doctor.h"

/* A plan that does not know its parameters: no call is folded away. */
#define GENERIC_PLANS "SET LOCAL plan_cache_mode = force_generic_plan"

/* An EXPLAIN for each prepared statement, with as many NULLs as parameters. */
#define EXPLANATIONS \
	"SELECT name, format('EXPLAIN EXECUTE %I', name) ||" \
	" coalesce('(' || (SELECT string_agg('NULL', ', ')" \
	" FROM unnest(parameter_types)) || ')', '')," \
	" cardinality(parameter_types)" \
	" FROM pg_catalog.pg_prepared_statements ORDER BY name"

#define SESSION \
	"SELECT current_user, r.rolsuper," \
	" pg_catalog.pg_has_role(n.nspowner, 'USAGE')," \
	" current_setting('server_version')," \
	" extract(epoch FROM clock_timestamp())," \
	" obj_description(n.oid, 'pg_namespace')" \
	" FROM pg_catalog.pg_roles r, pg_catalog.pg_namespace n" \
	" WHERE r.rolname = current_user AND n.nspname = 'billing'"

/* role_of - the role that a program should have; it lives in the arena */
static const char *
role_of(struct service *service)
{
	char *role = arena_printf(
	    service->arena, "paydesk_%s", service->program->name);

	if (role == NULL)
		return service->program->name;
	for (char *c = role; *c != '\0'; c++) {
		if (*c == '-')
			*c = '_';
	}
	return role;
}

/* examine_settings - which are set, and where; they are right, or it had ended */
static void
examine_settings(struct service *service, struct doctor *doctor)
{
	const enum setting *setting = service->program->settings;
	const char *origin, *value;

	for (; *setting != SETTING_END; setting++) {
		origin = config_origin(service->config, *setting);
		value = config_string(service->config, *setting);
		if (origin != NULL)
			doctor_ok(doctor, config_name(*setting), "set, from %s",
			    origin);
		else if (value != NULL)
			doctor_ok(doctor, config_name(*setting),
			    "not set, so it is %s", value);
		else
			doctor_ok(doctor, config_name(*setting), "not set");
	}
}

/* connect - to the database; returns the exit status */
static int
connect(struct service *service, struct doctor *doctor)
{
	enum rc rc = db_connect(service->db);
	int version = db_schema_version(service->db);
	const char *advice;

	if (rc == RC_BUSY) {
		doctor_problem(doctor, "database",
		    "Start PostgreSQL, or correct DATABASE_URL.", "%s",
		    db_error(service->db));
		return EXIT_UNAVAILABLE;
	}
	if (rc == RC_OK)
		return EXIT_DONE;
	if (version > DB_SCHEMA_VERSION)
		advice = "Install the programs that belong to the schema.";
	else if (strcmp(db_sqlstate(service->db), "42501") == 0)
		advice = arena_printf(service->arena,
		    "Name the role %s in DATABASE_URL.", role_of(service));
	else
		advice = "Run sql/migrate as the schema's owner.";
	doctor_problem(doctor, "schema", advice, "%s", db_error(service->db));
	return EXIT_CONFIG;
}

/*
 * examine_rules - whether the database has those that we were built beside, as
 * sql/migrate notes it in the schema's comment
 */
static void
examine_rules(struct doctor *doctor, const char *comment)
{
	const char *digest = comment == NULL ? NULL : strrchr(comment, ' ');

	if (digest == NULL)
		doctor_problem(doctor, "rules",
		    "Run sql/migrate as the schema's owner.",
		    "the database was given none");
	else if (strcmp(digest + 1, DB_RULES_DIGEST) != 0)
		doctor_warn(doctor, "rules",
		    "Run sql/migrate of the release whose programs serve here.",
		    "those in the database are not the ones of this program: "
		    "%s",
		    comment);
	else
		doctor_ok(doctor, "rules", "%s", comment);
}

/* examine_session - who we are there, and the time there */
static void
examine_session(struct service *service, struct doctor *doctor)
{
	struct db_result *result;
	const char *user;
	double now_s;

	if (db_query(service->db, SESSION, &result) != RC_OK) {
		doctor_problem(doctor, "database",
		    "Look into the log of PostgreSQL.", "%s",
		    db_error(service->db));
		return;
	}
	now_s = (double)time(NULL);
	user = db_result_text(result, 0, 0);
	doctor_ok(
	    doctor, "database", "PostgreSQL %s", db_result_text(result, 0, 3));
	doctor_ok(
	    doctor, "schema", "version %d", db_schema_version(service->db));
	if (*db_result_text(result, 0, 1) == 't' ||
	    *db_result_text(result, 0, 2) == 't')
		doctor_warn(doctor, "database role",
		    arena_printf(service->arena,
			"Name the role %s in DATABASE_URL.", role_of(service)),
		    "%s is %s and may do more than this program needs", user,
		    *db_result_text(result, 0, 1) == 't' ?
			"a superuser" :
			"the owner of the schema");
	else
		doctor_ok(doctor, "database role", "%s", user);
	examine_rules(doctor, db_result_text(result, 0, 5));
	doctor_clock(doctor, "clock of the database",
	    strtod(db_result_text(result, 0, 4), NULL) - now_s);
	db_result_free(result);
}

/* explain - begin to run a statement, which is when rights are looked at */
static enum rc
explain(struct db *db, void *context)
{
	const char *explanation = context;
	enum rc rc;

	rc = db_query(db, "SET TRANSACTION READ ONLY", NULL);
	if (rc == RC_OK)
		rc = db_query(db, GENERIC_PLANS, NULL);
	return rc == RC_OK ? db_query(db, explanation, NULL) : rc;
}

/* find_statement - of the program, by its name */
static const struct db_statement *
find_statement(const struct program *program, const char *name)
{
	const struct db_statement *const *const *list, *const *statement;

	for (list = program->statements; *list != NULL; list++) {
		for (statement = *list; *statement != NULL; statement++) {
			if (strcmp((*statement)->name, name) == 0)
				return *statement;
		}
	}
	return NULL;
}

/* examine_right - to one statement; false: it is refused */
static bool
examine_right(struct service *service, struct doctor *doctor,
    const struct db_statement *statement, const char *explanation,
    const char *params)
{
	if ((size_t)atol(params) != statement->params) {
		doctor_problem(doctor, "database rights",
		    "Report this: the program needs a correction.",
		    "statement %s takes %s parameters and is given %zu",
		    statement->name, params, statement->params);
		return false;
	}
	if (db_transaction(service->db, explain, (void *)explanation) == RC_OK)
		return true;
	doctor_problem(doctor, "database rights",
	    arena_printf(service->arena,
		"Name the role %s in DATABASE_URL, or GRANT it what the files "
		"in sql/ grant.",
		role_of(service)),
	    "statement %s: %s", statement->name, db_error(service->db));
	return false;
}

/* examine_rights - may our role run what the program runs? */
static void
examine_rights(struct service *service, struct doctor *doctor)
{
	const struct db_statement *statement;
	struct db_result *result;
	int tried = 0, refused = 0;

	if (db_query(service->db, EXPLANATIONS, &result) != RC_OK) {
		doctor_problem(doctor, "database rights",
		    "Look into the log of PostgreSQL.", "%s",
		    db_error(service->db));
		return;
	}
	for (int i = 0; i < db_result_rows(result); i++) {
		statement = find_statement(
		    service->program, db_result_text(result, i, 0));
		if (statement == NULL || statement->operators)
			continue;
		tried++;
		refused += !examine_right(service, doctor, statement,
		    db_result_text(result, i, 1), db_result_text(result, i, 2));
	}
	if (refused == 0)
		doctor_ok(
		    doctor, "database rights", "all %d statements", tried);
	db_result_free(result);
}

/* examine_database - returns the exit status */
static int
examine_database(struct service *service, struct doctor *doctor)
{
	int status;

	if (service->program->statements == NULL)
		return EXIT_DONE;
	if (service->db == NULL) {
		doctor_problem(doctor, "database",
		    "Set DATABASE_URL, e.g. to "
		    "postgresql://paydesk_…@/paydesk?host=/run/postgresql.",
		    "DATABASE_URL is not set");
		return EXIT_CONFIG;
	}
	status = connect(service, doctor);
	if (status == EXIT_DONE) {
		examine_session(service, doctor);
		examine_rights(service, doctor);
	}
	return status;
}

static struct {
	bool offline, json;
} asked;

static const struct option options[] = {
	{ .name = "--offline", .flag = &asked.offline },
	{ .name = "--json", .flag = &asked.json },
	{ .name = NULL },
};

/* run - everything that is needed, looked at once */
static int
run(struct service *service, int count, char **operands)
{
	struct doctor *doctor = doctor_new(service->arena, asked.offline);
	int status;
	bool fine;

	(void)count, (void)operands;
	examine_settings(service, doctor);
	status = examine_database(service, doctor);
	if (service->program->examine != NULL)
		service->program->examine(service, doctor);
	fine = doctor_report(doctor, asked.json, stdout);
	if (status != EXIT_DONE)
		return status;
	return fine ? EXIT_DONE : EXIT_FAILED;
}

const struct command checkup_command = {
	.name = "check",
	.arguments = "[--offline] [--json]",
	.help = "is all that it needs in place, and if not, what to do?",
	.options = options,
	.run = run,
};
