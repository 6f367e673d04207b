#include "base/form_out.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/percent.h"

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

/* is_key - what stays as it is in a key such as items[0][price] */
static int
is_key(int byte)
{
	return byte == '[' || byte == ']' || percent_unreserved(byte);
}

/* put_encoded - a component */
static void
put_encoded(struct form_out *form, const char *component, int (*keeps)(int))
{
	char encoded[PERCENT_GROWTH];

	for (; *component != '\0'; component++)
		put(form, encoded,
		    (size_t)(percent_encode(encoded, component, 1, keeps) -
			encoded));
}

/* form_out_add - one pair */
void
form_out_add(struct form_out *form, const char *key, const char *value)
{
	if (form == NULL || value == NULL)
		return;
	if (form->len > 0)
		put(form, "&", 1);
	put_encoded(form, key, is_key);
	put(form, "=", 1);
	put_encoded(form, value, percent_unreserved);
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
