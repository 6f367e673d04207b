/*
 * catalog_problem.h - what is wrong with a catalog: a place in it, and a sentence.
 */
#ifndef PAYDESK_CATALOG_PROBLEM_H
#define PAYDESK_CATALOG_PROBLEM_H

#include <json-c/json.h>

#include "base/arena.h"
#include "base/rc.h"

/* Makes "PLACE WHAT" the problem, in the arena; RC_BAD_REQUEST. */
enum rc catalog_problem(struct arena *arena, const char **problem,
    const char *place, const char *what) MUST_CHECK;

/* RC_BAD_REQUEST with a problem unless object, when it is there, is one. */
enum rc catalog_problem_object(struct arena *arena, json_object *object,
    const char *place, const char **problem) MUST_CHECK;

#endif
