#include "stripe/order.h"

#include <string.h>

#include "base/json.h"
#include "stripe/stripe_words.h"

#define CODE_MAX 64 /* bytes of a referral code */

/* wrong - 400 */
static enum rc
wrong(struct request *request, const char *code, const char *detail)
{
	return request_fail(request, RC_BAD_REQUEST, code, detail);
}

/* read_offer - what is bought, and for how long */
static enum rc
read_offer(struct request *request, json_object *body, struct order *order)
{
	if (json_string(body, "cadence", &order->period) != RC_OK ||
	    *order->period == '\0')
		return wrong(request, "invalid_cadence",
		    "cadence must be \"monthly\", \"annual\" or another "
		    "period that the catalog sells.");
	if (json_string(body, "plan", &order->plan) == RC_BAD_REQUEST)
		return wrong(
		    request, "unknown_plan", "There is no plan of this name.");
	return RC_OK;
}

/* read_quantity - a whole number, 1 when not given */
static enum rc
read_quantity(const struct catalog_checkout *rules, struct request *request,
    json_object *body, struct order *order)
{
	long max = rules->quantity_max;
	int64_t quantity = 1;

	if (json_integer(body, "quantity", 1, max, &quantity) == RC_BAD_REQUEST)
		return wrong(request, "invalid_quantity",
		    arena_printf(request_arena(request),
			"quantity must be a whole number from 1 to %ld.", max));
	order->quantity = (long)quantity;
	return RC_OK;
}

/* read_texts - referral code and locale */
static enum rc
read_texts(const struct catalog_checkout *rules, struct request *request,
    json_object *body, struct order *order)
{
	if (json_string(body, "referral_code", &order->referral_code) ==
		RC_BAD_REQUEST ||
	    (order->referral_code != NULL &&
		strlen(order->referral_code) > CODE_MAX))
		return wrong(request, "invalid_referral_code",
		    "referral_code must be a text of at most 64 characters.");
	if (order->referral_code != NULL && *order->referral_code == '\0')
		order->referral_code = NULL;
	if (json_string(body, "locale", &order->locale) == RC_BAD_REQUEST ||
	    (order->locale != NULL && !catalog_locale(order->locale)))
		return wrong(request, "invalid_locale",
		    "locale must be \"auto\" or a locale such as \"de\".");
	if (order->locale == NULL)
		order->locale = rules->locale;
	order->locale = stripe_locale(STRIPE_CHECKOUT, order->locale);
	return RC_OK;
}

/* read_url - a page to which the customer may be sent, or the usual one */
static enum rc
read_url(const struct catalog_checkout *rules, const struct site *site,
    struct request *request, json_object *body, const char *key,
    const char *usual, const char **url)
{
	enum rc rc = json_string(body, key, url);

	if (rc == RC_NOT_FOUND)
		*url = site_page(site, request_arena(request), usual);
	else if (rc != RC_OK ||
	    !site_may_return(site, *url, rules->return_urls))
		return wrong(request, "invalid_return_url",
		    arena_printf(request_arena(request),
			"%s must be a page of SITE_URL, or of one that the "
			"catalog allows.",
			key));
	return RC_OK;
}

/* read_key - the caller's own Idempotency-Key */
static enum rc
read_key(struct request *request, struct order *order)
{
	const char *key = request_param(request, "HTTP_IDEMPOTENCY_KEY"), *c;

	if (key == NULL)
		return RC_OK;
	for (c = key; *c > ' ' && *c < 0x7f; c++)
		;
	if (c == key || *c != '\0' || c - key > ORDER_KEY_MAX)
		return wrong(request, "invalid_idempotency_key",
		    "Idempotency-Key must be 1 to 255 printable ASCII "
		    "characters without blanks.");
	order->client_key = key;
	return RC_OK;
}

/* or_none - a text in the canonical form */
static const char *
or_none(const char *text)
{
	return text != NULL ? text : "-";
}

/* order_read - all of it */
enum rc
order_read(const struct catalog_checkout *rules, const struct site *site,
    struct request *request, struct order *order)
{
	json_object *body;
	enum rc rc;

	memset(order, 0, sizeof *order);
	if ((rc = request_json(request, false, &body)) != RC_OK ||
	    (rc = read_offer(request, body, order)) != RC_OK ||
	    (rc = read_quantity(rules, request, body, order)) != RC_OK ||
	    (rc = read_texts(rules, request, body, order)) != RC_OK ||
	    (rc = read_url(rules, site, request, body, "success_url",
		 "/settings?upgraded=1", &order->success_url)) != RC_OK ||
	    (rc = read_url(rules, site, request, body, "cancel_url", "/pricing",
		 &order->cancel_url)) != RC_OK ||
	    (rc = read_key(request, order)) != RC_OK)
		return rc;
	order->canonical = arena_printf(request_arena(request), "%ld %s %s %s",
	    order->quantity, or_none(order->locale),
	    or_none(order->success_url), or_none(order->cancel_url));
	return order->canonical != NULL ? RC_OK : RC_TOO_LARGE;
}
