#include "base/utf8.h"

/*
 * utf8_char - as Unicode's table 3-7 has it, which is what PostgreSQL accepts;
 * json-c's own check lets overlong forms and surrogates pass.
 */
size_t
utf8_char(const char *text, size_t len)
{
	const unsigned char *c = (const unsigned char *)text;
	unsigned char low = 0x80, high = 0xbf;
	size_t size;

	if (len == 0)
		return 0;
	if (c[0] < 0x80)
		return 1;
	if (c[0] < 0xc2 || c[0] > 0xf4)
		return 0;
	size = c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;
	if (size > len)
		return 0;
	if (c[0] == 0xe0)
		low = 0xa0;
	else if (c[0] == 0xed)
		high = 0x9f;
	else if (c[0] == 0xf0)
		low = 0x90;
	else if (c[0] == 0xf4)
		high = 0x8f;
	if (c[1] < low || c[1] > high)
		return 0;
	for (size_t i = 2; i < size; i++) {
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	}
	return size;
}

/* utf8_valid - one character after the other */
bool
utf8_valid(const char *text, size_t len)
{
	size_t size;

	for (; len > 0; text += size, len -= size) {
		size = utf8_char(text, len);
		if (size == 0 || *text == '\0')
			return false;
	}
	return true;
}
