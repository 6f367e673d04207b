/*
 * serve_loop.h - the accept loop, between program_main() and libfcgi.
 */
#ifndef PAYDESK_SERVE_LOOP_H
#define PAYDESK_SERVE_LOOP_H

struct service;

/*
 * From now on SIGTERM, SIGUSR1 and SIGUSR2 wait until the loop is idle: a worker
 * that is told to end while it starts does not leave PostgreSQL in mid-sentence.
 */
void serve_loop_hold_signals(void);

/* Serves on a listening socket until SIGTERM; returns the exit status. */
int serve_loop(struct service *service, int listener);

#endif
