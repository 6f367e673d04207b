#include "mail/smtp.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "mail/mail_text.h"

struct smtp {
	CURL *curl;
	const char *url, *ca_file;
	bool on_this_host;
	char error[CURL_ERROR_SIZE];
	char refusal[256]; /* the server's words */
};

/* A message on its way out. */
struct upload {
	const char *text;
	size_t len, taken;
};

/* close_curl - curl_easy_cleanup() as arena_defer() wants it */
static void
close_curl(void *curl)
{
	curl_easy_cleanup(curl);
	curl_global_cleanup();
}

/* names_this_host - whether a URL leads to a loopback address */
static bool
names_this_host(const char *url)
{
	static const char *const names[] = { "localhost", "127.0.0.1",
		"[::1]" };
	const char *host = strstr(url, "://") + 3, *at = strrchr(host, '@');
	size_t len;

	if (at != NULL)
		host = at + 1;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		len = strlen(names[i]);
		if (strncmp(host, names[i], len) == 0 &&
		    strchr(":/", host[len]) != NULL)
			return true;
	}
	return false;
}

/* smtp_new - a handle that keeps its connection */
struct smtp *
smtp_new(struct arena *arena, const struct config *config)
{
	struct smtp *smtp = arena_alloc(arena, sizeof *smtp);

	if (smtp == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != 0 ||
	    (smtp->curl = curl_easy_init()) == NULL ||
	    arena_defer(arena, close_curl, smtp->curl) != 0) {
		fputs("paydesk: libcurl cannot be initialised\n", stderr);
		memory_exhausted();
	}
	smtp->url = config_string(config, SMTP_URL);
	smtp->ca_file = config_string(config, SMTP_CA_FILE);
	smtp->on_this_host = names_this_host(smtp->url);
	return smtp;
}

/* give - libcurl's read callback */
static size_t
give(char *buffer, size_t size, size_t count, void *user)
{
	struct upload *upload = user;
	size_t len = upload->len - upload->taken;

	if (len > size * count)
		len = size * count;
	memcpy(buffer, upload->text + upload->taken, len);
	upload->taken += len;
	return len;
}

/* hear - libcurl's header callback: every line that the server says */
static size_t
hear(char *line, size_t size, size_t count, void *user)
{
	struct smtp *smtp = user;
	size_t len = size * count;

	if (len == 0 || (line[0] != '4' && line[0] != '5'))
		return len;
	snprintf(smtp->refusal, sizeof smtp->refusal, "%.*s",
	    (int)(len < 250 ? len : 250), line);
	smtp->refusal[strcspn(smtp->refusal, "\r\n")] = '\0';
	return len;
}

/* set_server - everything about the way there */
static CURLcode
set_server(struct smtp *smtp, long timeout_ms)
{
	CURL *curl = smtp->curl;

	smtp->error[0] = smtp->refusal[0] = '\0';
	curl_easy_reset(curl);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, smtp->error);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms);
	curl_easy_setopt(
	    curl, CURLOPT_SERVER_RESPONSE_TIMEOUT, timeout_ms / 1000 + 1);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(curl, CURLOPT_USE_SSL,
	    smtp->on_this_host ? (long)CURLUSESSL_TRY : (long)CURLUSESSL_ALL);
	if (smtp->ca_file != NULL)
		curl_easy_setopt(curl, CURLOPT_CAINFO, smtp->ca_file);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, hear);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, smtp);
	return curl_easy_setopt(curl, CURLOPT_URL, smtp->url);
}

/* set_message - everything about one message */
static CURLcode
set_message(struct smtp *smtp, const char *from, struct curl_slist *to,
    struct upload *upload)
{
	CURL *curl = smtp->curl;

	curl_easy_setopt(curl, CURLOPT_MAIL_FROM, from);
	curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
	curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
	curl_easy_setopt(curl, CURLOPT_READDATA, upload);
	return curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
}

/*
 * verdict_for - by the server's last status. When the end of the message was on
 * its way and no status came, the server may have taken it.
 */
static enum mail_verdict
verdict_for(CURLcode code, long status, const struct upload *upload)
{
	if (code == CURLE_OK)
		return MAIL_SENT;
	if (status >= 500 && status < 600)
		return MAIL_REFUSED;
	return upload->taken == upload->len && status < 400 ? MAIL_UNKNOWN :
							      MAIL_LATER;
}

/* reason - libcurl's words for a failure */
static const char *
reason(const struct smtp *smtp, CURLcode code)
{
	return *smtp->error != '\0' ? smtp->error : curl_easy_strerror(code);
}

/* smtp_send - one attempt */
void
smtp_send(struct smtp *smtp, struct arena *arena,
    const struct mail_message *message, long timeout_ms,
    struct mail_outcome *outcome)
{
	struct upload upload = { NULL, 0, 0 };
	struct curl_slist *to = NULL;
	CURLcode code;
	long status = 0;

	upload.text = mail_build(arena, message, time(NULL), &upload.len);
	if (upload.text != NULL)
		to = curl_slist_append(NULL, message->to_email);
	if (to == NULL) {
		outcome->verdict = MAIL_REFUSED;
		outcome->error = "the address or the text cannot be sent";
		return;
	}
	code = set_server(smtp, timeout_ms);
	if (code == CURLE_OK)
		code = set_message(smtp, message->from->email, to, &upload);
	if (code == CURLE_OK)
		code = curl_easy_perform(smtp->curl);
	curl_easy_getinfo(smtp->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(to);
	outcome->verdict = verdict_for(code, status, &upload);
	outcome->id = outcome->verdict == MAIL_SENT ? message->message_id :
						      NULL;
	if (outcome->verdict != MAIL_SENT)
		outcome->error = arena_printf(arena, "SMTP: %s%s%s",
		    reason(smtp, code), *smtp->refusal != '\0' ? ": " : "",
		    smtp->refusal);
}

/* advice_for - a failure to get in */
static const char *
advice_for(CURLcode code)
{
	switch (code) {
	case CURLE_LOGIN_DENIED:
		return "Correct the user and the password in SMTP_URL.";
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		return "Set SMTP_CA_FILE to a file with the certificate of the "
		       "server's authority.";
	case CURLE_USE_SSL_FAILED:
	case CURLE_SSL_CONNECT_ERROR:
		return "Have the server offer STARTTLS, or begin SMTP_URL with "
		       "smtps://.";
	default:
		return "Let this host connect to the server of SMTP_URL.";
	}
}

/* smtp_examine - all the way in, and a command that does nothing */
void
smtp_examine(struct smtp *smtp, struct doctor *doctor)
{
	CURLcode code = set_server(smtp, DOCTOR_TIMEOUT_MS);

	curl_easy_setopt(smtp->curl, CURLOPT_NOBODY, 1L);
	curl_easy_setopt(smtp->curl, CURLOPT_CUSTOMREQUEST, "NOOP");
	if (code == CURLE_OK)
		code = curl_easy_perform(smtp->curl);
	if (code == CURLE_OK)
		doctor_ok(doctor, "mail server", "lets us in");
	else
		doctor_problem(doctor, "mail server", advice_for(code),
		    "%s%s%s", reason(smtp, code),
		    *smtp->refusal != '\0' ? ": " : "", smtp->refusal);
}
