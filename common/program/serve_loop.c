#include "program/serve.h"

#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "program/request_fcgi.h"
#include "program/serve_loop.h"

#define WATCHDOG_S 30 /* longest life of one request */

static volatile sig_atomic_t stopping;

/* on_term - finish the request in hand, take no other */
static void
on_term(int signal_number)
{
	(void)signal_number;
	stopping = 1;
}

/* on_alarm - a request that will not end takes its worker with it */
static void
on_alarm(int signal_number)
{
	static const char message[] =
	    "level=error msg=\"a request took over 30 s; the worker ends\"\n";
	ssize_t ignored;

	(void)signal_number;
	ignored = write(STDERR_FILENO, message, sizeof message - 1);
	(void)ignored;
	_exit(EXIT_FAILED);
}

/* serve_loop_hold_signals - until epoll_pwait() */
void
serve_loop_hold_signals(void)
{
	sigset_t held;

	sigemptyset(&held);
	sigaddset(&held, SIGTERM);
	sigaddset(&held, SIGUSR1);
	sigaddset(&held, SIGUSR2);
	sigprocmask(SIG_BLOCK, &held, NULL);
}

/*
 * catch_signals - SIGTERM and SIGUSR1 are delivered only while idle.
 *
 * So is SIGUSR2, which multiwatch passes on and after which it starts a new
 * worker: that reads all settings again, from their files.
 *
 * This replaces libfcgi's own handlers. They exist to interrupt a blocking
 * accept(); here the wait is epoll_pwait(), which opens the mask and waits in
 * one step, so a signal is never lost between a look at the flag and the wait.
 */
static void
catch_signals(sigset_t *idle_mask)
{
	struct sigaction action;

	memset(&action, 0, sizeof action);
	action.sa_handler = on_term;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGUSR2, &action, NULL);
	action.sa_handler = on_alarm;
	sigaction(SIGALRM, &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
	serve_loop_hold_signals();
	sigprocmask(SIG_BLOCK, NULL, idle_mask);
	sigdelset(idle_mask, SIGTERM);
	sigdelset(idle_mask, SIGUSR1);
	sigdelset(idle_mask, SIGUSR2);
}

/*
 * told_to_stop - epoll_pwait() that finds a caller waiting returns without a
 * look at the signals, so under load they are asked for here
 */
static bool
told_to_stop(void)
{
	sigset_t pending;

	return stopping ||
	    (sigpending(&pending) == 0 &&
		(sigismember(&pending, SIGTERM) == 1 ||
		    sigismember(&pending, SIGUSR1) == 1 ||
		    sigismember(&pending, SIGUSR2) == 1));
}

/*
 * watch_socket - an epoll on the listening socket that wakes one worker a
 * connection. The socket is made non-blocking, so that who comes too late to
 * accept goes back to waiting, and the watchdog runs only when a peer is there.
 */
static int
watch_socket(int listener)
{
	struct epoll_event event;
	int epoll, flags;

	flags = fcntl(listener, F_GETFL);
	if (flags < 0 || fcntl(listener, F_SETFL, flags | O_NONBLOCK) < 0)
		return -1;
	epoll = epoll_create1(EPOLL_CLOEXEC);
	memset(&event, 0, sizeof event);
	event.events = EPOLLIN | EPOLLEXCLUSIVE;
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0)
		return -1;
	return epoll;
}

/* allow_header - the methods that a path knows, for a 405 */
static const char *
allow_header(struct request *request, const struct route *routes)
{
	const char *allow = NULL;

	for (; routes->method != NULL; routes++) {
		if (strcmp(routes->path, request_path(request)) == 0)
			allow = allow == NULL ?
			    routes->method :
			    arena_printf(request_arena(request), "%s, %s",
				allow, routes->method);
	}
	return allow;
}

/* unknown_path - in the words of nginx/paydesk.conf, for paths and for bodies */
static void
unknown_path(struct request *request)
{
	if (request_read_body(request, BODY_MAX) == RC_OK)
		request_fail(request, RC_NOT_FOUND, "not_found",
		    "There is nothing at this path.");
}

/* find_route - by path and method; NULL after an error reply */
static const struct route *
find_route(struct request *request, const struct route *routes)
{
	const struct route *route;
	const char *allow;

	for (route = routes; route->method != NULL; route++) {
		if (strcmp(route->path, request_path(request)) == 0 &&
		    strcmp(route->method, request_method(request)) == 0)
			return route;
	}
	allow = allow_header(request, routes);
	if (allow == NULL) {
		unknown_path(request);
		return NULL;
	}
	request_header(request, "Allow", allow);
	request_fail_status(request, 405, RC_BAD_REQUEST, "method_not_allowed",
	    arena_printf(request_arena(request), "Use %s here.", allow));
	return NULL;
}

/* unavailable - 503, with the cause when that is known */
static void
unavailable(struct service *service, struct request *request, enum rc rc)
{
	const char *misfit = service->db != NULL ? db_misfit(service->db) :
						   NULL;

	if (misfit != NULL)
		misfit = arena_printf(request_arena(request),
		    "The database does not fit this program: %s.", misfit);
	request_fail(request, rc, "unavailable",
	    misfit != NULL ? misfit :
			     "The database cannot be reached or did not "
			     "confirm; try again.");
}

/* usual_reply - for a handler that failed without saying more */
static void
usual_reply(struct service *service, struct request *request, enum rc rc)
{
	switch (rc) {
	case RC_OK:
		break;
	case RC_BUSY:
	case RC_UNCERTAIN:
		unavailable(service, request, rc);
		break;
	case RC_TOO_LARGE:
		request_fail(request, rc, "payload_too_large",
		    "The request needs more memory than one may take.");
		break;
	default:
		request_fail(request, rc, rc_name(rc),
		    "The request could not be completed; see the log.");
	}
}

/* serve_one - from route to reply */
static void
serve_one(struct service *service, struct request *request)
{
	const struct program *program = service->program;
	const struct route *route;
	enum rc rc;

	if (program->admits != NULL && !program->admits(service, request)) {
		unknown_path(request);
		return;
	}
	if (program->options != NULL &&
	    strcmp(request_method(request), "OPTIONS") == 0 &&
	    allow_header(request, program->routes) != NULL &&
	    program->options(service, request) == RC_OK)
		return;
	route = find_route(request, program->routes);
	if (route == NULL ||
	    request_read_body(request, route->body_max) != RC_OK)
		return;
	rc = route->handle(service, request);
	if (!request_has_reply(request))
		usual_reply(service, request, rc);
}

/* serve_loop - until SIGTERM */
int
serve_loop(struct service *service, int listener)
{
	const struct timespec pause = { 0, 100000000 };
	struct request *request = request_new();
	struct epoll_event event;
	sigset_t idle_mask;
	FCGX_Request fcgx;
	int epoll;

	if (FCGX_Init() != 0 ||
	    FCGX_InitRequest(&fcgx, listener, FCGI_FAIL_ACCEPT_ON_INTR) != 0 ||
	    (epoll = watch_socket(listener)) < 0)
		return command_line_fail(service, EXIT_UNAVAILABLE,
		    "cannot listen on descriptor 0: %s", strerror(errno));
	catch_signals(&idle_mask);
	if (service->db != NULL)
		db_round_trips(service->db); /* those of the start */
	while (!told_to_stop()) {
		if (epoll_pwait(epoll, &event, 1, -1, &idle_mask) != 1)
			continue;
		alarm(WATCHDOG_S);
		if (FCGX_Accept_r(&fcgx) == 0) {
			request_begin(request, &fcgx);
			serve_one(service, request);
			request_send(request);
			request_end(request,
			    service->db != NULL ? db_round_trips(service->db) :
						  0);
			if (FCGX_HasSeenEOF(fcgx.in) == EOF)
				FCGX_Detach(&fcgx); /* no lingering close */
			FCGX_Finish_r(&fcgx);
		} else if (errno != EAGAIN && errno != EINTR)
			nanosleep(&pause, NULL);
		alarm(0);
	}
	FCGX_Free(&fcgx, 1);
	close(epoll);
	request_free(request);
	return EXIT_DONE;
}
