#include "program/settings_file.h"

#ifndef SETTINGS_DIR
#define SETTINGS_DIR "/usr/local/etc/paydesk"
#endif

/* preamble - what one needs to know before one writes into it */
static void
preamble(FILE *out, const char *program)
{
	fprintf(out,
	    "# %s.env - the settings of %s\n"
	    "#\n"
	    "# NAME=value, one a line; they hold from the next start on. A line "
	    "that is\n"
	    "# commented out shows the default. All are explained in %s(8).\n"
	    "#\n"
	    "# A secret is better kept in a file of its own that holds nothing "
	    "else,\n"
	    "# " SETTINGS_DIR "/secrets/%s/NAME.\n"
	    "# A value in this file goes before that.\n\n"
	    "# how many workers there are, each serving one request at a "
	    "time\n"
	    "#PAYDESK_WORKERS=8\n",
	    program, program, program, program);
}

/* database - the program's own role, on this host */
static void
database(FILE *out, const char *program)
{
	fputs("DATABASE_URL=postgresql://paydesk_", out);
	for (; *program != '\0'; program++)
		putc(*program == '-' ? '_' : *program, out);
	fputs("@/paydesk?host=/run/postgresql\n", out);
}

/* line - commented out, unless a fresh installation needs it */
static void
line(FILE *out, const char *program, enum setting setting)
{
	const char *value = config_default(setting);

	switch (setting) {
	case DATABASE_URL:
		database(out, program);
		break;
	case STATS_DIR:
		fputs("STATS_DIR=/run/paydesk/stats\n", out);
		break;
	default:
		fprintf(out, "#%s=%s\n", config_name(setting),
		    value != NULL ? value : "");
	}
}

/* settings_file - one block a setting */
void
settings_file(FILE *out, const char *program, const enum setting *used)
{
	preamble(out, program);
	for (; *used != SETTING_END; used++) {
		fprintf(out, "\n# %s%s\n", config_help(*used),
		    config_secret(*used) ? " [secret]" : "");
		line(out, program, *used);
	}
}
