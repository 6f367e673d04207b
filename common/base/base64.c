#include "base/base64.h"

#include <string.h>

#define DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static const char digits[] = DIGITS "-_"; /* of URLs */

/* base64_encode - three bytes are four digits */
char *
base64_encode(char *to, const void *bytes, size_t len)
{
	static const char usual[] = DIGITS "+/";
	const unsigned char *from = bytes;

	for (size_t i = 0; i < len; i += 3) {
		unsigned bits = (unsigned)from[i] << 16;

		if (i + 1 < len)
			bits |= (unsigned)from[i + 1] << 8;
		if (i + 2 < len)
			bits |= from[i + 2];
		*to++ = usual[bits >> 18];
		*to++ = usual[bits >> 12 & 63];
		*to++ = i + 1 < len ? usual[bits >> 6 & 63] : '=';
		*to++ = i + 2 < len ? usual[bits & 63] : '=';
	}
	return to;
}

/* base64_url_encode - six bits a digit */
char *
base64_url_encode(struct arena *arena, const void *bytes, size_t len)
{
	const unsigned char *from = bytes;
	char *text = arena_alloc(arena, (len + 2) / 3 * 4 + 1), *to = text;
	unsigned long held = 0;
	unsigned bits = 0;

	for (size_t i = 0; text != NULL && i < len; i++) {
		held = (held << 8 | from[i]) & 0xffff;
		for (bits += 8; bits >= 6; bits -= 6)
			*to++ = digits[held >> (bits - 6) & 63];
	}
	if (text != NULL && bits > 0)
		*to = digits[held << (6 - bits) & 63];
	return text;
}

/* base64_url_decode - bits that are left over must be zero */
unsigned char *
base64_url_decode(
    struct arena *arena, const char *text, size_t text_len, size_t *len)
{
	unsigned char *bytes = arena_alloc(arena, text_len + 1), *to = bytes;
	unsigned long held = 0;
	unsigned bits = 0;

	if (bytes == NULL || text_len % 4 == 1)
		return NULL;
	for (size_t i = 0; i < text_len; i++) {
		const char *digit = text[i] != '\0' ? strchr(digits, text[i]) :
						      NULL;

		if (digit == NULL)
			return NULL;
		held = (held << 6 | (unsigned long)(digit - digits)) & 0xffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			*to++ = (unsigned char)(held >> bits);
		}
	}
	if ((held & ((1UL << bits) - 1)) != 0)
		return NULL;
	*len = (size_t)(to - bytes);
	return bytes;
}
