#include "base/form_out.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct form_out {
	char text[FORM_OUT_MAX + 1];
	size_t len;
	bool overflowed;
};

/* form_out_new - an empty one */
struct form_out *
form_out_new(struct arena *arena)
{
	return arena_alloc(arena, sizeof(struct form_out));
}

/* put - some bytes as they are */
static void
put(struct form_out *form, const char *bytes, size_t len)
{
	if (form->overflowed || len > FORM_OUT_MAX - form->len) {
		form->overflowed = true;
		return;
	}
	memcpy(form->text + form->len, bytes, len);
	form->len += len;
	form->text[form->len] = '\0';
}

/* put_escaped - a component; the bytes in keep besides the unreserved stay */
static void
put_escaped(struct form_out *form, const char *component, const char *keep)
{
	static const char unreserved[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789-._~";
	char escaped[4];

	for (; *component != '\0'; component++) {
		if (strchr(unreserved, *component) != NULL ||
		    strchr(keep, *component) != NULL) {
			put(form, component, 1);
			continue;
		}
		snprintf(escaped, sizeof escaped, "%%%02X",
		    (unsigned)(unsigned char)*component);
		put(form, escaped, 3);
	}
}

/* form_out_add - one pair */
void
form_out_add(struct form_out *form, const char *key, const char *value)
{
	if (form == NULL || value == NULL)
		return;
	if (form->len > 0)
		put(form, "&", 1);
	put_escaped(form, key, "[]");
	put(form, "=", 1);
	put_escaped(form, value, "");
}

/* form_out_add_number - one pair with a number */
void
form_out_add_number(struct form_out *form, const char *key, long value)
{
	char digits[24];

	snprintf(digits, sizeof digits, "%ld", value);
	form_out_add(form, key, digits);
}

/* form_out_text - all pairs */
const char *
form_out_text(const struct form_out *form, size_t *len)
{
	if (form == NULL || form->overflowed)
		return NULL;
	*len = form->len;
	return form->text;
}
