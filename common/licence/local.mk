# licence - Gumroad's events, licences and their keys. It uses catalog, mail, ops
# and what is below them.

noinst_LIBRARIES += common/licence/liblicence.a
licence_libs = common/licence/liblicence.a $(middle_libs)
common_licence_liblicence_a_SOURCES = \
	common/licence/gumroad.c common/licence/gumroad.h \
	common/licence/gumroad_books.c common/licence/gumroad_books.h \
	common/licence/gumroad_state.c common/licence/gumroad_state.h \
	common/licence/issue.c common/licence/issue.h \
	common/licence/license.c common/licence/license.h \
	common/licence/license_key.c common/licence/license_key.h

licence_tests = \
	tests/unit/licence/test-gumroad \
	tests/unit/licence/test-license \
	tests/unit/licence/test-license_key
UNIT_TESTS += $(licence_tests)
$(licence_tests): LDADD = tests/unit/libunit.a $(licence_libs) \
	$(CHECK_LIBS)
