#include "stripe/stripe_words.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define LOCALE_MAX 35 /* bytes: RFC 5646, section 4.4.1 */

static const char *const checkout_locales[] = { "auto", "bg", "cs", "da", "de",
	"el", "en", "en-GB", "es", "es-419", "et", "fi", "fil", "fr", "fr-CA",
	"hi-IN", "hr", "hu", "id", "it", "ja", "ko", "lt", "lv", "ms", "mt",
	"nb", "nl", "pl", "pt", "pt-BR", "ro", "ru", "sk", "sl", "sv", "th",
	"tr", "vi", "zh", "zh-HK", "zh-TW", NULL };

static const char *const portal_locales[] = { "auto", "bg", "cs", "da", "de",
	"el", "en", "en-AU", "en-CA", "en-GB", "en-IE", "en-IN", "en-NZ",
	"en-SG", "es", "es-419", "et", "fi", "fil", "fr", "fr-CA", "hr", "hu",
	"id", "it", "ja", "ko", "lt", "lv", "ms", "mt", "nb", "nl", "pl", "pt",
	"pt-BR", "ro", "ru", "sk", "sl", "sv", "th", "tr", "vi", "zh", "zh-HK",
	"zh-TW", NULL };

/* Other names of languages, and regions that have a word which is not theirs. */
static const struct {
	const char *locale, *word;
} other_names[] = {
	{ "no", "nb" },
	{ "nn", "nb" },
	{ "tl", "fil" },
	{ "hi", "hi-IN" },
	{ "zh-Hant", "zh-TW" },
	{ "zh-Hant-HK", "zh-HK" },
	{ "zh-Hant-MO", "zh-HK" },
	{ "zh-MO", "zh-HK" },
	{ "es-AR", "es-419" },
	{ "es-CL", "es-419" },
	{ "es-CO", "es-419" },
	{ "es-MX", "es-419" },
	{ "es-PE", "es-419" },
	{ "es-US", "es-419" },
};

const struct stripe_flow stripe_flows[] = {
	{ "payment_method_update", NULL },
	{ "subscription_cancel",
	    "flow_data[subscription_cancel][subscription]" },
	{ "subscription_update",
	    "flow_data[subscription_update][subscription]" },
	{ "subscription_pause", "flow_data[subscription_pause][subscription]" },
	{ "customer_update", NULL },
	{ NULL, NULL },
};

/* stripe_locales - Checkout's or the portal's */
const char *const *
stripe_locales(enum stripe_hosted page)
{
	return page == STRIPE_CHECKOUT ? checkout_locales : portal_locales;
}

/* listed - the list's own spelling of it; NULL: it is not there */
static const char *
listed(const char *const *words, const char *locale)
{
	for (; *words != NULL; words++) {
		if (strcasecmp(*words, locale) == 0)
			return *words;
	}
	return NULL;
}

/* usual_name - the word for it that Stripe has; most often itself */
static const char *
usual_name(const char *locale)
{
	for (size_t i = 0; i < sizeof other_names / sizeof *other_names; i++) {
		if (strcasecmp(other_names[i].locale, locale) == 0)
			return other_names[i].word;
	}
	return locale;
}

/* stripe_locale - the locale, without its last part as long as none fits */
const char *
stripe_locale(enum stripe_hosted page, const char *locale)
{
	const char *const *words = stripe_locales(page);
	char rest[LOCALE_MAX + 1];
	const char *word;
	char *end;

	if (locale == NULL || strlen(locale) > LOCALE_MAX)
		return NULL;
	memcpy(rest, locale, strlen(locale) + 1);
	while ((word = listed(words, rest)) == NULL &&
	    (word = listed(words, usual_name(rest))) == NULL &&
	    (end = strrchr(rest, '-')) != NULL)
		*end = '\0';
	return word;
}

/* stripe_words_examine - one line, when the catalog names a locale */
void
stripe_words_examine(
    struct doctor *doctor, enum stripe_hosted page, const char *locale)
{
	const char *name = page == STRIPE_CHECKOUT ? "Checkout" : "the portal";
	const char *word = stripe_locale(page, locale);

	if (locale == NULL)
		return;
	if (word == NULL)
		doctor_warn(doctor, "checkout.locale",
		    "Set checkout.locale in the catalog to a locale that "
		    "Stripe's pages have, or to \"auto\".",
		    "%s is none that %s has: Stripe chooses there", locale,
		    name);
	else
		doctor_ok(doctor, "checkout.locale", "%s is %s in %s", locale,
		    word, name);
}
