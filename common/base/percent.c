#include "base/percent.h"

#include <ctype.h>
#include <string.h>

/* percent_unreserved - RFC 3986, 2.3 */
int
percent_unreserved(int byte)
{
	return byte < 0x80 &&
	    (isalnum(byte) || (byte != '\0' && strchr("-._~", byte) != NULL));
}

/* percent_encode - byte for byte */
char *
percent_encode(char *to, const char *text, size_t len, int (*keeps)(int byte))
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)text[i];

		if (keeps(byte)) {
			*to++ = (char)byte;
			continue;
		}
		*to++ = '%';
		*to++ = digits[byte >> 4];
		*to++ = digits[byte & 15];
	}
	return to;
}
