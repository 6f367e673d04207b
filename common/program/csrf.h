/*
 * csrf.h - was this form sent from a page of ours, by the person it was made
 * for?
 *
 * A token is a MAC over the person and the hour. Nothing is kept: every worker
 * that has the key makes and knows the same ones.
 */
#ifndef PAYDESK_CSRF_H
#define PAYDESK_CSRF_H

#include <stdbool.h>
#include <time.h>

#include "program/request.h"

#define CSRF_HOURS 12	   /* that a token is good for, at least */
#define CSRF_TOKEN_SIZE 96 /* bytes, with a NUL */

/* The token of this person at this time; false: libcrypto failed. */
bool csrf_token(const char *key, const char *person, time_t now,
    char token[CSRF_TOKEN_SIZE]);

/* Whether it is one that this person got in the last hours. */
bool csrf_valid(
    const char *key, const char *person, time_t now, const char *token);

/*
 * Whether the browser says that a page of this very origin sent the request;
 * also when it says nothing, as old ones and curl do.
 */
bool csrf_same_origin(const struct request *request);

#endif
