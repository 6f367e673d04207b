# ops - the operations pages and metrics. It uses program and base.

noinst_LIBRARIES += common/ops/libops.a
ops_libs = common/ops/libops.a $(program_libs)
common_ops_libops_a_SOURCES = \
	common/ops/chart.c common/ops/chart.h \
	common/ops/html.c common/ops/html.h \
	common/ops/metrics.c common/ops/metrics.h \
	common/ops/ops_charts.c common/ops/ops_charts.h \
	common/ops/ops_customer.c common/ops/ops_customer.h \
	common/ops/ops_decide.c common/ops/ops_decide.h \
	common/ops/ops_doubt.c common/ops/ops_doubt.h \
	common/ops/ops_forms.c common/ops/ops_forms.h \
	common/ops/ops_overview.c common/ops/ops_overview.h \
	common/ops/ops_page.c common/ops/ops_page.h

ops_tests = \
	tests/unit/ops/test-chart \
	tests/unit/ops/test-html \
	tests/unit/ops/test-metrics
UNIT_TESTS += $(ops_tests)
$(ops_tests): LDADD = tests/unit/libunit.a $(ops_libs) \
	$(CHECK_LIBS)

# The style of the operations pages, as the lines of a table.
BUILT_SOURCES += common/ops/ops_style.h
common/ops/ops_style.h: $(srcdir)/common/ops/ops.css
	@$(MKDIR_P) common/ops
	{ echo 'static const char *const ops_style[] = {' && \
	    sed 's/[\\"]/\\&/g; s/.*/"&\\n",/' $(srcdir)/common/ops/ops.css && \
	    echo '};'; } >$@
