/*
 * stripe_state.h - the state of a program that takes Stripe's events, made by
 * its setup(). The commands on those events find it as service->state.
 */
#ifndef PAYDESK_STRIPE_STATE_H
#define PAYDESK_STRIPE_STATE_H

#include "base/signature.h"
#include "stripe/stripe_intake.h"

struct stripe_state {
	struct signature_keys *keys; /* NULL: not configured */
	struct stripe_intake *intake;
};

#endif
