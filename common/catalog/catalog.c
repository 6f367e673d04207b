#include "catalog/catalog.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "catalog/catalog_checkout.h"
#include "catalog/catalog_gumroad.h"
#include "catalog/catalog_prices.h"
#include "catalog/catalog_problem.h"
#include "catalog/catalog_shape.h"
#include "catalog/catalog_words.h"
#include "base/json.h"
#include "base/log.h"

/* read_file - at most CATALOG_MAX bytes, and a NUL */
static enum rc
read_file(struct arena *arena, const char *path, const char **text, size_t *len,
    const char **problem)
{
	char *bytes = arena_alloc(arena, CATALOG_MAX + 2);
	FILE *file = fopen(path, "r");
	enum rc rc = RC_OK;

	if (file == NULL || bytes == NULL) {
		*problem = arena_printf(
		    arena, "cannot read %s: %s", path, strerror(errno));
		if (file != NULL)
			fclose(file);
		return RC_BAD_REQUEST;
	}
	*len = fread(bytes, 1, CATALOG_MAX + 1, file);
	bytes[*len] = '\0';
	*text = bytes;
	if (ferror(file) || *len > CATALOG_MAX) {
		*problem = arena_printf(arena,
		    "%s cannot be read or is larger than %d bytes", path,
		    CATALOG_MAX);
		rc = RC_BAD_REQUEST;
	}
	fclose(file);
	return rc;
}

/* parse - one JSON object */
static enum rc
parse(struct arena *arena, const char *text, size_t len, json_object **document,
    const char **problem)
{
	size_t wrong_at, line = 1, column = 1;
	enum rc rc = json_parse_at(arena, text, len, document, &wrong_at);

	if (rc == RC_OK && json_object_is_type(*document, json_type_object))
		return RC_OK;
	*problem = "it is not one JSON object";
	if (rc != RC_BAD_REQUEST)
		return RC_BAD_REQUEST;
	for (const char *c = text; c < text + wrong_at; c++) {
		column = *c == '\n' ? 1 : column + 1;
		line += *c == '\n';
	}
	return catalog_problem(arena, problem, *problem,
	    arena_printf(arena, "from line %zu, column %zu on", line, column));
}

/* check_default_plan - when given it must exist */
static enum rc
check_default_plan(
    struct arena *arena, json_object *document, const char **problem)
{
	const char *plan;
	enum rc rc = json_string(document, "default_plan", &plan);

	if (rc == RC_NOT_FOUND ||
	    (rc == RC_OK && json_path(document, "plans", plan, NULL) != NULL))
		return RC_OK;
	return catalog_problem(arena, problem, "default_plan",
	    "must be the name of an entry of plans");
}

/* check_free - what an account has that has bought nothing */
static enum rc
check_free(struct arena *arena, json_object *document, const char **problem)
{
	json_object *free = json_member(document, "free");

	if (catalog_problem_object(arena, free, "free", problem) != RC_OK)
		return RC_BAD_REQUEST;
	return catalog_problem_object(
	    arena, json_member(free, "features"), "free.features", problem);
}

/* check - each part */
static enum rc
check(struct arena *arena, json_object *document, const char **problem)
{
	struct catalog_checkout checkout;

	if (check_free(arena, document, problem) != RC_OK ||
	    catalog_prices_check(
		arena, json_member(document, "plans"), problem) != RC_OK ||
	    check_default_plan(arena, document, problem) != RC_OK ||
	    catalog_words_check(arena, document, problem) != RC_OK ||
	    catalog_checkout_read(arena, json_member(document, "checkout"),
		&checkout, problem) != RC_OK)
		return RC_BAD_REQUEST;
	return catalog_gumroad_check(
	    arena, json_member(document, "gumroad"), problem);
}

/* catalog_check - what nobody reads is no error */
enum rc
catalog_check(
    struct arena *arena, const char *text, size_t len, const char **problem)
{
	json_object *document;
	const char *unread;
	enum rc rc;

	*problem = NULL;
	rc = parse(arena, text, len, &document, problem);
	if (rc == RC_OK &&
	    (unread = catalog_shape_unread(arena, document)) != NULL)
		log_message("warn", "catalog: passed over: %s", unread);
	if (rc == RC_OK)
		rc = check(arena, document, problem);
	if (rc != RC_OK && *problem == NULL)
		*problem = "out of memory";
	return rc;
}

/* catalog_read - and the file's name before what is wrong with its text */
enum rc
catalog_read(struct arena *arena, const char *path, const char **text,
    size_t *len, const char **problem)
{
	if (read_file(arena, path, text, len, problem) != RC_OK)
		return RC_BAD_REQUEST;
	if (catalog_check(arena, *text, *len, problem) == RC_OK)
		return RC_OK;
	return catalog_problem(
	    arena, problem, arena_printf(arena, "%s:", path), *problem);
}
