#include "base/mail_address.h"

#include <ctype.h>
#include <string.h>

#include "base/utf8.h"

/* mail_address_valid - the strict rule */
bool
mail_address_valid(const char *email)
{
	const char *at = strchr(email, '@');
	size_t len = strlen(email);

	if (at == NULL || at == email || at[1] == '\0' ||
	    strchr(at + 1, '@') != NULL || len > MAIL_ADDRESS_MAX ||
	    at - email > 64 || !utf8_valid(email, len))
		return false;
	if (at[1] == '.' || at[1] == '-' || email[0] == '-' ||
	    email[len - 1] == '.' || strstr(at, "..") != NULL)
		return false;
	for (; *email != '\0'; email++) {
		if ((unsigned char)*email <= ' ' || *email == 0x7f ||
		    strchr("\"(),:;<>[\\]", *email) != NULL)
			return false;
	}
	return true;
}

/* mail_address_name - without blanks and quotes around it */
void
mail_address_name(char to[MAIL_NAME_MAX + 1], const char *name, size_t len)
{
	size_t kept = 0, size;

	while (len > 0 && strchr(" \t\"", *name) != NULL)
		name++, len--;
	while (len > 0 && strchr(" \t\"", name[len - 1]) != NULL)
		len--;
	while (kept < len && (size = utf8_char(name + kept, len - kept)) > 0 &&
	    kept + size <= MAIL_NAME_MAX)
		kept += size;
	memcpy(to, name, kept);
	to[kept] = '\0';
}

/* mail_address_parse - with or without a name */
bool
mail_address_parse(const char *text, struct mail_address *address)
{
	const char *open = strrchr(text, '<');
	size_t len = strlen(text);

	memset(address, 0, sizeof *address);
	for (const char *c = text; *c != '\0'; c++) {
		if (iscntrl((unsigned char)*c))
			return false;
	}
	if (!utf8_valid(text, len))
		return false;
	if (open == NULL)
		open = text;
	else {
		if (text[len - 1] != '>')
			return false;
		mail_address_name(address->name, text, (size_t)(open - text));
		open++;
		len = (size_t)(text + len - 1 - open);
	}
	if (len > MAIL_ADDRESS_MAX)
		return false;
	memcpy(address->email, open, len);
	return mail_address_valid(address->email);
}
