#include "program/doctor.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/signature.h"
#include "base/table.h"

#define CLOCK_WARNING_S 30

enum result {
	RESULT_OK,
	RESULT_WARNING,
	RESULT_PROBLEM,
};

struct finding {
	enum result result;
	const char *subject, *words;
	const char *advice; /* NULL: there is nothing to do */
	struct finding *next;
};

struct doctor {
	struct arena *arena;
	bool offline;
	struct finding *first, **end;
	size_t counts[3]; /* by result */
};

static const char *const result_names[] = {
	[RESULT_OK] = "ok",
	[RESULT_WARNING] = "warning",
	[RESULT_PROBLEM] = "problem",
};

/* out_of_memory - a report with a gap would say that all is well */
static _Noreturn void
out_of_memory(void)
{
	fputs("paydesk: out of memory\n", stderr);
	memory_exhausted();
}

/* doctor_new - without findings */
struct doctor *
doctor_new(struct arena *arena, bool offline)
{
	struct doctor *doctor = arena_alloc(arena, sizeof *doctor);

	if (doctor == NULL)
		out_of_memory();
	doctor->arena = arena;
	doctor->offline = offline;
	doctor->end = &doctor->first;
	return doctor;
}

/* doctor_online - as the caller wished */
bool
doctor_online(const struct doctor *doctor)
{
	return !doctor->offline;
}

/* find - add a finding */
static void __attribute__((format(printf, 5, 0)))
find(struct doctor *doctor, enum result result, const char *subject,
    const char *advice, const char *format, va_list args)
{
	struct finding *finding = arena_alloc(doctor->arena, sizeof *finding);
	char words[512];

	vsnprintf(words, sizeof words, format, args);
	if (finding == NULL ||
	    (finding->subject = arena_printf(doctor->arena, "%s", subject)) ==
		NULL ||
	    (finding->words = arena_printf(doctor->arena, "%s", words)) ==
		NULL ||
	    (advice != NULL &&
		(finding->advice = arena_printf(doctor->arena, "%s", advice)) ==
		    NULL))
		out_of_memory();
	finding->result = result;
	*doctor->end = finding;
	doctor->end = &finding->next;
	doctor->counts[result]++;
}

/* doctor_ok - nothing to do */
void
doctor_ok(struct doctor *doctor, const char *subject, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	find(doctor, RESULT_OK, subject, NULL, format, args);
	va_end(args);
}

/* doctor_warn - something to do some time */
void
doctor_warn(struct doctor *doctor, const char *subject, const char *advice,
    const char *format, ...)
{
	va_list args;

	va_start(args, format);
	find(doctor, RESULT_WARNING, subject, advice, format, args);
	va_end(args);
}

/* doctor_problem - something to do now */
void
doctor_problem(struct doctor *doctor, const char *subject, const char *advice,
    const char *format, ...)
{
	va_list args;

	va_start(args, format);
	find(doctor, RESULT_PROBLEM, subject, advice, format, args);
	va_end(args);
}

/* doctor_clock - by how far it is off */
void
doctor_clock(struct doctor *doctor, const char *subject, double ahead_s)
{
	static const char advice[] =
	    "Have the clocks set by NTP: beyond 300 s the signatures of "
	    "deliveries are refused.";
	const char *direction = ahead_s > 0 ? "ahead of" : "behind";
	double off_s = ahead_s < 0 ? -ahead_s : ahead_s;

	if (off_s > SIGNATURE_TOLERANCE_S)
		doctor_problem(doctor, subject, advice, "%.0f s %s ours", off_s,
		    direction);
	else if (off_s > CLOCK_WARNING_S)
		doctor_warn(doctor, subject, advice, "%.0f s %s ours", off_s,
		    direction);
	else
		doctor_ok(doctor, subject, "agrees with ours");
}

/* print_table - for a person the advice has a line of its own */
static void
print_table(const struct doctor *doctor, bool as_json, FILE *out)
{
	static const char *const of_json[] = { "result", "subject", "finding",
		"advice", NULL };
	static const char *const of_text[] = { "result", "subject", "finding",
		NULL };
	struct table *table = table_new(as_json ? of_json : of_text);

	if (table == NULL)
		out_of_memory();
	for (const struct finding *finding = doctor->first; finding != NULL;
	     finding = finding->next) {
		const char *cells[] = { result_names[finding->result],
			finding->subject, finding->words, finding->advice };
		const char *below[] = { NULL, NULL, finding->advice };

		table_row(table, cells);
		if (!as_json && finding->advice != NULL)
			table_row(table, below);
	}
	table_print(table, as_json, out);
	table_free(table);
}

/* doctor_report - the findings, and for a person what they come to */
bool
doctor_report(const struct doctor *doctor, bool as_json, FILE *out)
{
	size_t problems = doctor->counts[RESULT_PROBLEM];
	size_t warnings = doctor->counts[RESULT_WARNING];

	print_table(doctor, as_json, out);
	if (!as_json)
		fprintf(out, "\n%zu problem%s, %zu warning%s\n", problems,
		    problems == 1 ? "" : "s", warnings,
		    warnings == 1 ? "" : "s");
	return problems == 0;
}
