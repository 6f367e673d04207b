#include "mail/mail_template.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "mail/mail_text.h"
#include "base/utf8.h"

#define FILE_MAX (64 << 10) /* bytes */

struct mail_template {
	const char *subject, *text, *html;
};

/* find_name - the placeholder at text, as it stands in names; NULL: none */
static const char *
find_name(const char *text, const char *const *names, size_t *len)
{
	const char *end = strstr(text, "}}");

	for (; end != NULL && *names != NULL; names++) {
		size_t name_len = strlen(*names);

		if (name_len == (size_t)(end - text - 2) &&
		    memcmp(text + 2, *names, name_len) == 0) {
			*len = name_len + 4;
			return *names;
		}
	}
	return NULL;
}

/* check - every {{ begins a placeholder that there is */
static const char *
check(struct arena *arena, const char *path, const char *text,
    const char *const *names)
{
	const char *open = text;
	size_t line = 1, len;

	while ((open = strstr(open, "{{")) != NULL) {
		if (find_name(open, names, &len) != NULL) {
			open += len;
			continue;
		}
		for (; text < open; text++)
			line += *text == '\n';
		return arena_printf(arena,
		    "MAIL_TEMPLATES: %s, line %zu: there is no value %.*s",
		    path, line, (int)strcspn(open, "\n }") + 2, open);
	}
	return NULL;
}

/* read_part - one of the three files, checked; NULL with *problem set */
static const char *
read_part(struct arena *arena, const char *directory, const char *kind,
    const char *ending, const char *const *names, const char **problem)
{
	char *path = arena_printf(arena, "%s/%s.%s", directory, kind, ending);
	char *text = arena_alloc(arena, FILE_MAX + 1);
	FILE *file;
	size_t len;

	if (path == NULL || text == NULL)
		return NULL;
	file = fopen(path, "r");
	if (file == NULL) {
		*problem = arena_printf(arena,
		    "MAIL_TEMPLATES: cannot read %s: %s", path,
		    strerror(errno));
		return NULL;
	}
	len = fread(text, 1, FILE_MAX + 1, file);
	fclose(file);
	if (len == 0 || len > FILE_MAX || !utf8_valid(text, len)) {
		*problem = arena_printf(arena,
		    "MAIL_TEMPLATES: %s is empty, larger than %d bytes or "
		    "not UTF-8",
		    path, FILE_MAX);
		return NULL;
	}
	*problem = check(arena, path, text, names);
	return *problem == NULL ? text : NULL;
}

/* mail_template_load - subject, text, HTML */
enum rc
mail_template_load(struct arena *arena, const char *directory, const char *kind,
    const char *const *names, struct mail_template **template,
    const char **problem)
{
	struct mail_template *loaded = arena_alloc(arena, sizeof *loaded);

	*problem = "out of memory";
	if (loaded == NULL)
		return RC_INTERNAL;
	*template = loaded;
	loaded->subject = read_part(
	    arena, directory, kind, "subject", names, problem);
	if (loaded->subject == NULL)
		return RC_BAD_REQUEST;
	loaded->text = read_part(arena, directory, kind, "txt", names, problem);
	if (loaded->text == NULL)
		return RC_BAD_REQUEST;
	loaded->html = read_part(
	    arena, directory, kind, "html", names, problem);
	return loaded->html != NULL ? RC_OK : RC_BAD_REQUEST;
}

/* escape - for HTML text and for attributes in quotes */
static char *
escape(struct arena *arena, const char *value)
{
	char *escaped = arena_alloc(arena, 6 * strlen(value) + 1);
	char *to = escaped;

	for (; to != NULL && *value != '\0'; value++) {
		const char *entity = *value == '&' ? "&amp;" :
		    *value == '<'		   ? "&lt;" :
		    *value == '>'		   ? "&gt;" :
		    *value == '"'		   ? "&quot;" :
		    *value == '\''		   ? "&#39;" :
						     NULL;

		if (entity != NULL)
			to += sprintf(to, "%s", entity);
		else
			*to++ = *value;
	}
	return escaped;
}

/* find_value - for a placeholder at text */
static const char *
find_value(
    const char *text, const struct mail_value *values, size_t *placeholder_len)
{
	const char *names[2] = { NULL, NULL };

	for (; values->name != NULL; values++) {
		names[0] = values->name;
		if (find_name(text, names, placeholder_len) != NULL)
			return values->value != NULL ? values->value : "";
	}
	return NULL;
}

/*
 * fill - a text with its values, each on one line. Two walks: one to measure,
 * one to write.
 */
static char *
fill(struct arena *arena, const char *text, const struct mail_value *values,
    bool html)
{
	char *filled = NULL, *to = NULL;
	size_t room = 1, len = 0;

	for (int writing = 0; writing < 2; writing++) {
		for (const char *from = text; *from != '\0';) {
			const char *value = NULL;

			if (from[0] == '{' && from[1] == '{')
				value = find_value(from, values, &len);
			if (value == NULL) {
				if (writing)
					*to++ = *from;
				else
					room++;
				from++;
				continue;
			}
			from += len;
			value = mail_one_line(arena, value);
			if (value != NULL && html)
				value = escape(arena, value);
			if (value == NULL)
				return NULL;
			len = strlen(value);
			if (writing)
				to = memcpy(to, value, len), to += len;
			else
				room += len;
		}
		if (!writing &&
		    (filled = to = arena_alloc(arena, room)) == NULL)
			return NULL;
	}
	return filled;
}

/* mail_template_fill - all three parts */
enum rc
mail_template_fill(const struct mail_template *template, struct arena *arena,
    const struct mail_value *values, struct mail_words *words)
{
	char *subject = fill(arena, template->subject, values, false);

	if (subject != NULL)
		subject[strcspn(subject, "\n")] = '\0';
	words->subject = subject;
	words->text = fill(arena, template->text, values, false);
	words->html = fill(arena, template->html, values, true);
	return words->subject != NULL && words->text != NULL &&
		words->html != NULL ?
	    RC_OK :
	    RC_TOO_LARGE;
}
