# base - what has no notion of billing: text, time, memory, the database, HTTP.
# It uses libraries, and no other room.

noinst_LIBRARIES += common/base/libbase.a
base_libs = common/base/libbase.a $(libraries)
common_base_libbase_a_SOURCES = \
	common/base/arena.c common/base/arena.h \
	common/base/base64.c common/base/base64.h \
	common/base/buffer.c common/base/buffer.h \
	common/base/clock.c common/base/clock.h \
	common/base/db.c common/base/db.h \
	common/base/db_link.c common/base/db_link.h \
	common/base/form.c common/base/form.h \
	common/base/form_out.c common/base/form_out.h \
	common/base/http_client.c common/base/http_client.h \
	common/base/json.c common/base/json.h \
	common/base/json_grammar.c common/base/json_grammar.h \
	common/base/log.c common/base/log.h \
	common/base/mail_address.c common/base/mail_address.h \
	common/base/memory.c common/base/memory.h \
	common/base/moment.c common/base/moment.h \
	common/base/options.c common/base/options.h \
	common/base/percent.c common/base/percent.h \
	common/base/rc.c common/base/rc.h \
	common/base/secret.c common/base/secret.h \
	common/base/signature.c common/base/signature.h \
	common/base/table.c common/base/table.h \
	common/base/utf8.c common/base/utf8.h

base_tests = \
	tests/unit/base/test-arena \
	tests/unit/base/test-base64 \
	tests/unit/base/test-buffer \
	tests/unit/base/test-db \
	tests/unit/base/test-form \
	tests/unit/base/test-form_out \
	tests/unit/base/test-http_client \
	tests/unit/base/test-json \
	tests/unit/base/test-json_grammar \
	tests/unit/base/test-log \
	tests/unit/base/test-mail_address \
	tests/unit/base/test-moment \
	tests/unit/base/test-options \
	tests/unit/base/test-percent \
	tests/unit/base/test-rc \
	tests/unit/base/test-secret \
	tests/unit/base/test-signature \
	tests/unit/base/test-table \
	tests/unit/base/test-utf8
UNIT_TESTS += $(base_tests)
$(base_tests): LDADD = tests/unit/libunit.a $(base_libs) \
	$(CHECK_LIBS)

# The schema that the programs need, as many migrations as there are, and the
# digest of the rules beside them.
BUILT_SOURCES += common/base/schema_version.h
common/base/schema_version.h: $(srcdir)/sql $(wildcard $(srcdir)/sql/*.sql) \
		$(wildcard $(srcdir)/sql/rules/*.sql)
	@$(MKDIR_P) common/base
	@ls $(srcdir)/sql/[0-9][0-9][0-9]-*.sql | awk \
	    'END { print "#define DB_SCHEMA_VERSION " NR }' >$@
	@echo "#define DB_RULES_DIGEST \"$$($(srcdir)/sql/migrate --digest)\"" >>$@
