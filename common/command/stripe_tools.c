#include "command/stripe_tools.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/http_client.h"
#include "stripe/stripe_state.h"

#define FILE_MAX (1 << 20) /* bytes */
#define SEND_TIMEOUT_MS 30000
#define DELIVERY_ARENA_MAX (4 << 20) /* bytes: a file and its answer */

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

/* What the command line asks for. */
static struct {
	const char *header, *url, *account;
	int64_t at_s; /* -1: now */
} asked = { .at_s = -1 };

/* verify - the command: would a delivery with that header be accepted? */
static int
verify(struct service *service, int count, char **operands)
{
	const struct stripe_state *state = service->state;
	const char *reason, *body;
	size_t len = 0;

	(void)count, (void)operands;
	if (asked.header == NULL)
		return command_line_fail(service, EXIT_USAGE,
		    "--header H is missing: the value of Stripe-Signature");
	if (state->keys == NULL)
		return no_secret(service);
	body = read_all(service->arena, stdin, &len);
	if (body == NULL)
		return command_line_fail(service, EXIT_FAILED,
		    "cannot read the body: %s", strerror(errno));
	if (signature_verify(state->keys, asked.header, body, len,
		asked.at_s >= 0 ? asked.at_s : time(NULL), &reason) != RC_OK) {
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
	    "\"api_version\":\"2026-10-28.endive\",\"created\":%" PRId64 ","
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
deliver(struct service *service, struct arena *arena, struct http_client *http,
    const char *body, size_t len)
{
	const struct stripe_state *state = service->state;
	const char *headers[] = { "Content-Type: application/json", NULL,
		NULL };
	struct http_call call = { "POST", asked.url, headers, body, len,
		SEND_TIMEOUT_MS, 0 };
	struct http_answer answer;
	char signature[128];

	if (signature_make(state->keys, body, len, time(NULL), signature,
		sizeof signature) != RC_OK)
		return false;
	headers[1] = arena_printf(arena, "Stripe-Signature: %s", signature);
	if (http_client_call(http, arena, &call, &answer) != RC_OK) {
		command_line_fail(service, EXIT_FAILED, "%s: %s", asked.url,
		    http_client_error(http));
		return false;
	}
	printf("%ld %s\n", answer.status, answer.body);
	return answer.status == 200;
}

/* deliver_file - one of the command line's */
static bool
deliver_file(struct service *service, struct arena *arena,
    struct http_client *http, const char *path)
{
	FILE *file = fopen(path, "r");
	const char *body = NULL;
	size_t len = 0;

	if (file != NULL) {
		body = read_all(arena, file, &len);
		fclose(file);
	}
	if (body == NULL) {
		command_line_fail(service, EXIT_FAILED, "cannot read %s: %s",
		    path, strerror(errno));
		return false;
	}
	return deliver(service, arena, http, body, len);
}

/* send_events - the command: sign each file, or a sample event, and deliver it */
static int
send_events(struct service *service, int count, char **operands)
{
	const struct stripe_state *state = service->state;
	struct arena *arena;
	struct http_client *http;
	const char *body;
	bool fine = true;
	size_t len;

	if (state->keys == NULL)
		return no_secret(service);
	if (asked.url == NULL)
		asked.url = arena_printf(service->arena,
		    "http://127.0.0.1:%ld/webhooks/stripe",
		    config_long(service->config, PAYDESK_PORT));
	arena = arena_new(DELIVERY_ARENA_MAX);
	http = http_client_new();
	if (count == 0) {
		body = sample_event(arena, asked.account, &len);
		fine = body != NULL && deliver(service, arena, http, body, len);
	}
	for (int i = 0; i < count; i++) {
		fine &= deliver_file(service, arena, http, operands[i]);
		arena_reset(arena);
	}
	http_client_free(http);
	arena_free(arena);
	return fine ? EXIT_DONE : EXIT_FAILED;
}

static const struct option verify_options[] = {
	{ .name = "--header", .text = &asked.header },
	{ .name = "--at", .moment_s = &asked.at_s },
	{ .name = NULL },
};

static const struct option send_options[] = {
	{ .name = "--url", .text = &asked.url },
	{ .name = "--account", .text = &asked.account },
	{ .name = NULL },
};

const struct command stripe_tools_verify_command = {
	.name = "verify",
	.arguments = "--header H [--at UNIXTIME] < BODY",
	.help = "would this delivery be accepted, and if not, why?",
	.options = verify_options,
	.run = verify,
};

const struct command stripe_tools_send_command = {
	.name = "send",
	.arguments = "[--url URL] [--account ID] [FILE…]",
	.help = "sign and deliver events, or a sample event",
	.options = send_options,
	.operands_max = ANY_OPERANDS,
	.run = send_events,
};
