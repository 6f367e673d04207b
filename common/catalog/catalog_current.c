#include "catalog/catalog_current.h"

#include <stdio.h>
#include <string.h>

#include "catalog/catalog.h"
#include "base/json.h"
#include "base/log.h"

#define RULES_MAX (4 * (size_t)CATALOG_MAX) /* bytes, when parsed */

DB_STATEMENT(
    catalog_checkout, 1, "SELECT id, rules FROM billing.catalog_checkout($1)");

const struct db_statement *const catalog_current_statements[] = {
	&sql_catalog_checkout.is,
	NULL,
};

struct catalog_current {
	char id[24]; /* of the catalog; "": none was applied */
	struct catalog_checkout checkout;
	struct arena *arena, *spare; /* of these rules, for the next ones */
};

/* free_arena - with the program's arena */
static void
free_arena(void *arena)
{
	arena_free(arena);
}

/* catalog_current_new - with the defaults */
struct catalog_current *
catalog_current_new(struct arena *arena)
{
	struct catalog_current *current = arena_alloc(arena, sizeof *current);
	const char *problem;

	if (current == NULL)
		return NULL;
	current->arena = arena_new(RULES_MAX);
	current->spare = arena_new(RULES_MAX);
	if (arena_defer(arena, free_arena, current->arena) != 0 ||
	    arena_defer(arena, free_arena, current->spare) != 0 ||
	    catalog_checkout_read(
		current->arena, NULL, &current->checkout, &problem) != RC_OK)
		return NULL;
	return current;
}

/* replace - the rules by those of another catalog */
static enum rc
replace(struct catalog_current *current, const char *id, const char *text)
{
	struct arena *spare = current->spare;
	struct catalog_checkout checkout;
	json_object *member;
	const char *problem = "it is not JSON";

	arena_reset(spare);
	if (json_parse(spare, text, strlen(text), &member) != RC_OK ||
	    catalog_checkout_read(spare, member, &checkout, &problem) !=
		RC_OK) {
		log_message(
		    "error", "catalog %s cannot be read: %s", id, problem);
		return RC_INTERNAL;
	}
	current->spare = current->arena;
	current->arena = spare;
	current->checkout = checkout;
	snprintf(current->id, sizeof current->id, "%s", id);
	return RC_OK;
}

/* catalog_current_checkout - asks for no more than is new */
enum rc
catalog_current_checkout(struct catalog_current *current, struct db *db,
    const struct catalog_checkout **checkout)
{
	const char *const params[] = { *current->id != '\0' ? current->id :
							      NULL };
	const char *id, *text;
	struct db_result *result;
	enum rc rc;

	rc = db_run(db, sql_catalog_checkout, params, &result);
	if (rc != RC_OK)
		return rc;
	id = db_result_named(result, 0, "id");
	text = db_result_named(result, 0, "rules");
	if (id != NULL && text != NULL)
		rc = replace(current, id, text);
	db_result_free(result);
	*checkout = &current->checkout;
	return rc;
}
