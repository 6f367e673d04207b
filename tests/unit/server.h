/*
 * server.h - a small HTTP server that answers as it is told.
 *
 * It runs in a process of its own, ends with the one that started it, and takes
 * one connection at a time. The turns are taken in order, one a request.
 */
#ifndef PAYDESK_UNIT_SERVER_H
#define PAYDESK_UNIT_SERVER_H

#include <stddef.h>

enum server_manner {
	SERVER_CLOSE,	/* answer, then close the connection */
	SERVER_KEEP,	/* answer, then wait for the next request on it */
	SERVER_TRICKLE, /* answer byte by byte, 20 ms each */
	SERVER_HANG,	/* do not answer */
	SERVER_BLURT,	/* answer before anything is asked, then close */
};

struct server_turn {
	enum server_manner manner;
	const char *answer; /* status line, headers, body: as it is sent */
	size_t filler;	    /* bytes x after it */
};

/* Returns the port on 127.0.0.1. */
int server_start(const struct server_turn *turns, size_t count);

/*
 * Stops it. Returns all requests, each after a line "connection N"; *len, where
 * wanted, is their length.
 */
const char *server_stop(size_t *len);

#endif
