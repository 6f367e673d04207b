#include "base/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"

/* The rows are kept as the JSON that --json prints. */
struct table {
	const char *columns[TABLE_COLUMNS_MAX];
	size_t column_count;
	json_object *rows;
};

/* table_new - without rows */
struct table *
table_new(const char *const *columns)
{
	struct table *table = memory_new(sizeof *table);

	while (columns[table->column_count] != NULL &&
	    table->column_count < TABLE_COLUMNS_MAX) {
		table->columns[table->column_count] =
		    columns[table->column_count];
		table->column_count++;
	}
	table->rows = json_object_new_array();
	return table;
}

/* table_free - NULL is harmless */
void
table_free(struct table *table)
{
	if (table == NULL)
		return;
	json_object_put(table->rows);
	free(table);
}

/* table_row - one more */
void
table_row(struct table *table, const char *const *cells)
{
	json_object *row = json_object_new_object();

	for (size_t i = 0; i < table->column_count; i++)
		json_add_text(row, table->columns[i], cells[i]);
	json_object_array_add(table->rows, row);
}

/* text_width - characters on a terminal, roughly: bytes that begin one */
static int
text_width(const char *text)
{
	int width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

/* cell - text of a row's column */
static const char *
cell(const struct table *table, size_t row, size_t column)
{
	json_object *value = json_object_object_get(
	    json_object_array_get_idx(table->rows, row),
	    table->columns[column]);

	return value != NULL ? json_object_get_string(value) : "";
}

/* table_text - control characters are masked */
void
table_text(const char *text, FILE *out)
{
	for (; *text != '\0'; text++)
		fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text,
		    out);
}

/* print_cell - the last column is not padded */
static void
print_cell(const char *text, int width, bool last, FILE *out)
{
	table_text(text, out);
	fprintf(out, "%*s", last ? 0 : width - text_width(text) + 2, "");
}

/* table_json - what --json prints */
json_object *
table_json(const struct table *table)
{
	return json_object_get(table->rows);
}

/* table_print - to look at or to parse */
void
table_print(const struct table *table, bool as_json, FILE *out)
{
	size_t rows = json_object_array_length(table->rows);
	int widths[TABLE_COLUMNS_MAX];

	if (as_json) {
		json_print(table->rows, out);
		return;
	}
	for (size_t c = 0; c < table->column_count; c++) {
		widths[c] = text_width(table->columns[c]);
		for (size_t r = 0; r < rows; r++) {
			int width = text_width(cell(table, r, c));

			if (width > widths[c])
				widths[c] = width;
		}
	}
	for (size_t c = 0; c < table->column_count; c++)
		print_cell(table->columns[c], widths[c],
		    c + 1 == table->column_count, out);
	fputc('\n', out);
	for (size_t r = 0; r < rows; r++) {
		for (size_t c = 0; c < table->column_count; c++)
			print_cell(cell(table, r, c), widths[c],
			    c + 1 == table->column_count, out);
		fputc('\n', out);
	}
}
