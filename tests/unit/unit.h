/*
 * unit.h - what the unit suites share.
 *
 * A suite is a program over Check that prints TAP: one line a test, or one line
 * a row of a table when the test is a loop over it.
 */
#ifndef PAYDESK_UNIT_H
#define PAYDESK_UNIT_H

#include <check.h>
#include <stddef.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Adds a test for every row of its table; the row's number is its _i. */
#define unit_add_table(tests, test, table) \
	tcase_add_loop_test(tests, test, 0, (int)COUNT(table))

/* Fails unless the text begins so. */
#define unit_assert_begins(text, prefix) \
	ck_assert_msg(strncmp(text, prefix, strlen(prefix)) == 0, "%s", text)

/* Runs what add() adds; returns the exit status. */
int unit_main(const char *module, void (*add)(TCase *tests));

/* The path of a file that holds these bytes, as long as this process lives. */
const char *unit_file(const void *bytes, size_t len);

/*
 * Keeps what the process writes to a descriptor from now on, and gives it back
 * as one string. One capture at a time.
 */
void unit_capture(int descriptor);
const char *unit_captured(void);

/* Makes the process read these bytes from its standard input. */
void unit_input(const void *bytes, size_t len);

/*
 * Fails unless text is the JSON that plain is without its blanks: releases of
 * json-c differ in the blanks of empty arrays.
 */
void unit_assert_json(const char *text, const char *plain);

#endif
