# program - the skeleton of every program: settings, requests, callers, check.
# It uses base.

noinst_LIBRARIES += common/program/libprogram.a
program_libs = common/program/libprogram.a $(base_libs)
common_program_libprogram_a_SOURCES = \
	common/program/bearer.c common/program/bearer.h \
	common/program/caller.c common/program/caller.h \
	common/program/checkup.c common/program/checkup.h \
	common/program/command_line.c common/program/command_line.h \
	common/program/config.c common/program/config.h \
	common/program/csrf.c common/program/csrf.h \
	common/program/doctor.c common/program/doctor.h \
	common/program/program.c \
	common/program/request.c common/program/request.h \
	common/program/request_fcgi.h \
	common/program/serve.h \
	common/program/serve_loop.c common/program/serve_loop.h \
	common/program/settings_file.c common/program/settings_file.h \
	common/program/site.c common/program/site.h \
	common/program/stats.c common/program/stats.h \
	common/program/value_check.c common/program/value_check.h

program_tests = \
	tests/unit/program/test-bearer \
	tests/unit/program/test-caller \
	tests/unit/program/test-config \
	tests/unit/program/test-csrf \
	tests/unit/program/test-doctor \
	tests/unit/program/test-program \
	tests/unit/program/test-request \
	tests/unit/program/test-site \
	tests/unit/program/test-stats \
	tests/unit/program/test-value_check
UNIT_TESTS += $(program_tests)
$(program_tests): LDADD = tests/unit/libunit.a $(program_libs) \
	$(CHECK_LIBS)
