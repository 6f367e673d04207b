/*
 * Input: the body of an event. What is read from it must be what the ledger can
 * take: texts that are UTF-8, short and without NUL, numbers in their range,
 * and for every failure the name of what is wrong.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/json.h"
#include "stripe/stripe_event.h"
#include "stripe/stripe_facts.h"

#define ARENA_MAX (1 << 20) /* bytes */

const unsigned long fuzz_inputs = 40000;

const struct fuzz_bytes fuzz_seeds[] = {
	FUZZ_BYTES(
	    "{\"id\":\"evt_1\",\"object\":\"event\",\"api_version\":"
	    "\"2026-07-29.dahlia\",\"created\":1700000000,\"livemode\":false,"
	    "\"type\":\"customer.subscription.updated\",\"data\":{\"object\":{"
	    "\"id\":\"sub_1\",\"object\":\"subscription\",\"customer\":"
	    "\"cus_1\",\"status\":\"active\",\"cancel_at_period_end\":false,"
	    "\"cancel_at\":null,\"trial_end\":1700000500,\"metadata\":{"
	    "\"account\":\"acc_1\",\"plan\":\"pro\"},\"items\":{\"data\":[{"
	    "\"price\":{\"id\":\"price_m\",\"recurring\":{\"interval\":"
	    "\"month\"}},\"quantity\":3,\"current_period_start\":1700000000,"
	    "\"current_period_end\":1702592000},{\"price\":\"price_x\","
	    "\"current_period_end\":1802592000}]}},\"previous_attributes\":{"
	    "\"status\":\"trialing\"}}}"),
	FUZZ_BYTES(
	    "{\"id\":\"evt_2\",\"type\":\"customer.subscription.created\","
	    "\"created\":1700000000,\"data\":{\"object\":{\"id\":\"sub_2\","
	    "\"customer\":{\"id\":\"cus_2\"},\"status\":\"past_due\","
	    "\"quantity\":2,\"current_period_start\":1700000000,"
	    "\"current_period_end\":1702592000,\"cancel_at\":1702592000,"
	    "\"items\":{\"data\":[{\"plan\":{\"id\":\"gold\",\"interval\":"
	    "\"year\"}}]}}}}"),
	FUZZ_BYTES(
	    "{\"id\":\"evt_3\",\"type\":\"checkout.session.completed\","
	    "\"created\":1700000000,\"data\":{\"object\":{\"object\":"
	    "\"checkout.session\",\"customer\":\"cus_3\",\"subscription\":"
	    "\"sub_3\",\"payment_status\":\"paid\",\"client_reference_id\":"
	    "\"acc_3\",\"customer_details\":{\"email\":\"a@b.c\"},"
	    "\"metadata\":{\"uid\":\"acc_4\",\"period\":\"annual\"}}}}"),
	FUZZ_BYTES("{\"id\":\"evt_4\",\"type\":\"invoice.paid\",\"created\":"
		   "1700000000,\"data\":{\"object\":{\"object\":\"invoice\","
		   "\"customer\":\"cus_4\",\"customer_email\":\"\\u00e9@b.c\","
		   "\"parent\":{\"type\":\"subscription_details\","
		   "\"subscription_details\":{\"subscription\":\"sub_4\","
		   "\"metadata\":{\"account_id\":\"acc_4\"}}}}}}"),
	FUZZ_BYTES(
	    "{\"id\":\"evt_5\",\"type\":\"invoice.payment_failed\","
	    "\"created\":1700000000,\"data\":{\"object\":{\"subscription\":{"
	    "\"id\":\"sub_5\"},\"subscription_details\":{\"metadata\":{}}}}}"),
	FUZZ_BYTES(
	    "{\"id\":\"evt_6\",\"type\":\"customer.deleted\",\"created\":"
	    "1700000000,\"data\":{\"object\":{\"object\":\"customer\",\"id\":"
	    "\"cus_6\",\"email\":\"\\ud83d\\ude00@b.c\",\"deleted\":true}}}"),
	FUZZ_BYTES(
	    "{\"id\":\"evt_7\",\"object\":\"v2.core.event\",\"type\":"
	    "\"v1.customer.created\",\"created\":\"2026-10-04T15:13:32.232Z\","
	    "\"livemode\":true,\"account\":\"acct_1\"}"),
	FUZZ_BYTES("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]"
		   "]]]]]]]]]]]]]]"),
	FUZZ_BYTES("{}"),
	{ NULL, 0 },
};

const struct fuzz_bytes fuzz_words[] = {
	FUZZ_BYTES("null"),
	FUZZ_BYTES("true"),
	FUZZ_BYTES("false"),
	FUZZ_BYTES("{}"),
	FUZZ_BYTES("[]"),
	FUZZ_BYTES("[[]]"),
	FUZZ_BYTES("[{}]"),
	FUZZ_BYTES("{\"id\":\"x\"}"),
	FUZZ_BYTES("{\"id\":5}"),
	FUZZ_BYTES("\"\""),
	FUZZ_BYTES("\"x\""),
	FUZZ_BYTES("\"a@b.c\""),
	FUZZ_BYTES("\"price_m\""),
	FUZZ_BYTES("\"customer\""),
	FUZZ_BYTES("\"v2.core.event\""),
	FUZZ_BYTES("\"2026-10-04T15:13:32Z\""),
	FUZZ_BYTES("0"),
	FUZZ_BYTES("-1"),
	FUZZ_BYTES("1.5"),
	FUZZ_BYTES("1e999"),
	FUZZ_BYTES("2147483648"),
	FUZZ_BYTES("253402300800"),
	FUZZ_BYTES("9223372036854775808"),
	FUZZ_BYTES("99999999999999999999999999"),
	FUZZ_BYTES("\"\\u0000\""),
	FUZZ_BYTES("\"a\\u0000b\""),
	FUZZ_BYTES("\"\\ud800\""),
	FUZZ_BYTES("\"\\udc00\\ud800\""),
	FUZZ_BYTES("\"caf\\u00e9\""),
	FUZZ_BYTES("\"\\\""),
	FUZZ_BYTES("\"\xc3\xa9\""),
	FUZZ_BYTES("\"\xf0\x9f\x98\x80\""),
	FUZZ_BYTES("\"\xc0\x80\""),
	FUZZ_BYTES("\"\xed\xa0\x80\""),
	FUZZ_BYTES("\"\xf4\x90\x80\x80\""),
	FUZZ_BYTES("\xff"),
	FUZZ_BYTES("\0"),
	FUZZ_BYTES("\n"),
	FUZZ_BYTES("\"id\":"),
	FUZZ_BYTES("\"customer\":"),
	FUZZ_BYTES("\"metadata\":"),
	FUZZ_BYTES("\"items\":"),
	FUZZ_BYTES("\"data\":"),
	FUZZ_BYTES("\"object\":"),
	FUZZ_BYTES("\"created\":"),
	{ NULL, 0 },
};

/* expect - a promise */
static void
expect(bool kept)
{
	if (!kept)
		abort();
}

/* expect_text - UTF-8 by its definition, of a length that a getter allows */
static void
expect_text(const char *text)
{
	static const unsigned least[] = { 0, 0x80, 0x800, 0x10000 };
	const char *c = text;

	if (text == NULL)
		return;
	expect(strlen(text) <= JSON_STRING_MAX);
	while (*c != '\0') {
		unsigned first = (unsigned char)*c++, point, more;

		more = first < 0xc0 ? 0 :
		    first < 0xe0    ? 1 :
		    first < 0xf0    ? 2 :
				      3;
		point = more == 0 ? first : first & (0x3fu >> more);
		expect(first < 0x80 || (first >= 0xc0 && first < 0xf8));
		for (unsigned i = 0; i < more; i++) {
			expect(((unsigned char)*c & 0xc0) == 0x80);
			point = point << 6 | ((unsigned char)*c++ & 0x3f);
		}
		expect(point >= least[more] && point <= 0x10ffff);
		expect(point < 0xd800 || point > 0xdfff);
	}
}

/* expect_document - that the database is handed an object */
static void
expect_document(const struct stripe_facts *facts)
{
	json_object *document = stripe_facts_json(facts);

	expect(json_object_is_type(document, json_type_object));
	expect_text(json_object_to_json_string(document));
	json_object_put(document);
}

/* expect_facts - whether they came of a right object or a wrong one */
static void
expect_facts(const struct stripe_facts *facts)
{
	expect_text(facts->fact);
	expect_text(facts->customer);
	expect_text(facts->subscription);
	expect_text(facts->reference);
	expect_text(facts->email);
	expect_text(facts->status);
	expect(facts->quantity >= -1 && facts->quantity <= INT32_MAX);
	expect(facts->period_start_s >= -1 &&
	    facts->period_start_s <= JSON_TIME_MAX);
	expect(
	    facts->period_end_s >= -1 && facts->period_end_s <= JSON_TIME_MAX);
	expect(facts->trial_end_s >= -1 && facts->trial_end_s <= JSON_TIME_MAX);
	expect_document(facts);
}

/* expect_result - facts, or a problem with a name */
static void
expect_result(enum rc rc, const struct stripe_facts *facts, const char *problem)
{
	expect(rc == RC_OK || rc == RC_BAD_REQUEST);
	expect((rc == RC_OK) == (problem == NULL));
	expect_facts(facts);
}

/* read_all - the object as each kind */
static void
read_all(const struct stripe_event *event)
{
	struct stripe_facts facts, fetched;
	const char *problem;
	enum rc rc;

	stripe_facts_clear(&facts);
	stripe_facts_any(event->object, &facts);
	expect_facts(&facts);

	stripe_facts_clear(&facts);
	problem = NULL;
	rc = stripe_facts_customer(event->object, &facts, &problem);
	expect_result(rc, &facts, problem);
	expect(rc != RC_OK || *facts.customer != '\0');

	stripe_facts_clear(&facts);
	problem = NULL;
	rc = stripe_facts_invoice(event->object, &facts, &problem);
	expect_result(rc, &facts, problem);

	stripe_facts_clear(&fetched);
	problem = NULL;
	rc = stripe_facts_subscription(
	    event->object, event->previous, &fetched, &problem);
	expect_result(rc, &fetched, problem);
	expect(rc != RC_OK ||
	    (*fetched.subscription != '\0' && *fetched.status != '\0'));

	stripe_facts_clear(&facts);
	problem = NULL;
	rc = stripe_facts_checkout(event->object, &facts, &problem);
	expect_result(rc, &facts, problem);
	stripe_facts_complete(&facts, &fetched);
	expect_facts(&facts);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct arena *arena;
	struct stripe_event event;
	enum rc rc;

	if (arena == NULL) {
		arena = arena_new(ARENA_MAX);
	}
	rc = stripe_event_parse(arena, (const char *)data, size, &event);
	expect(rc == RC_OK || rc == RC_BAD_REQUEST);
	if (rc == RC_OK) {
		expect(*event.id != '\0' && strlen(event.id) <= 255);
		for (const char *c = event.id; *c != '\0'; c++)
			expect(*c > ' ' && *c < 0x7f);
		expect_text(event.type);
		expect_text(event.api_version);
		expect_text(event.account);
		expect(event.type != NULL);
		expect(event.created_s <= JSON_TIME_MAX);
		read_all(&event);
	}
	arena_reset(arena);
	return 0;
}
