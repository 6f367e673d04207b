# catalog - what is sold. It uses program and base.

noinst_LIBRARIES += common/catalog/libcatalog.a
catalog_libs = common/catalog/libcatalog.a $(program_libs)
common_catalog_libcatalog_a_SOURCES = \
	common/catalog/catalog.c common/catalog/catalog.h \
	common/catalog/catalog_checkout.c common/catalog/catalog_checkout.h \
	common/catalog/catalog_current.c common/catalog/catalog_current.h \
	common/catalog/catalog_diff.c common/catalog/catalog_diff.h \
	common/catalog/catalog_extra.c common/catalog/catalog_extra.h \
	common/catalog/catalog_gumroad.c common/catalog/catalog_gumroad.h \
	common/catalog/catalog_prices.c common/catalog/catalog_prices.h \
	common/catalog/catalog_problem.c common/catalog/catalog_problem.h \
	common/catalog/catalog_shape.c common/catalog/catalog_shape.h \
	common/catalog/catalog_words.c common/catalog/catalog_words.h

catalog_tests = \
	tests/unit/catalog/test-catalog \
	tests/unit/catalog/test-catalog_checkout \
	tests/unit/catalog/test-catalog_shape
UNIT_TESTS += $(catalog_tests)
$(catalog_tests): LDADD = tests/unit/libunit.a $(catalog_libs) \
	$(CHECK_LIBS)
