#include "base/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/moment.h"

/* find - the option that a word names, up to its '='; NULL: there is none */
static const struct option *
find(const struct option *options, const char *word)
{
	size_t len = strcspn(word, "=");

	for (; options != NULL && options->name != NULL; options++) {
		if (strlen(options->name) == len &&
		    strncmp(options->name, word, len) == 0)
			return options;
	}
	return NULL;
}

/* read_number - whole and in its range */
static bool
read_number(const struct option *option, const char *value)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(value, &end, 10);
	if (end == value || *end != '\0' || errno != 0 ||
	    number < option->min || number > option->max)
		return false;
	*option->number = number;
	return true;
}

/* take - the value of an option that has one */
static enum rc
take(const struct option *option, const char *value,
    char problem[OPTIONS_PROBLEM_MAX])
{
	if (option->text != NULL) {
		*option->text = value;
		return RC_OK;
	}
	if (option->number != NULL) {
		if (read_number(option, value))
			return RC_OK;
		snprintf(problem, OPTIONS_PROBLEM_MAX,
		    "%s %.60s: it takes a number from %ld to %ld", option->name,
		    value, option->min, option->max);
		return RC_BAD_REQUEST;
	}
	if (moment_parse(value, (int64_t)time(NULL), option->moment_s) == RC_OK)
		return RC_OK;
	snprintf(problem, OPTIONS_PROBLEM_MAX, "%s %.60s: " MOMENT_FORMS,
	    option->name, value);
	return RC_BAD_REQUEST;
}

/* read_option - the one at words[*i], and perhaps the word after it */
static enum rc
read_option(const struct option *options, int count, char **words, int *i,
    char problem[OPTIONS_PROBLEM_MAX])
{
	const struct option *option = find(options, words[*i]);
	const char *value = strchr(words[*i], '=');

	if (option == NULL) {
		snprintf(problem, OPTIONS_PROBLEM_MAX,
		    "there is no option %.60s", words[*i]);
		return RC_BAD_REQUEST;
	}
	if (option->flag != NULL) {
		if (value == NULL) {
			*option->flag = true;
			return RC_OK;
		}
		snprintf(problem, OPTIONS_PROBLEM_MAX, "%s takes no value",
		    option->name);
		return RC_BAD_REQUEST;
	}
	if (value != NULL)
		return take(option, value + 1, problem);
	if (*i + 1 < count)
		return take(option, words[++*i], problem);
	snprintf(
	    problem, OPTIONS_PROBLEM_MAX, "%s needs a value", option->name);
	return RC_BAD_REQUEST;
}

/* options_read - set what the words ask for, keep the operands */
enum rc
options_read(const struct option *options, int count, char **words,
    int *operands, char problem[OPTIONS_PROBLEM_MAX])
{
	bool ended = false;

	*operands = 0;
	for (int i = 0; i < count; i++) {
		if (ended || words[i][0] != '-' || words[i][1] == '\0' ||
		    isdigit((unsigned char)words[i][1]))
			words[(*operands)++] = words[i];
		else if (strcmp(words[i], "--") == 0)
			ended = true;
		else if (read_option(options, count, words, &i, problem) !=
		    RC_OK)
			return RC_BAD_REQUEST;
	}
	return RC_OK;
}
