/*
 * Input: a catalog.json. It is loaded, or refused with the place of the error;
 * what is loaded is a price with a plan and a period.
 */
#include "fuzz.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "catalog/catalog.h"

#define ARENA_MAX (4 << 20) /* bytes, as a program's */

const unsigned long fuzz_inputs = 3000;

const struct fuzz_bytes fuzz_seeds[] = {
	FUZZ_BYTES(
	    "{\"default_plan\":\"pro\",\"plans\":{\"pro\":{\"monthly\":{"
	    "\"price\":\"price_m\"},\"annual\":{\"price\":\"price_a\","
	    "\"trial_days\":14}},\"team\":{\"annual\":{\"price\":\"price_t\","
	    "\"trial_days\":730}}},\"gumroad\":{\"id\":{\"tier\":\"core\"}}}"),
	FUZZ_BYTES("{\"plans\":{\"a\":{\"monthly\":{\"price\":\"price_m\"}},"
		   "\"b\":{\"monthly\":{\"price\":\"price_m\"}}}}"),
	FUZZ_BYTES("{\"plans\":{}}"),
	FUZZ_BYTES("{\"plans\":{\"pro\":null}}"),
	FUZZ_BYTES("{}"),
	{ NULL, 0 },
};

const struct fuzz_bytes fuzz_words[] = {
	FUZZ_BYTES("\"plans\":"),
	FUZZ_BYTES("\"default_plan\":"),
	FUZZ_BYTES("\"monthly\":"),
	FUZZ_BYTES("\"annual\":"),
	FUZZ_BYTES("\"price\":"),
	FUZZ_BYTES("\"trial_days\":"),
	FUZZ_BYTES("\"price_a\""),
	FUZZ_BYTES("\"pro\":{"),
	FUZZ_BYTES("null"),
	FUZZ_BYTES("{}"),
	FUZZ_BYTES("[]"),
	FUZZ_BYTES("\"\""),
	FUZZ_BYTES("-1"),
	FUZZ_BYTES("731"),
	FUZZ_BYTES("1e5"),
	FUZZ_BYTES("99999999999999999999"),
	FUZZ_BYTES("\\u0000"),
	FUZZ_BYTES("%s%n"),
	FUZZ_BYTES("\0"),
	FUZZ_BYTES("\xff"),
	{ NULL, 0 },
};

/* expect - a promise */
static void
expect(bool kept)
{
	if (!kept)
		abort();
}

/* expect_price - what a price that is found must be */
static void
expect_price(const struct catalog *catalog, const char *price_id)
{
	const struct catalog_price *price;

	price = catalog_find_price(catalog, price_id);
	if (price == NULL)
		return;
	expect(strcmp(price->price_id, price_id) == 0);
	expect(price->plan != NULL);
	expect(strcmp(price->period, "monthly") == 0 ||
	    strcmp(price->period, "annual") == 0);
	expect(price->trial_days >= 0 && price->trial_days <= 730);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct arena *arena;
	static char path[64];
	static int file;
	struct catalog *catalog;
	const char *problem = NULL;
	enum rc rc;

	if (arena == NULL) {
		arena = arena_new(ARENA_MAX);
		file = memfd_create("catalog", 0);
		snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	}
	expect(ftruncate(file, 0) == 0 &&
	    pwrite(file, data, size, 0) == (ssize_t)size);
	rc = catalog_load(arena, path, &catalog, &problem);
	expect(rc == RC_OK || rc == RC_BAD_REQUEST);
	if (rc == RC_BAD_REQUEST)
		expect(
		    problem != NULL && strncmp(problem, "CATALOG: ", 9) == 0);
	else {
		expect(catalog_find_price(catalog, "") == NULL);
		expect_price(catalog, "price_m");
		expect_price(catalog, "price_a");
		expect_price(catalog, "price_t");
	}
	arena_reset(arena);
	return 0;
}
