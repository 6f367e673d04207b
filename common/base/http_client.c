#include "base/http_client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

struct http_client {
	CURL *curl;
	bool was_sent;
	char error[CURL_ERROR_SIZE];
};

/* An answer in the making. */
struct collector {
	char *bytes;
	size_t len, room, max;
};

/* http_client_new - a handle that keeps its connections */
struct http_client *
http_client_new(void)
{
	struct http_client *client = calloc(1, sizeof *client);

	if (client == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != 0 ||
	    (client->curl = curl_easy_init()) == NULL) {
		fputs("paydesk: libcurl cannot be initialised\n", stderr);
		memory_exhausted();
	}
	return client;
}

/* http_client_free - the end */
void
http_client_free(struct http_client *client)
{
	if (client == NULL)
		return;
	curl_easy_cleanup(client->curl);
	curl_global_cleanup();
	free(client);
}

/* collect - libcurl's write callback; refusing a byte ends the call */
static size_t
collect(char *bytes, size_t size, size_t count, void *user)
{
	struct collector *collector = user;
	size_t len = size * count;
	char *grown;

	if (len > collector->max - collector->len)
		return 0;
	if (collector->len + len > collector->room) {
		size_t room = 2 * (collector->len + len);

		grown = realloc(collector->bytes, room + 1);
		if (grown == NULL)
			return 0;
		collector->bytes = grown;
		collector->room = room;
	}
	if (len > 0)
		memcpy(collector->bytes + collector->len, bytes, len);
	collector->len += len;
	return len;
}

/* set_options - everything about one call */
static CURLcode
set_options(struct http_client *client, const struct http_call *call,
    struct curl_slist *headers, struct collector *collector)
{
	CURL *curl = client->curl;

	curl_easy_reset(curl);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->error);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "paydesk/" PACKAGE_VERSION);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, call->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, call->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, collector);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	if (call->body != NULL) {
		curl_easy_setopt(curl, CURLOPT_POST, 1L);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)call->body_len);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body);
	}
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
	return curl_easy_setopt(curl, CURLOPT_URL, call->url);
}

/* make_headers - libcurl's list; NULL when there is no memory */
static struct curl_slist *
make_headers(const char *const *lines)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:"), *longer;

	for (; list != NULL && *lines != NULL; lines++) {
		longer = curl_slist_append(list, *lines);
		if (longer == NULL)
			curl_slist_free_all(list);
		list = longer;
	}
	return list;
}

/* is_sent - whether all of the body went out before the call failed */
static bool
is_sent(const struct http_client *client, const struct http_call *call)
{
	curl_off_t up = 0;

	curl_easy_getinfo(client->curl, CURLINFO_SIZE_UPLOAD_T, &up);
	return up >= (curl_off_t)call->body_len;
}

/* keep - the answer, in the arena; false: it has no room */
static bool
keep(const struct http_client *client, struct arena *arena,
    const struct collector *collector, struct http_answer *answer)
{
	curl_easy_getinfo(
	    client->curl, CURLINFO_RESPONSE_CODE, &answer->status);
	answer->body = arena_copy(arena, collector->bytes, collector->len);
	answer->body_len = collector->len;
	return answer->body != NULL;
}

/* http_client_call - one call within its deadline */
enum rc
http_client_call(struct http_client *client, struct arena *arena,
    const struct http_call *call, struct http_answer *answer)
{
	struct curl_slist *headers = make_headers(call->headers);
	struct collector collector = { .max = HTTP_ANSWER_MAX };
	CURLcode code = CURLE_OUT_OF_MEMORY;

	memset(answer, 0, sizeof *answer);
	if (call->answer_max != 0)
		collector.max = call->answer_max;
	client->error[0] = '\0';
	client->was_sent = false;
	if (headers != NULL)
		code = set_options(client, call, headers, &collector);
	if (headers != NULL && code == CURLE_OK) {
		code = curl_easy_perform(client->curl);
		if (code != CURLE_OK)
			client->was_sent = is_sent(client, call);
	}
	if (code == CURLE_OK && !keep(client, arena, &collector, answer))
		code = CURLE_OUT_OF_MEMORY;
	if (code != CURLE_OK && client->error[0] == '\0')
		snprintf(client->error, sizeof client->error, "%s",
		    curl_easy_strerror(code));
	curl_slist_free_all(headers);
	free(collector.bytes);
	return code == CURLE_OK ? RC_OK : RC_UPSTREAM;
}

/* http_client_header - of the last answer */
const char *
http_client_header(struct http_client *client, const char *name)
{
	struct curl_header *header;

	if (curl_easy_header(
		client->curl, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
		return NULL;
	return header->value;
}

/* http_client_error - why the last call had no answer */
const char *
http_client_error(const struct http_client *client)
{
	return client->error;
}

/* http_client_was_sent - all of the last call's body had left */
bool
http_client_was_sent(const struct http_client *client)
{
	return client->was_sent;
}
