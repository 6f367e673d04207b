#include "ops/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* metrics_begin - HELP and TYPE; help is ours and needs no escape */
void
metrics_begin(
    struct buffer *out, const char *name, const char *type, const char *help)
{
	buffer_printf(
	    out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* label_value - backslash, quote and line feed are escaped */
static void
label_value(struct buffer *out, const char *value)
{
	for (; *value != '\0'; value++) {
		if (*value == '\n')
			buffer_add(out, "\\n", 2);
		else {
			if (*value == '\\' || *value == '"')
				buffer_add(out, "\\", 1);
			buffer_add(out, value, 1);
		}
	}
}

/* metrics_sample - name{key="value",…} number */
void
metrics_sample(struct buffer *out, const char *name, double value, ...)
{
	const char *key, *text;
	char separator = '{';
	va_list labels;

	buffer_add(out, name, strlen(name));
	va_start(labels, value);
	while ((key = va_arg(labels, const char *)) != NULL) {
		text = va_arg(labels, const char *);
		buffer_printf(out, "%c%s=\"", separator, key);
		label_value(out, text != NULL ? text : "");
		buffer_add(out, "\"", 1);
		separator = ',';
	}
	va_end(labels);
	buffer_printf(out, "%s %.15g\n", separator == ',' ? "}" : "", value);
}

/* metrics_histogram - each bucket holds those below it, too */
void
metrics_histogram(struct buffer *out, const char *name, const char *program,
    const struct stats *stats)
{
	char part[128], bound[32];
	uint64_t below = 0;

	snprintf(part, sizeof part, "%s_bucket", name);
	for (size_t i = 0; i < STATS_BUCKETS; i++) {
		below += stats->buckets[i];
		snprintf(bound, sizeof bound, "%g", stats_bounds[i]);
		metrics_sample(out, part, (double)below, "program", program,
		    "le", i < STATS_BUCKETS - 1 ? bound : "+Inf", NULL);
	}
	snprintf(part, sizeof part, "%s_sum", name);
	metrics_sample(out, part, (double)stats->duration_us / 1e6, "program",
	    program, NULL);
	snprintf(part, sizeof part, "%s_count", name);
	metrics_sample(out, part, (double)below, "program", program, NULL);
}
