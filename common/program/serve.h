/*
 * serve.h - the skeleton of every program.
 *
 * A program is a table: routes, statements, settings, commands. program_main()
 * owns the rest: options, configuration, the accept loop with its limits and
 * watchdog, replies to errors, the request log. It serves when descriptor 0 is
 * a listening socket, and is a command-line tool otherwise.
 */
#ifndef PAYDESK_SERVE_H
#define PAYDESK_SERVE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "program/config.h"
#include "base/db.h"
#include "base/rc.h"
#include "program/command_line.h"
#include "program/request.h"

#define BODY_MAX 16384		/* bytes; what most endpoints accept */
#define BODY_MAX_WEBHOOK 262144 /* bytes; what webhooks accept */

/* What a running program has; state is its own, made in arena by setup(). */
struct service {
	const struct program *program;
	const struct command *command; /* NULL when serving */
	struct config *config;
	struct db *db;	     /* NULL when it has no statements */
	struct arena *arena; /* for what lives as long as the program */
	void *state;
};

/*
 * Handles a request: replies, or fails and returns why. What returns another
 * code than RC_OK without a reply gets the usual one for that code.
 */
typedef enum rc (*request_handler)(
    struct service *service, struct request *request);

struct route {
	const char *method, *path;
	size_t body_max; /* bytes */
	request_handler handle;
};

struct doctor; /* doctor.h */

struct program {
	const char *name, *summary;
	const enum setting *settings; /* ends with SETTING_END */
	const struct route *routes;   /* ends with a NULL method */
	const struct db_statement *const *const *statements; /* as db_new() */
	const struct command *const *commands; /* beside check; NULL: none */
	int db_timeout_ms; /* of a request; 0: the usual 5 s */

	/*
	 * Answers OPTIONS at any of the paths; RC_NOT_FOUND without a reply:
	 * it is a wrong method like others. May be NULL.
	 */
	request_handler options;

	/*
	 * Whether this caller may learn that there is something here; whoever
	 * may not gets the reply of an unknown path, whatever his method and
	 * body. May be NULL: everybody may.
	 */
	bool (*admits)(struct service *service, struct request *request);

	/*
	 * Makes service->state from the settings; on RC_BAD_REQUEST *problem is
	 * a sentence that names the setting. May be NULL.
	 */
	enum rc (*setup)(struct service *service, const char **problem);

	/*
	 * Adds what is right and wrong with the program's own needs to what
	 * `check` finds with every program; the database may be away. May be
	 * NULL.
	 */
	void (*examine)(struct service *service, struct doctor *doctor);
};

/* Serves or runs the command in argv; returns the exit status. */
int program_main(const struct program *program, int argc, char **argv);

#endif
