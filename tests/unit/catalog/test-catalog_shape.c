#include <string.h>

#include "base/json.h"
#include "catalog/catalog_shape.h"
#include "unit.h"

static struct arena *arena;

/* set_up - room for a document */
static void
set_up(void)
{
	arena = arena_new(1 << 20);
}

/* tear_down - the end */
static void
tear_down(void)
{
	arena_free(arena);
}

/* unread_in - what is said of a document */
static const char *
unread_in(const char *text)
{
	json_object *document;

	ck_assert_int_eq(
	    json_parse(arena, text, strlen(text), &document), RC_OK);
	return catalog_shape_unread(arena, document);
}

static const char *const read[] = {
	"{}",
	"{\"default_plan\":\"a\",\"free\":{\"features\":[\"b\"]}}",
	"{\"plans\":{\"a\":{\"monthly\":{\"price\":\"p\",\"trial_days\":7},"
	"\"annual\":{\"price\":\"q\"},\"features\":{\"any\":{\"thing\":1}}}}}",
	"{\"gumroad\":{\"p\":{\"tier\":\"t\",\"plans\":{\"x\":{\"tier\":\"u\"}}}"
	"}}",
	"{\"checkout\":{\"locale\":\"auto\",\"return_urls\":[]}}",
	"{\"_note\":{\"a\":1},\"plans\":{\"a\":{\"_why\":\"x\"}}}",
	"{\"plans\":[1,2],\"checkout\":\"x\",\"gumroad\":null}",
};

START_TEST(what_is_known_passes)
{
	ck_assert_ptr_null(unread_in(read[_i]));
}

static const struct {
	const char *document, *sentence;
} unread[] = {
	{ "{\"plan\":{}}",
	    "plan is not known; known there: default_plan, plans, free, "
	    "checkout, gumroad" },
	{ "{\"plans\":{\"a\":{\"monthly\":{\"trial_day\":7}}}}",
	    "plans.a.monthly.trial_day is not known; known there: price, "
	    "trial_days, sold" },
	{ "{\"plans\":{\"a\":{\"prices\":[{},{\"day\":1}]}}}",
	    "plans.a.prices[1].day is not known; known there: price, period, "
	    "trial_days, sold, days, license" },
	{ "{\"plans\":{\"a\":{\"yearly\":{}}}}",
	    "plans.a.yearly is not known; known there: monthly, annual, "
	    "prices, products, features, rank, addon, per_seat" },
	{ "{\"free\":{\"feature\":[]}}",
	    "free.feature is not known; known there: features" },
	{ "{\"checkout\":{\"taxes\":true}}",
	    "checkout.taxes is not known; known there: automatic_tax, " },
	{ "{\"gumroad\":{\"p\":{\"plans\":{\"x\":{\"teir\":\"u\"}}}}}",
	    "gumroad.p.plans.x.teir is not known; known there: tier" },
	{ "{\"default_plan\":\"a\",\"Plans\":{}}", "Plans is not known; " },
};

START_TEST(what_nobody_reads_is_named_with_its_place)
{
	const char *sentence = unread_in(unread[_i].document);

	ck_assert_ptr_nonnull(sentence);
	unit_assert_begins(sentence, unread[_i].sentence);
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	unit_add_table(tests, what_is_known_passes, read);
	unit_add_table(
	    tests, what_nobody_reads_is_named_with_its_place, unread);
}

int
main(void)
{
	return unit_main("catalog_shape", add);
}
