#include "command/stripe_tools.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/http_client.h"

#define FILE_MAX (1 << 20) /* bytes */
#define SEND_TIMEOUT_MS 30000

/* no_secret - neither command can work without one */
static int
no_secret(const struct service *service)
{
	return command_line_fail(
	    service, EXIT_CONFIG, "STRIPE_WEBHOOK_SECRET is not set");
}

/* read_all - a whole file, or NULL */
static char *
read_all(struct arena *arena, FILE *file, size_t *len)
{
	char *text = arena_alloc(arena, FILE_MAX + 1);

	if (text == NULL)
		return NULL;
	*len = fread(text, 1, FILE_MAX + 1, file);
	if (ferror(file) || *len > FILE_MAX) {
		if (!ferror(file))
			errno = EFBIG;
		return NULL;
	}
	return text;
}

/* stripe_tools_verify - the command */
int
stripe_tools_verify(struct service *service, const struct signature_keys *keys,
    int argc, char **argv)
{
	const char *header = NULL, *reason, *body;
	int64_t at_s = time(NULL);
	size_t len = 0;
	char *end = NULL;

	for (int i = 1; i < argc; i += 2) {
		if (i + 1 < argc && strcmp(argv[i], "--header") == 0)
			header = argv[i + 1];
		else if (i + 1 < argc && strcmp(argv[i], "--at") == 0)
			at_s = strtoll(argv[i + 1], &end, 10);
		else
			header = end = NULL, argc = 0;
	}
	if (header == NULL || (end != NULL && *end != '\0'))
		return command_line_fail(service, EXIT_USAGE,
		    "usage: verify --header H [--at UNIXTIME] < BODY");
	if (keys == NULL)
		return no_secret(service);
	body = read_all(service->arena, stdin, &len);
	if (body == NULL)
		return command_line_fail(service, EXIT_FAILED,
		    "cannot read the body: %s", strerror(errno));
	if (signature_verify(keys, header, body, len, at_s, &reason) != RC_OK) {
		printf("refused: %s\n", reason);
		return EXIT_FAILED;
	}
	printf("accepted\n");
	return EXIT_DONE;
}

/* sample_event - a subscription that begins now, with fresh ids */
static const char *
sample_event(struct arena *arena, const char *account, size_t *len)
{
	json_object *meta = json_object_new_object();
	int64_t now_s = time(NULL);
	const char *text;
	unsigned nonce = (unsigned)random();

	if (account != NULL)
		json_object_object_add(
		    meta, "account", json_object_new_string(account));
	text = arena_printf(arena,
	    "{\"id\":\"evt_sample%08x\",\"object\":\"event\","
	    "\"api_version\":\"2026-07-29.dahlia\",\"created\":%" PRId64 ","
	    "\"livemode\":false,\"type\":\"customer.subscription.created\","
	    "\"data\":{\"object\":{\"id\":\"sub_sample%08x\","
	    "\"object\":\"subscription\",\"customer\":\"cus_sample%08x\","
	    "\"status\":\"active\",\"cancel_at_period_end\":false,"
	    "\"cancel_at\":null,\"trial_end\":null,\"metadata\":%s,"
	    "\"items\":{\"object\":\"list\",\"data\":[{\"id\":\"si_sample\","
	    "\"object\":\"subscription_item\",\"quantity\":1,"
	    "\"price\":{\"id\":\"price_sample_monthly\",\"object\":\"price\","
	    "\"recurring\":{\"interval\":\"month\"}},"
	    "\"current_period_start\":%" PRId64 ","
	    "\"current_period_end\":%" PRId64 "}]}}}}",
	    nonce, now_s, nonce, nonce,
	    json_object_to_json_string_ext(meta, JSON_C_TO_STRING_PLAIN), now_s,
	    now_s + INT64_C(30) * 86400);
	json_object_put(meta);
	*len = text != NULL ? strlen(text) : 0;
	return text;
}

/* deliver - sign, post, show the answer; false unless it was a 200 */
static bool
deliver(struct service *service, const struct signature_keys *keys,
    struct http_client *http, const char *url, const char *body, size_t len)
{
	const char *headers[] = { "Content-Type: application/json", NULL,
		NULL };
	struct http_call call = { "POST", url, headers, body, len,
		SEND_TIMEOUT_MS, 0 };
	struct http_answer answer;
	char signature[128];

	if (signature_make(keys, body, len, time(NULL), signature,
		sizeof signature) != RC_OK)
		return false;
	headers[1] = arena_printf(
	    service->arena, "Stripe-Signature: %s", signature);
	if (http_client_call(http, service->arena, &call, &answer) != RC_OK) {
		command_line_fail(service, EXIT_FAILED, "%s: %s", url,
		    http_client_error(http));
		return false;
	}
	printf("%ld %s\n", answer.status, answer.body);
	return answer.status == 200;
}

/* deliver_file - one of the command line's */
static bool
deliver_file(struct service *service, const struct signature_keys *keys,
    struct http_client *http, const char *url, const char *path)
{
	FILE *file = fopen(path, "r");
	const char *body = NULL;
	size_t len = 0;

	if (file != NULL) {
		body = read_all(service->arena, file, &len);
		fclose(file);
	}
	if (body == NULL) {
		command_line_fail(service, EXIT_FAILED, "cannot read %s: %s",
		    path, strerror(errno));
		return false;
	}
	return deliver(service, keys, http, url, body, len);
}

/* stripe_tools_send - the command */
int
stripe_tools_send(struct service *service, const struct signature_keys *keys,
    int argc, char **argv)
{
	const char *url, *body, *account = NULL;
	struct http_client *http;
	size_t len;
	bool fine = true;
	int i;

	url = arena_printf(service->arena,
	    "http://127.0.0.1:%ld/webhooks/stripe",
	    config_long(service->config, PAYDESK_PORT));
	for (i = 1; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
		if (strcmp(argv[i], "--url") == 0)
			url = argv[i + 1];
		else if (strcmp(argv[i], "--account") == 0)
			account = argv[i + 1];
		else
			break;
	}
	if (i < argc && argv[i][0] == '-')
		return command_line_fail(service, EXIT_USAGE,
		    "usage: send [--url URL] [--account ID] [FILE…]");
	if (keys == NULL)
		return no_secret(service);
	http = http_client_new();
	if (i == argc) {
		body = sample_event(service->arena, account, &len);
		fine = body != NULL &&
		    deliver(service, keys, http, url, body, len);
	}
	for (; i < argc; i++)
		fine &= deliver_file(service, keys, http, url, argv[i]);
	http_client_free(http);
	return fine ? EXIT_DONE : EXIT_FAILED;
}
