#include "base/json_grammar.h"

#include <string.h>

#include "base/utf8.h"

/* What is left to read. Each function below stops at the first wrong byte. */
struct reader {
	const char *at, *end;
};

static bool value(struct reader *reader, int depth);

/* next - the byte at hand; '\0', which is never right, at the end */
static char
next(const struct reader *reader)
{
	return reader->at < reader->end ? *reader->at : '\0';
}

/* take - one byte, if it is this one */
static bool
take(struct reader *reader, char byte)
{
	if (reader->at == reader->end || *reader->at != byte)
		return false;
	reader->at++;
	return true;
}

/* blanks - as many as there are */
static void
blanks(struct reader *reader)
{
	while (next(reader) == ' ' || next(reader) == '\t' ||
	    next(reader) == '\n' || next(reader) == '\r')
		reader->at++;
}

/* word - true, false or null */
static bool
word(struct reader *reader, const char *letters)
{
	while (*letters != '\0') {
		if (!take(reader, *letters++))
			return false;
	}
	return true;
}

/* digits - at least one */
static bool
digits(struct reader *reader)
{
	const char *first = reader->at;

	while (next(reader) >= '0' && next(reader) <= '9')
		reader->at++;
	return reader->at > first;
}

/* number - its integer part has no leading zero */
static bool
number(struct reader *reader)
{
	take(reader, '-');
	if (!take(reader, '0') && !digits(reader))
		return false;
	if (take(reader, '.') && !digits(reader))
		return false;
	if (!take(reader, 'e') && !take(reader, 'E'))
		return true;
	if (!take(reader, '+'))
		take(reader, '-');
	return digits(reader);
}

/* is_hexadecimal - a digit of an escaped code unit */
static bool
is_hexadecimal(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
	    (c >= 'A' && c <= 'F');
}

/* escape - what follows a backslash */
static bool
escape(struct reader *reader)
{
	if (next(reader) == '\0')
		return false;
	if (!take(reader, 'u')) {
		if (strchr("\"\\/bfnrt", next(reader)) == NULL)
			return false;
		reader->at++;
		return true;
	}
	for (int i = 0; i < 4; i++) {
		if (!is_hexadecimal(next(reader)))
			return false;
		reader->at++;
	}
	return true;
}

/* string - after its first quotation mark, to the last */
static bool
string(struct reader *reader)
{
	size_t length;

	while (!take(reader, '"')) {
		if ((unsigned char)next(reader) < ' ')
			return false;
		if (take(reader, '\\')) {
			if (!escape(reader))
				return false;
			continue;
		}
		length = utf8_char(
		    reader->at, (size_t)(reader->end - reader->at));
		if (length == 0)
			return false;
		reader->at += length;
	}
	return true;
}

/* array - after its opening bracket */
static bool
array(struct reader *reader, int depth)
{
	blanks(reader);
	if (take(reader, ']'))
		return true;
	do {
		if (!value(reader, depth))
			return false;
	} while (take(reader, ','));
	return take(reader, ']');
}

/* object - after its opening brace */
static bool
object(struct reader *reader, int depth)
{
	blanks(reader);
	if (take(reader, '}'))
		return true;
	do {
		blanks(reader);
		if (!take(reader, '"') || !string(reader))
			return false;
		blanks(reader);
		if (!take(reader, ':') || !value(reader, depth))
			return false;
	} while (take(reader, ','));
	return take(reader, '}');
}

/* value - one of any kind, at this depth, with the blanks around it */
static bool
value(struct reader *reader, int depth)
{
	bool right;

	blanks(reader);
	if (depth > JSON_DEPTH_MAX)
		return false;
	if (take(reader, '{'))
		right = object(reader, depth + 1);
	else if (take(reader, '['))
		right = array(reader, depth + 1);
	else if (take(reader, '"'))
		right = string(reader);
	else if (next(reader) == 't')
		right = word(reader, "true");
	else if (next(reader) == 'f')
		right = word(reader, "false");
	else if (next(reader) == 'n')
		right = word(reader, "null");
	else
		right = number(reader);
	if (right)
		blanks(reader);
	return right;
}

/* json_grammar - one object or array and nothing after it */
bool
json_grammar(const char *text, size_t len, size_t *wrong_at)
{
	struct reader reader = { text, text + len };
	bool right;

	blanks(&reader);
	right = (next(&reader) == '{' || next(&reader) == '[') &&
	    value(&reader, 1);
	*wrong_at = (size_t)(reader.at - text);
	return right && reader.at == reader.end;
}
