#include "ops/html.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/percent.h"
#include "base/utf8.h"

/* struct html is never defined: it is a struct buffer by another name. */

/* html_new - doctype */
struct html *
html_new(struct arena *arena)
{
	static const char doctype[] = "<!DOCTYPE html>\n";
	struct buffer *buffer = buffer_new(arena, HTML_MAX);

	buffer_add(buffer, doctype, sizeof doctype - 1);
	return (struct html *)buffer;
}

/* add - the markup */
static void
add(struct html *html, const char *text)
{
	buffer_add((struct buffer *)html, text, strlen(text));
}

/* escape - what a byte has to be written as; NULL: as it is */
static const char *
escape(unsigned char byte)
{
	switch (byte) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	case '\t':
	case '\n':
		return NULL;
	default:
		return byte < ' ' || byte == 0x7f ? "\xef\xbf\xbd" : NULL;
	}
}

/* html_text - character by character */
void
html_text(struct html *html, const char *text)
{
	size_t left = text != NULL ? strlen(text) : 0, len;
	const char *instead;

	for (; left > 0; text += len, left -= len) {
		len = utf8_char(text, left);
		instead = len == 0 ? "\xef\xbf\xbd" :
		    len == 1	   ? escape((unsigned char)*text) :
				     NULL;
		if (len == 0)
			len = 1;
		if (instead != NULL)
			add(html, instead);
		else
			buffer_add((struct buffer *)html, text, len);
	}
}

/* html_textf - formatted */
void
html_textf(struct html *html, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	html_text(html, text);
}

/* open_tag - with the attributes that follow */
static void
open_tag(struct html *html, const char *element, va_list attributes)
{
	const char *name, *value;

	add(html, "<");
	add(html, element);
	while ((name = va_arg(attributes, const char *)) != NULL) {
		value = va_arg(attributes, const char *);
		if (value == NULL)
			continue;
		add(html, " ");
		add(html, name);
		add(html, "=\"");
		html_text(html, value);
		add(html, "\"");
	}
	add(html, ">");
}

/* html_open - <element name="value"> */
void
html_open(struct html *html, const char *element, ...)
{
	va_list attributes;

	va_start(attributes, element);
	open_tag(html, element, attributes);
	va_end(attributes);
}

/* html_close - </element> */
void
html_close(struct html *html, const char *element)
{
	add(html, "</");
	add(html, element);
	add(html, ">\n");
}

/* html_leaf - all of it */
void
html_leaf(struct html *html, const char *element, const char *text, ...)
{
	va_list attributes;

	va_start(attributes, text);
	open_tag(html, element, attributes);
	va_end(attributes);
	html_text(html, text);
	html_close(html, element);
}

/* html_end - to be sent */
const char *
html_end(const struct html *html, size_t *len)
{
	return buffer_text((const struct buffer *)html, len);
}

/* html_link - unreserved characters of RFC 3986 stay */
const char *
html_link(
    struct arena *arena, const char *path, const char *key, const char *value)
{
	char *link = arena_alloc(arena,
	    strlen(path) + strlen(key) + PERCENT_GROWTH * strlen(value) + 3);
	char *out = link;

	if (link == NULL)
		return NULL;
	out += sprintf(out, "%s?%s=", path, key);
	out = percent_encode(out, value, strlen(value), percent_unreserved);
	*out = '\0';
	return link;
}
