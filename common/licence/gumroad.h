/*
 * gumroad.h - what a delivery of Gumroad says (its "ping").
 *
 * A form without any signature; app/modules/purchase/ping_notification.rb and
 * app/modules/subscription/ping_notification.rb of antiwork/gumroad write it.
 * Custom fields, whose names a seller and whose values a buyer chooses, stand
 * among the real ones and again as custom_fields[NAME]: a field that one of
 * them may have overwritten is not believed.
 */
#ifndef PAYDESK_GUMROAD_H
#define PAYDESK_GUMROAD_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/form.h"
#include "base/rc.h"

#define GUMROAD_NAMES_MAX 8

/* All texts may be NULL, resource and order excepted. */
struct gumroad_event {
	const char *resource; /* "sale" … or what it calls itself */
	const char *order;    /* the sale's or the subscription's id, or "" */
	const char *sale, *subscription;
	const char *email, *name;
	const char *products[GUMROAD_NAMES_MAX]; /* names of the product */
	const char *plans[GUMROAD_NAMES_MAX];	 /* of its variant or plan */
	const char *product_name;
	const char *currency, *offer_code, *recurrence;
	const char *at; /* ISO 8601: when what it tells of happened */
	const char *reason;
	int64_t amount_cents; /* US cents; -1: not said */
	bool test, refunded;
};

/* A resource as the table here has it; NULL when it does not. */
const char *gumroad_resource(const char *resource);

/*
 * Reads a form. RC_BAD_REQUEST: it cannot be used, *problem is a phrase for the
 * audit row; resource and order are set as far as they are known.
 */
enum rc gumroad_read(struct arena *arena, const struct form *form,
    struct gumroad_event *event, const char **problem) MUST_CHECK;

/*
 * billing.gumroad_facts as an object, for billing.gumroad_apply(): what the
 * delivery says. The caller's to put.
 */
json_object *gumroad_facts_json(const struct gumroad_event *event);

#endif
