/*
 * serve_loop.h - the accept loop, between program_main() and libfcgi.
 */
#ifndef PAYDESK_SERVE_LOOP_H
#define PAYDESK_SERVE_LOOP_H

struct service;

/* Serves on a listening socket until SIGTERM; returns the exit status. */
int serve_loop(struct service *service, int listener);

#endif
