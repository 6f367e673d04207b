#include "mail/mail_text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/base64.h"
#include "base/utf8.h"

#define WORD_BYTES_MAX 42 /* of text in one encoded word: 75 with its frame */
#define PLAIN_MAX 60	  /* bytes of a header that is left as it is */
#define LINE_MAX_QP 75	  /* columns of a quoted-printable line before its = */

/* mail_one_line - nothing that could end a header */
char *
mail_one_line(struct arena *arena, const char *text)
{
	size_t len = strlen(text), size;
	char *line = arena_copy(arena, text, len);

	for (size_t i = 0; line != NULL && i < len; i += size) {
		size = utf8_char(line + i, len - i);
		if (size == 0) {
			size = 1;
			line[i] = '?';
		} else if (iscntrl((unsigned char)line[i]))
			line[i] = ' ';
	}
	return line;
}

/* plain - printable ASCII that no reader takes for an encoded word */
static bool
plain(const char *text)
{
	for (const char *c = text; *c != '\0'; c++) {
		if (*c < ' ' || *c > '~')
			return false;
	}
	return strstr(text, "=?") == NULL;
}

/*
 * encoded_words - RFC 2047, folded; no word ends inside a character. text is a
 * line by mail_one_line(), so it is UTF-8.
 */
static const char *
encoded_words(struct arena *arena, const char *text)
{
	size_t len = strlen(text);
	char *words = arena_alloc(arena, 3 * len + 64), *to = words;

	while (words != NULL && len > 0) {
		size_t taken = 0, size;

		while (taken < len &&
		    (size = utf8_char(text + taken, len - taken)) > 0 &&
		    taken + size <= WORD_BYTES_MAX)
			taken += size;
		to += sprintf(to, "%s=?UTF-8?B?", to == words ? "" : "\r\n ");
		to = base64_encode(to, text, taken);
		to += sprintf(to, "?=");
		text += taken;
		len -= taken;
	}
	return words;
}

/* mail_header - as it is, or encoded */
const char *
mail_header(struct arena *arena, const char *text)
{
	const char *line = mail_one_line(arena, text);

	if (line == NULL || (plain(line) && strlen(line) <= PLAIN_MAX))
		return line;
	return encoded_words(arena, line);
}

/* quoted - a quoted-string, RFC 5322 3.2.4 */
static const char *
quoted(struct arena *arena, const char *name)
{
	char *text = arena_alloc(arena, 2 * strlen(name) + 3), *to = text;

	if (text == NULL)
		return NULL;
	*to++ = '"';
	for (; *name != '\0'; name++) {
		if (*name == '"' || *name == '\\')
			*to++ = '\\';
		*to++ = *name;
	}
	*to = '"';
	return text;
}

/* mail_address_format - with the name when there is one */
const char *
mail_address_format(
    struct arena *arena, const char *name, const char *email, bool encoded)
{
	char kept[MAIL_NAME_MAX + 1] = "";
	const char *phrase;

	if (!mail_address_valid(email))
		return NULL;
	if (name != NULL) {
		if ((name = mail_one_line(arena, name)) == NULL)
			return NULL;
		mail_address_name(kept, name, strlen(name));
	}
	if (*kept == '\0')
		return arena_printf(arena, "%s", email);
	phrase = encoded && !plain(kept) ? encoded_words(arena, kept) :
					   quoted(arena, kept);
	if (phrase == NULL)
		return NULL;
	return arena_printf(arena, "%s%s<%s>", phrase,
	    encoded && strlen(phrase) > PLAIN_MAX ? "\r\n " : " ", email);
}

/* quoted_printable - RFC 2045 6.7; returns the end of what it wrote */
static char *
quoted_printable(char *to, const char *text)
{
	size_t column = 0;

	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		bool last = text[1] == '\n' || text[1] == '\0' ||
		    (text[1] == '\r' && text[2] == '\n');

		if (c == '\r' && text[1] == '\n')
			continue;
		if (c == '\n') {
			to += sprintf(to, "\r\n");
			column = 0;
			continue;
		}
		if (column + 3 > LINE_MAX_QP) {
			to += sprintf(to, "=\r\n");
			column = 0;
		}
		if ((c >= '!' && c <= '~' && c != '=' &&
			!(c == '.' && column == 0)) ||
		    (c == ' ' && !last)) {
			*to++ = (char)c;
			column += 1;
		} else {
			to += sprintf(to, "=%02X", c);
			column += 3;
		}
	}
	return to;
}

/* part - one alternative with its headers */
static char *
part(char *to, const char *boundary, const char *type, const char *text)
{
	to += sprintf(to,
	    "--%s\r\n"
	    "Content-Type: %s; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
	    boundary, type);
	to = quoted_printable(to, text);
	to += sprintf(to, "\r\n");
	return to;
}

/* rfc_date - Fri, 20 Nov 2026 21:26:00 +0000 */
static void
rfc_date(char *date, size_t size, long long date_s)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu",
		"Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May",
		"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t seconds = (time_t)date_s;
	struct tm tm;

	gmtime_r(&seconds, &tm);
	snprintf(date, size, "%s, %02d %s %d %02d:%02d:%02d +0000",
	    days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
	    tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* mail_build - headers, two parts, the end */
const char *
mail_build(struct arena *arena, const struct mail_message *message,
    long long date_s, size_t *len)
{
	const char *from, *to, *subject;
	char date[64], boundary[64], *head, *whole, *end;

	from = mail_address_format(
	    arena, message->from->name, message->from->email, true);
	to = mail_address_format(
	    arena, message->to_name, message->to_email, true);
	subject = mail_header(arena, message->subject);
	if (from == NULL || to == NULL || subject == NULL)
		return NULL;
	rfc_date(date, sizeof date, date_s);
	/* "=_" cannot come up in quoted-printable text */
	snprintf(boundary, sizeof boundary, "=_%.*s",
	    (int)strcspn(message->message_id, "@"), message->message_id);
	head = arena_printf(arena,
	    "From: %s\r\nTo: %s\r\nSubject: %s\r\nDate: %s\r\n"
	    "Message-ID: <%s>\r\nAuto-Submitted: auto-generated\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: multipart/alternative;\r\n boundary=\"%s\"\r\n\r\n",
	    from, to, subject, date, message->message_id, boundary);
	if (head == NULL)
		return NULL;
	whole = arena_alloc(arena,
	    strlen(head) + 4 * strlen(message->text) +
		4 * strlen(message->html) + 1024);
	if (whole == NULL)
		return NULL;
	end = whole + sprintf(whole, "%s", head);
	end = part(end, boundary, "text/plain", message->text);
	end = part(end, boundary, "text/html", message->html);
	end += sprintf(end, "--%s--\r\n", boundary);
	*len = (size_t)(end - whole);
	return whole;
}
