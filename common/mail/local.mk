# mail - mails, and the ways to send them. It uses program and base.

noinst_LIBRARIES += common/mail/libmail.a
mail_libs = common/mail/libmail.a $(program_libs)
common_mail_libmail_a_SOURCES = \
	common/mail/mail.h \
	common/mail/mail_template.c common/mail/mail_template.h \
	common/mail/mail_text.c common/mail/mail_text.h \
	common/mail/mailer.c common/mail/mailer.h \
	common/mail/outbox.c common/mail/outbox.h \
	common/mail/postmark.c common/mail/postmark.h \
	common/mail/smtp.c common/mail/smtp.h

mail_tests = \
	tests/unit/mail/test-mail_template \
	tests/unit/mail/test-mail_text
UNIT_TESTS += $(mail_tests)
$(mail_tests): LDADD = tests/unit/libunit.a $(mail_libs) \
	$(CHECK_LIBS)
