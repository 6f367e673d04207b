#include "stripe/stripe_words.h"
#include "unit.h"

/*
 * The closed words that are sent to Stripe, written down a second time. Source:
 * stripe-node 23.1.0, which is for 2026-10-28.endive,
 * cjs/resources/Checkout/Sessions.d.ts and BillingPortal/Sessions.d.ts,
 * SessionCreateParams: Locale, Mode, FlowData.Type.
 */
#define COMMON \
	" bg cs da de el es es-419 et fi fil fr fr-CA hr hu id it ja ko lt lv" \
	" ms mt nb nl pl pt pt-BR ro ru sk sl sv th tr vi zh zh-HK zh-TW "

/* Of each page: what it has besides the common ones. */
static const struct {
	enum stripe_hosted page;
	const char *words;
	size_t count;
} lists[] = {
	{ STRIPE_CHECKOUT, COMMON "auto en en-GB hi-IN ", 42 },
	{ STRIPE_PORTAL,
	    COMMON "auto en en-AU en-CA en-GB en-IE en-IN en-NZ en-SG ", 47 },
};

START_TEST(each_page_has_its_own_locales)
{
	const char *const *locales = stripe_locales(lists[_i].page);
	size_t count = 0;
	char word[20];

	for (; locales[count] != NULL; count++) {
		snprintf(word, sizeof word, " %s ", locales[count]);
		ck_assert_msg(strstr(lists[_i].words, word) != NULL, "%s",
		    locales[count]);
	}
	ck_assert_uint_eq(count, lists[_i].count);
}

START_TEST(modes_and_flows_are_stripes)
{
	static const char flows[] =
	    " payment_method_update subscription_cancel subscription_update"
	    " subscription_pause customer_update ";
	char text[80];

	ck_assert_str_eq(STRIPE_MODE_SUBSCRIPTION, "subscription");
	ck_assert_str_eq(STRIPE_MODE_PAYMENT, "payment");
	for (const struct stripe_flow *flow = stripe_flows; flow->name;
	     flow++) {
		snprintf(text, sizeof text, " %s ", flow->name);
		ck_assert_msg(strstr(flows, text) != NULL, "%s", flow->name);
		if (flow->subscription_key == NULL)
			continue;
		snprintf(text, sizeof text, "flow_data[%s][subscription]",
		    flow->name);
		ck_assert_str_eq(flow->subscription_key, text);
	}
}

/* A caller's locale, and the word for each page; NULL: left out. */
static const struct {
	const char *locale, *checkout, *portal;
} fits[] = {
	{ "auto", "auto", "auto" },
	{ "de", "de", "de" },
	{ "en-US", "en", "en" },
	{ "en-GB", "en-GB", "en-GB" },
	{ "en-AU", "en", "en-AU" },
	{ "de-AT", "de", "de" },
	{ "pt-PT", "pt", "pt" },
	{ "pt-br", "pt-BR", "pt-BR" },
	{ "zh-CN", "zh", "zh" },
	{ "zh-Hans-CN", "zh", "zh" },
	{ "zh-Hant-TW", "zh-TW", "zh-TW" },
	{ "zh-Hant-HK", "zh-HK", "zh-HK" },
	{ "no", "nb", "nb" },
	{ "no-NO", "nb", "nb" },
	{ "nn", "nb", "nb" },
	{ "hi-IN", "hi-IN", NULL },
	{ "hi", "hi-IN", NULL },
	{ "es-MX", "es-419", "es-419" },
	{ "es-ES", "es", "es" },
	{ "uk", NULL, NULL },
	{ "uk-UA", NULL, NULL },
	{ "", NULL, NULL },
	{ "en-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL, NULL },
	{ NULL, NULL, NULL },
};

START_TEST(a_locale_is_the_word_that_fits_best)
{
	const char *locale = fits[_i].locale;

	ck_assert_pstr_eq(
	    stripe_locale(STRIPE_CHECKOUT, locale), fits[_i].checkout);
	ck_assert_pstr_eq(
	    stripe_locale(STRIPE_PORTAL, locale), fits[_i].portal);
}

/* add - all of the above */
static void
add(TCase *tests)
{
	unit_add_table(tests, each_page_has_its_own_locales, lists);
	tcase_add_test(tests, modes_and_flows_are_stripes);
	unit_add_table(tests, a_locale_is_the_word_that_fits_best, fits);
}

int
main(void)
{
	return unit_main("stripe_words", add);
}
