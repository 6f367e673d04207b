# command - what operators run by hand or by timer. It uses every other room.

noinst_LIBRARIES += common/command/libcommand.a
command_libs = common/command/libcommand.a common/stripe/libstripe.a \
	common/licence/liblicence.a $(middle_libs)
common_command_libcommand_a_SOURCES = \
	common/command/catch_up.c common/command/catch_up.h \
	common/command/catch_up_pass.c common/command/catch_up_pass.h \
	common/command/catalog_tools.c common/command/catalog_tools.h \
	common/command/events.c common/command/events.h \
	common/command/events_show.c common/command/events_show.h \
	common/command/grants.c common/command/grants.h \
	common/command/gumroad_tools.c common/command/gumroad_tools.h \
	common/command/license_tools.c common/command/license_tools.h \
	common/command/link.c common/command/link.h \
	common/command/ops_sample.c common/command/ops_sample.h \
	common/command/privacy.c common/command/privacy.h \
	common/command/prune.c common/command/prune.h \
	common/command/reconcile.c common/command/reconcile.h \
	common/command/reconcile_walk.c common/command/reconcile_walk.h \
	common/command/replay.c common/command/replay.h \
	common/command/stripe_tools.c common/command/stripe_tools.h

command_tests = \
	tests/unit/command/test-events \
	tests/unit/command/test-stripe_tools
UNIT_TESTS += $(command_tests)
$(command_tests): LDADD = tests/unit/libunit.a $(command_libs) \
	$(CHECK_LIBS)
