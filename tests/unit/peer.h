/*
 * peer.h - a FastCGI request without FastCGI: libfcgi's streams are plain
 * buffers here, one that is read and one that is written.
 */
#ifndef PAYDESK_PEER_H
#define PAYDESK_PEER_H

#include <fcgiapp.h>
#include <stddef.h>

#define PEER_PARAMS_MAX 8

struct peer {
	char *params[PEER_PARAMS_MAX + 1];
	size_t param_count;
	unsigned char in[2048], out[65536];
	FCGX_Stream in_stream, out_stream;
	FCGX_Request fcgx;
	struct request *request;
};
extern struct peer peer;

/* A request without parameters and body, and its end; a test's fixture. */
void peer_open(void);
void peer_close(void);

/* One more CGI variable, NAME=value; what the peer sends as the body. */
void peer_param(const char *pair);
void peer_send(const void *bytes, size_t len);

/* Begins the request, as the skeleton does. */
void peer_begin(void);

/* What the peer got for an answer, until the next one. */
const char *peer_sent(void);

/* The line of the log that ends the request. */
const char *peer_logged(unsigned round_trips);

#endif
