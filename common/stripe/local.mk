# stripe - Stripe's events, its API, the ledger. It uses catalog, mail, ops and
# what is below them.

noinst_LIBRARIES += common/stripe/libstripe.a
stripe_libs = common/stripe/libstripe.a $(middle_libs)
common_stripe_libstripe_a_SOURCES = \
	common/stripe/checkout_begin.c common/stripe/checkout_begin.h \
	common/stripe/checkout_form.c common/stripe/checkout_form.h \
	common/stripe/checkout_rivals.c common/stripe/checkout_rivals.h \
	common/stripe/customer_gone.c common/stripe/customer_gone.h \
	common/stripe/ledger.c common/stripe/ledger.h \
	common/stripe/order.c common/stripe/order.h \
	common/stripe/stripe_api.c common/stripe/stripe_api.h \
	common/stripe/stripe_ask.c common/stripe/stripe_ask.h \
	common/stripe/stripe_client.c common/stripe/stripe_client.h \
	common/stripe/stripe_doctor.c common/stripe/stripe_doctor.h \
	common/stripe/stripe_endpoint.c common/stripe/stripe_endpoint.h \
	common/stripe/stripe_event.c common/stripe/stripe_event.h \
	common/stripe/stripe_facts.c common/stripe/stripe_facts.h \
	common/stripe/stripe_facts_json.c \
	common/stripe/stripe_facts_money.c \
	common/stripe/stripe_intake.c common/stripe/stripe_intake.h \
	common/stripe/stripe_state.h \
	common/stripe/stripe_thin.c common/stripe/stripe_thin.h \
	common/stripe/stripe_types.c common/stripe/stripe_types.h \
	common/stripe/stripe_words.c common/stripe/stripe_words.h

stripe_tests = \
	tests/unit/stripe/test-ledger \
	tests/unit/stripe/test-order \
	tests/unit/stripe/test-stripe_api \
	tests/unit/stripe/test-stripe_event \
	tests/unit/stripe/test-stripe_facts \
	tests/unit/stripe/test-stripe_intake \
	tests/unit/stripe/test-stripe_words
UNIT_TESTS += $(stripe_tests)
$(stripe_tests): LDADD = tests/unit/libunit.a $(stripe_libs) \
	$(CHECK_LIBS)
