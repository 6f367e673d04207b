#include "base/options.h"

#include <stddef.h>
#include <string.h>

/* find - the option that a word names, up to its '=' */
static const struct option_spec *
find(const struct option_spec *specs, const char *word)
{
	size_t len = strcspn(word, "=");

	for (; specs->name != NULL; specs++) {
		if (strlen(specs->name) == len &&
		    strncmp(specs->name, word, len) == 0)
			return specs;
	}
	return NULL;
}

/* options_read - set what the words ask for, keep the operands */
int
options_read(const struct option_spec *specs, int argc, char **argv)
{
	const struct option_spec *spec;
	int operands = 0;
	const char *value;
	bool ended = false;

	for (int i = 1; i < argc; i++) {
		if (ended || argv[i][0] != '-') {
			argv[++operands] = argv[i];
			continue;
		}
		if (strcmp(argv[i], "--") == 0) {
			ended = true;
			continue;
		}
		spec = find(specs, argv[i]);
		if (spec == NULL)
			return -1;
		value = strchr(argv[i], '=');
		if (spec->flag != NULL) {
			*spec->flag = true;
			if (value != NULL)
				return -1;
		} else if (value != NULL)
			*spec->text = value + 1;
		else if (i + 1 < argc)
			*spec->text = argv[++i];
		else
			return -1;
	}
	return operands;
}
