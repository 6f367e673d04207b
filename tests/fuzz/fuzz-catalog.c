/*
 * Input: a catalog.json. It passes, or is refused with the place of the error.
 */
#include "fuzz.h"

#include <stdbool.h>
#include <stdlib.h>

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
	FUZZ_BYTES(
	    "{\"plans\":{\"a\":{\"prices\":[{\"price\":\"p\",\"period\":"
	    "\"once\",\"days\":30},{\"price\":\"q\",\"period\":\"once\","
	    "\"license\":{\"tier\":\"core\"}}]}},\"checkout\":{\"extra\":{"
	    "\"a[b]\":\"c\"}},\"gumroad\":{\"p\":{\"tier\":\"t\","
	    "\"expires\":\"1y\",\"plans\":{\"x\":{\"tier\":\"u\"}}}}}"),
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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct arena *arena;
	const char *problem = NULL;
	char *text;
	enum rc rc;

	if (arena == NULL)
		arena = arena_new(ARENA_MAX);
	text = arena_copy(arena, data, size);
	expect(text != NULL);
	rc = catalog_check(arena, text, size, &problem);
	expect(rc == RC_OK || rc == RC_BAD_REQUEST);
	expect(rc == RC_OK || (problem != NULL && *problem != '\0'));
	arena_reset(arena);
	return 0;
}
