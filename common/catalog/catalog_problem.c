#include "catalog/catalog_problem.h"

/* catalog_problem - with its place */
enum rc
catalog_problem(struct arena *arena, const char **problem, const char *place,
    const char *what)
{
	*problem = arena_printf(arena, "%s %s", place, what);
	if (*problem == NULL)
		*problem = "out of memory";
	return RC_BAD_REQUEST;
}

/* catalog_problem_object - or nothing */
enum rc
catalog_problem_object(struct arena *arena, json_object *object,
    const char *place, const char **problem)
{
	if (object == NULL || json_object_is_type(object, json_type_object))
		return RC_OK;
	return catalog_problem(arena, problem, place, "must be an object");
}
