/*
 * Input: a header, a line end, a body. A * in the header stands for the right
 * digest with the first secret, a # for that with the second, whatever stands
 * in t; so a search is not stopped by what nobody can guess. The verdict is
 * compared with that of a second implementation of the same rules.
 */
#include "fuzz.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/signature.h"

#define FIRST "whsec_fuzz_first"
#define SECOND "whsec_fuzz_second"
#define NOW 1700000000
#define HEADER_MAX (FUZZ_INPUT_MAX * SIGNATURE_HEX_LEN + 1) /* bytes */

const unsigned long fuzz_inputs = 20000;

const struct fuzz_bytes fuzz_seeds[] = {
	FUZZ_BYTES("t=1700000000,v1=*\n{\"id\":\"evt_1\"}"),
	FUZZ_BYTES("t=1700000000,v1=#\n{}"),
	FUZZ_BYTES("v1=#,v1=*,t=1699999700\n\0\xff"),
	FUZZ_BYTES("t=1700000300,v0=*,v1=*,\n"),
	FUZZ_BYTES("t=1700000301,v1=*\nlate"),
	FUZZ_BYTES("t=1699999699,v1=*\nearly"),
	FUZZ_BYTES("t=1700000000,t=1700000000,v1=*\nx"),
	FUZZ_BYTES("t=01700000000,v1=*\nx"),
	FUZZ_BYTES("t=+1700000000,v1=*\nx"),
	FUZZ_BYTES("t=1700000000, v1=*\nx"),
	FUZZ_BYTES("t=1700000000,v1=*0\nx"),
	FUZZ_BYTES("t=18446744075409551616,v1=*\nx"),
	FUZZ_BYTES("t=99999999999,v1=*\nx"),
	FUZZ_BYTES("I'm not even a real signature header\nx"),
	{ NULL, 0 },
};

const struct fuzz_bytes fuzz_words[] = {
	FUZZ_BYTES("t="),
	FUZZ_BYTES("v1="),
	FUZZ_BYTES("v0="),
	FUZZ_BYTES("v1=*"),
	FUZZ_BYTES("v1=#"),
	FUZZ_BYTES(","),
	FUZZ_BYTES("*"),
	FUZZ_BYTES("#"),
	FUZZ_BYTES("="),
	FUZZ_BYTES("0"),
	FUZZ_BYTES(" "),
	FUZZ_BYTES("\0"),
	FUZZ_BYTES("\n"),
	FUZZ_BYTES("t=1700000000,"),
	FUZZ_BYTES("17000000"),
	FUZZ_BYTES("00"),
	FUZZ_BYTES("300"),
	{ NULL, 0 },
};

/* A header being read. */
struct delivery {
	const char *t; /* as it stands there, up to a comma */
	size_t t_len;
	const char *body;
	size_t body_len;
};

/*
 * digest - of a delivery with a secret, in hex. Signed is the number that t
 * stands for, however it is written there.
 */
static void
digest(const struct delivery *delivery, const char *secret, char *hex)
{
	static unsigned char text[FUZZ_INPUT_MAX + 32];
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned mac_len;
	int len;

	len = sprintf((char *)text, "%lld.", strtoll(delivery->t, NULL, 10));
	memcpy(text + len, delivery->body, delivery->body_len);
	HMAC(EVP_sha256(), secret, (int)strlen(secret), text,
	    (size_t)len + delivery->body_len, mac, &mac_len);
	for (unsigned i = 0; i < mac_len; i++)
		sprintf(hex + 2 * i, "%02x", mac[i]);
}

/* next_item - the one at *header, which moves behind it; NULL at the end */
static const char *
next_item(const char **header, size_t *len)
{
	const char *item = *header;

	if (*item == '\0')
		return NULL;
	*len = strcspn(item, ",");
	*header = item + *len + (item[*len] == ',');
	return item;
}

/* find_t - the last t of the header; returns how many there are */
static int
find_t(const char *header, struct delivery *delivery)
{
	const char *item;
	size_t len;
	int count = 0;

	delivery->t = "";
	delivery->t_len = 0;
	while ((item = next_item(&header, &len)) != NULL) {
		if (len >= 2 && memcmp(item, "t=", 2) == 0) {
			delivery->t = item + 2;
			delivery->t_len = len - 2;
			count++;
		}
	}
	return count;
}

/* is_recent - a t as Stripe writes it, at most 300 s from now */
static bool
is_recent(const struct delivery *delivery)
{
	char t[32], canonical[32];
	long long seconds;

	if (delivery->t_len == 0 || delivery->t_len > 11)
		return false;
	memcpy(t, delivery->t, delivery->t_len);
	t[delivery->t_len] = '\0';
	seconds = strtoll(t, NULL, 10);
	snprintf(canonical, sizeof canonical, "%lld", seconds);
	return strcmp(t, canonical) == 0 && seconds >= NOW - 300 &&
	    seconds <= NOW + 300;
}

/* has_v1 - whether an item of the header is v1= and this digest */
static bool
has_v1(const char *header, const char *hex)
{
	char wanted[3 + SIGNATURE_HEX_LEN + 1];
	const char *item;
	size_t len;

	snprintf(wanted, sizeof wanted, "v1=%s", hex);
	while ((item = next_item(&header, &len)) != NULL) {
		if (len == strlen(wanted) && memcmp(item, wanted, len) == 0)
			return true;
	}
	return false;
}

/* expand - put digests in the places of * and # */
static void
expand(
    const char *template, char *header, const char *first, const char *second)
{
	for (; *template != '\0'; template ++) {
		if (*template == '*')
			header = stpcpy(header, first);
		else if (*template == '#')
			header = stpcpy(header, second);
		else
			*header++ = *template;
	}
	*header = '\0';
}

/* verify_own - what is made here must be accepted, and not for another body */
static void
verify_own(const struct signature_keys *keys, struct delivery *delivery)
{
	char header[128];
	const char *reason;

	if (signature_make(keys, delivery->body, delivery->body_len, NOW,
		header, sizeof header) != RC_OK ||
	    signature_verify(keys, header, delivery->body, delivery->body_len,
		NOW, &reason) != RC_OK)
		abort();
	if (delivery->body_len > 0 &&
	    signature_verify(keys, header, delivery->body,
		delivery->body_len - 1, NOW, &reason) != RC_SIGNATURE)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char template[FUZZ_INPUT_MAX + 1], header[HEADER_MAX];
	static struct signature_keys *keys;
	char first[SIGNATURE_HEX_LEN + 1], second[SIGNATURE_HEX_LEN + 1];
	struct delivery delivery;
	const char *reason = NULL;
	const uint8_t *line_end;
	bool genuine;
	size_t len;
	enum rc rc;

	if (size > FUZZ_INPUT_MAX)
		return 0;
	if (keys == NULL &&
	    (keys = signature_keys_new(FIRST " " SECOND)) == NULL)
		abort();
	line_end = memchr(data, '\n', size);
	len = line_end != NULL ? (size_t)(line_end - data) : size;
	memcpy(template, data, len);
	template[len] = '\0';
	delivery.body = (const char *)data + len + (line_end != NULL);
	delivery.body_len = size - len - (line_end != NULL);

	find_t(template, &delivery);
	digest(&delivery, FIRST, first);
	digest(&delivery, SECOND, second);
	expand(template, header, first, second);

	genuine = find_t(header, &delivery) == 1 && is_recent(&delivery);
	if (genuine) {
		digest(&delivery, FIRST, first);
		digest(&delivery, SECOND, second);
		genuine = has_v1(header, first) || has_v1(header, second);
	}
	rc = signature_verify(
	    keys, header, delivery.body, delivery.body_len, NOW, &reason);
	if (rc != (genuine ? RC_OK : RC_SIGNATURE) ||
	    (rc != RC_OK && reason == NULL))
		abort();
	verify_own(keys, &delivery);
	return 0;
}
