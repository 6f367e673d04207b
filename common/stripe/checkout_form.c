#include "stripe/checkout_form.h"

#include <string.h>

#include "catalog/catalog_extra.h"
#include "stripe/stripe_words.h"

/* add_customer - who buys, and what Stripe may change of a known customer */
static void
add_customer(struct form_out *form, const struct checkout_decision *decision,
    const struct catalog_checkout *rules)
{
	if (decision->customer == NULL) {
		form_out_add(form, "customer_email", decision->email);
		return;
	}
	form_out_add(form, "customer", decision->customer);
	/* Stripe demands these of a known customer. */
	if (rules->automatic_tax)
		form_out_add(form, "customer_update[address]", "auto");
	if (rules->tax_id_collection)
		form_out_add(form, "customer_update[name]", "auto");
}

/* is_subscription - or it is paid once */
static bool
is_subscription(const struct order *order)
{
	return strcmp(order->period, "once") != 0;
}

/* add_metadata - so that every event of it names the account */
static void
add_metadata(struct form_out *form, struct arena *arena, const char *account,
    const struct order *order, const struct checkout_decision *decision)
{
	const char *const places[] = { "metadata",
		is_subscription(order) ? "subscription_data[metadata]" :
					 "payment_intent_data[metadata]" };

	form_out_add(form, "client_reference_id", account);
	for (size_t i = 0; i < 2; i++) {
		form_out_add(form,
		    arena_printf(
			arena, "%s[%s]", places[i], decision->metadata_key),
		    account);
		form_out_add(form, arena_printf(arena, "%s[plan]", places[i]),
		    decision->plan);
		form_out_add(form, arena_printf(arena, "%s[period]", places[i]),
		    order->period);
	}
}

/* add_switches - what the catalog switches on */
static void
add_switches(struct form_out *form, const struct catalog_checkout *rules)
{
	form_out_add(
	    form, "billing_address_collection", rules->billing_address);
	if (rules->promotion_codes)
		form_out_add(form, "allow_promotion_codes", "true");
	if (rules->automatic_tax)
		form_out_add(form, "automatic_tax[enabled]", "true");
	if (rules->tax_id_collection)
		form_out_add(form, "tax_id_collection[enabled]", "true");
}

/* add_kind - what only a subscription has, or only what is paid once */
static void
add_kind(struct form_out *form, const struct order *order,
    const struct checkout_decision *decision,
    const struct catalog_checkout *rules)
{
	if (!is_subscription(order)) {
		form_out_add(form, "mode", STRIPE_MODE_PAYMENT);
		form_out_add(form, "invoice_creation[enabled]", "true");
		if (decision->customer == NULL)
			form_out_add(form, "customer_creation", "always");
		return;
	}
	form_out_add(form, "mode", STRIPE_MODE_SUBSCRIPTION);
	form_out_add(form, "payment_method_collection", rules->payment_method);
	if (strcmp(decision->trial_days, "0") != 0)
		form_out_add(form, "subscription_data[trial_period_days]",
		    decision->trial_days);
}

/* checkout_form - all that Stripe is told */
struct form_out *
checkout_form(struct arena *arena, const char *account,
    const struct order *order, const struct checkout_decision *decision,
    const struct catalog_checkout *rules)
{
	struct form_out *form = form_out_new(arena);

	add_kind(form, order, decision, rules);
	form_out_add(form, "line_items[0][price]", decision->price_id);
	if (*decision->metered == 'f')
		form_out_add_number(
		    form, "line_items[0][quantity]", order->quantity);
	add_customer(form, decision, rules);
	add_metadata(form, arena, account, order, decision);
	form_out_add(form, "success_url", order->success_url);
	form_out_add(form, "cancel_url", order->cancel_url);
	form_out_add(form, "locale", order->locale);
	add_switches(form, rules);
	catalog_extra_add(rules->extra, is_subscription(order), form);
	return form;
}
