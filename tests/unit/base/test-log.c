#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "unit.h"

/* A value and how it stands in the line. */
static const struct {
	const char *value, *written;
} values[] = {
	{ "plain", " key=plain" },
	{ "evt_1Ab-/.:,{}[]~", " key=evt_1Ab-/.:,{}[]~" },
	{ "", " key=\"\"" },
	{ "two words", " key=\"two words\"" },
	{ " ", " key=\" \"" },
	{ "a=b", " key=\"a=b\"" },
	{ "say \"hi\"", " key=\"say \\\"hi\\\"\"" },
	{ "back\\slash", " key=\"back\\\\slash\"" },
	{ "\\", " key=\"\\\\\"" },
	{ "one\ntwo", " key=\"one\\x0atwo\"" },
	{ "\r\n", " key=\"\\x0d\\x0a\"" },
	{ "\t", " key=\"\\x09\"" },
	{ "\x1b[31m", " key=\"\\x1b[31m\"" },
	{ "\x7f", " key=\"\\x7f\"" },
	{ "\x01", " key=\"\\x01\"" },
	{ "caf\xc3\xa9", " key=\"caf\\xc3\\xa9\"" },
	{ "\xff", " key=\"\\xff\"" },
	{ "x\" level=error msg=\"forged",
	    " key=\"x\\\" level=error msg=\\\"forged\"" },
	{ NULL, "" },
};

START_TEST(fields_are_escaped)
{
	struct log_line line = { .len = 0 };

	log_field(&line, "key", values[_i].value);
	line.text[line.len] = '\0';
	ck_assert_str_eq(line.text, values[_i].written);
}

START_TEST(numbers_are_formatted)
{
	struct log_line line = { .len = 0 };

	log_number(&line, "status", "%d", 200);
	log_number(&line, "ms", "%.2f", 1.234);
	line.text[line.len] = '\0';
	ck_assert_str_eq(line.text, " status=200 ms=1.23");
}

/* The shape of a line with a time, x for a digit. */
START_TEST(lines_begin_with_time_and_program)
{
	static const char shape[] =
	    "time=xxxx-xx-xxTxx:xx:xx.xxxZ endpoint=stripe-webhook";
	struct log_line line;

	log_init("stripe-webhook");
	log_start(&line);
	ck_assert_uint_eq(line.len, sizeof shape - 1);
	for (size_t i = 0; i < line.len; i++) {
		if (shape[i] == 'x')
			ck_assert_int_ge(line.text[i], '0');
		if (shape[i] == 'x')
			ck_assert_int_le(line.text[i], '9');
		else
			ck_assert_int_eq(line.text[i], shape[i]);
	}
}

START_TEST(times_are_in_utc)
{
	struct log_line line;
	struct tm tm;
	time_t now = time(NULL), then;

	setenv("TZ", "Pacific/Auckland", 1);
	log_start(&line);
	line.text[line.len] = '\0';
	memset(&tm, 0, sizeof tm);
	ck_assert_ptr_nonnull(
	    strptime(line.text, "time=%Y-%m-%dT%H:%M:%S", &tm));
	then = timegm(&tm);
	ck_assert_int_ge(then, now);
	ck_assert_int_le(then, now + 20);
}

/* A datagram socket in the place of standard error shows every single write. */
START_TEST(a_line_is_one_write)
{
	struct log_line line;
	char written[2048];
	int ends[2];
	ssize_t len;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
	dup2(ends[0], STDERR_FILENO);
	log_start(&line);
	log_field(&line, "event", "evt_1");
	log_end(&line);
	len = recv(ends[1], written, sizeof written, MSG_DONTWAIT);
	ck_assert_int_gt(len, 0);
	ck_assert_int_eq(written[len - 1], '\n');
	ck_assert_ptr_eq(memchr(written, '\n', (size_t)len), &written[len - 1]);
	ck_assert_int_lt(
	    recv(ends[1], written, sizeof written, MSG_DONTWAIT), 0);
}

START_TEST(what_does_not_fit_is_cut)
{
	static const char *const fillers[] = { "x", "\n", "\"", "\xff", " " };
	char value[5000] = "";
	struct log_line line;
	const char *written;

	for (size_t i = 0; i < sizeof value - 1; i++)
		value[i] = *fillers[_i];
	unit_capture(STDERR_FILENO);
	log_start(&line);
	log_field(&line, "path", value);
	log_field(&line, "after", value);
	log_number(&line, "status", "%d", 200);
	log_end(&line);
	written = unit_captured();
	ck_assert_uint_eq(strlen(written), sizeof line.text);
	ck_assert_ptr_eq(strchr(written, '\n'), written + strlen(written) - 1);
}

START_TEST(messages_are_whole_lines)
{
	const char *written;

	log_init("portal");
	unit_capture(STDERR_FILENO);
	log_message("warn", "%s is %d bytes", "a \"body\"", 12);
	written = unit_captured();
	ck_assert_ptr_nonnull(strstr(written,
	    " endpoint=portal level=warn msg=\"a \\\"body\\\" is 12 bytes\"\n"));
}

START_TEST(long_messages_are_cut)
{
	const char *written;

	unit_capture(STDERR_FILENO);
	log_message("error", "%02000d", 7);
	written = unit_captured();
	ck_assert_uint_gt(strlen(written), 500);
	ck_assert_uint_lt(strlen(written), 1024);
	ck_assert_ptr_eq(strchr(written, '\n'), written + strlen(written) - 1);
}

/* add - all tests */
static void
add(TCase *tests)
{
	unit_add_table(tests, fields_are_escaped, values);
	tcase_add_test(tests, numbers_are_formatted);
	tcase_add_test(tests, lines_begin_with_time_and_program);
	tcase_add_test(tests, times_are_in_utc);
	tcase_add_test(tests, a_line_is_one_write);
	tcase_add_loop_test(tests, what_does_not_fit_is_cut, 0, 5);
	tcase_add_test(tests, messages_are_whole_lines);
	tcase_add_test(tests, long_messages_are_cut);
}

int
main(void)
{
	return unit_main("log", add);
}
