#include "unit.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define CAPTURE_MAX 65536 /* bytes */
#define TEST_S 30	  /* on a machine that does much else */

static struct {
	int descriptor, original, file;
	char text[CAPTURE_MAX];
} capture;

/* unit_main - one suite with one case, in TAP */
int
unit_main(const char *module, void (*add)(TCase *tests))
{
	Suite *suite = suite_create(module);
	TCase *tests = tcase_create(module);
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, TEST_S);
	add(tests);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* memory_file - a descriptor of an unnamed file with these bytes */
static int
memory_file(const void *bytes, size_t len)
{
	int file = memfd_create("unit", 0);

	ck_assert_int_ge(file, 0);
	ck_assert_int_eq(write(file, bytes, len), (ssize_t)len);
	ck_assert_int_eq(lseek(file, 0, SEEK_SET), 0);
	return file;
}

/* unit_file - nothing that anybody must remove */
const char *
unit_file(const void *bytes, size_t len)
{
	static char path[64];

	snprintf(
	    path, sizeof path, "/proc/self/fd/%d", memory_file(bytes, len));
	return path;
}

/* unit_capture - put a file in the descriptor's place */
void
unit_capture(int descriptor)
{
	fflush(NULL);
	capture.descriptor = descriptor;
	capture.original = dup(descriptor);
	capture.file = memory_file("", 0);
	ck_assert_int_eq(dup2(capture.file, descriptor), descriptor);
}

/* unit_captured - put the descriptor back, read the file */
const char *
unit_captured(void)
{
	ssize_t len;

	fflush(NULL);
	dup2(capture.original, capture.descriptor);
	len = pread(capture.file, capture.text, sizeof capture.text - 1, 0);
	ck_assert_int_ge(len, 0);
	capture.text[len] = '\0';
	close(capture.original);
	close(capture.file);
	return capture.text;
}

/* unit_input - standard input from a file */
void
unit_input(const void *bytes, size_t len)
{
	int file = memory_file(bytes, len);

	ck_assert_int_eq(dup2(file, STDIN_FILENO), STDIN_FILENO);
	close(file);
}

/* unit_assert_json - blanks aside */
void
unit_assert_json(const char *text, const char *plain)
{
	json_object *parsed = json_tokener_parse(text);

	ck_assert_str_eq(
	    json_object_to_json_string_ext(parsed,
		JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
	    plain);
	ck_assert_int_eq(text[strlen(text) - 1], '\n');
	json_object_put(parsed);
}
