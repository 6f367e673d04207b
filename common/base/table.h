/*
 * table.h - a list for people (aligned columns) or for programs (JSON).
 */
#ifndef PAYDESK_TABLE_H
#define PAYDESK_TABLE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 12

struct table;

/* columns ends with NULL; the names are the JSON's keys. */
struct table *table_new(const char *const *columns);
void table_free(struct table *table);

/* Adds a row of as many texts as there are columns; NULL is empty, or null. */
void table_row(struct table *table, const char *const *cells);

/* Prints everything: columns padded to the widest cell, or an array. */
void table_print(const struct table *table, bool as_json, FILE *out);

/* Its rows as an array of objects, for json_object_put(). */
json_object *table_json(const struct table *table);

/* Prints outside text: what could control a terminal is masked. */
void table_text(const char *text, FILE *out);

#endif
