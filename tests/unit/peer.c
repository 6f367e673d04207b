#include "peer.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program/request_fcgi.h"
#include "unit.h"

struct peer peer;

/* no_more - the peer has sent all that it will */
static void
no_more(FCGX_Stream *stream)
{
	stream->isClosed = 1;
}

/* too_much - no test writes more than the buffer takes */
static void
too_much(FCGX_Stream *stream, int do_close)
{
	(void)stream;
	(void)do_close;
	ck_abort_msg("the reply is larger than the test expects");
}

/* peer_open - all buffers are empty */
void
peer_open(void)
{
	memset(&peer, 0, sizeof peer);
	peer.in_stream.isReader = 1;
	peer.in_stream.rdNext = peer.in_stream.stop = peer.in;
	peer.in_stream.fillBuffProc = no_more;
	peer.out_stream.wrNext = peer.out;
	peer.out_stream.stop = peer.out + sizeof peer.out;
	peer.out_stream.emptyBuffProc = too_much;
	peer.fcgx.in = &peer.in_stream;
	peer.fcgx.out = &peer.out_stream;
	peer.fcgx.envp = peer.params;
	peer.request = request_new();
}

/* peer_close - the end */
void
peer_close(void)
{
	request_free(peer.request);
	for (size_t i = 0; i < peer.param_count; i++)
		free(peer.params[i]);
}

/* peer_param - copied */
void
peer_param(const char *pair)
{
	ck_assert_uint_lt(peer.param_count, PEER_PARAMS_MAX);
	peer.params[peer.param_count++] = strdup(pair);
}

/* peer_send - copied */
void
peer_send(const void *bytes, size_t len)
{
	ck_assert_uint_le(len, sizeof peer.in);
	memcpy(peer.in, bytes, len);
	peer.in_stream.stop = peer.in + len;
}

/* peer_begin - its parameters are read */
void
peer_begin(void)
{
	request_begin(peer.request, &peer.fcgx);
}

/* peer_sent - head and body */
const char *
peer_sent(void)
{
	request_send(peer.request);
	ck_assert(peer.out_stream.wrNext < peer.out_stream.stop);
	*peer.out_stream.wrNext = '\0';
	return (const char *)peer.out;
}

/* peer_logged - what was written to standard error */
const char *
peer_logged(unsigned round_trips)
{
	unit_capture(STDERR_FILENO);
	request_end(peer.request, round_trips);
	return unit_captured();
}
