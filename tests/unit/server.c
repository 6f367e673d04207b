#include "server.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#define REQUEST_MAX 65536 /* bytes */

static struct {
	pid_t process;
	int listener, requests;
	char text[REQUEST_MAX];
} server;

/* missing - how many bytes of the request are still to come */
static size_t
missing(const char *request, size_t len)
{
	const char *body = memmem(request, len, "\r\n\r\n", 4), *claim;
	size_t whole;

	if (body == NULL)
		return REQUEST_MAX - len;
	whole = (size_t)(body + 4 - request);
	claim = strcasestr(request, "\r\nContent-Length:");
	if (claim != NULL && claim < body)
		whole += strtoul(claim + 17, NULL, 10);
	return whole > len ? whole - len : 0;
}

/* receive - one request; 0 when the peer has closed instead */
static size_t
receive(int peer)
{
	size_t len = 0, more;
	ssize_t got;

	memset(server.text, 0, sizeof server.text);
	while ((more = missing(server.text, len)) > 0) {
		got = read(peer, server.text + len, more);
		if (got <= 0)
			return 0;
		len += (size_t)got;
	}
	return len;
}

/* put - to a peer that may have gone */
static void
put(int peer, const char *bytes, size_t len)
{
	if (send(peer, bytes, len, MSG_NOSIGNAL) < 0)
		shutdown(peer, SHUT_WR);
}

/* answer - in the manner of the turn */
static void
answer(int peer, const struct server_turn *turn)
{
	size_t step = turn->manner == SERVER_TRICKLE ? 1 : 4096, now;

	if (turn->manner == SERVER_HANG) {
		for (;;)
			pause();
	}
	for (size_t sent = 0; sent < strlen(turn->answer); sent += step) {
		if (step == 1)
			usleep(20000);
		now = strlen(turn->answer) - sent;
		put(peer, turn->answer + sent, now < step ? now : step);
	}
	memset(server.text, 'x', sizeof server.text);
	for (size_t left = turn->filler; left > 0; left -= now) {
		now = left < sizeof server.text ? left : sizeof server.text;
		put(peer, server.text, now);
	}
}

/* serve - one turn after the other, then nothing */
static void
serve(const struct server_turn *turn, size_t count)
{
	const struct server_turn *end = turn + count;
	int connection = 0, peer = -1;
	size_t len;

	while (turn < end) {
		if (peer < 0) {
			peer = accept(server.listener, NULL, NULL);
			connection++;
		}
		len = turn->manner == SERVER_BLURT ? 0 : receive(peer);
		if (len > 0) {
			dprintf(server.requests, "connection %d\n", connection);
			if (write(server.requests, server.text, len) < 0)
				abort();
		}
		if (len > 0 || turn->manner == SERVER_BLURT)
			answer(peer, turn++);
		if (len == 0 || turn[-1].manner != SERVER_KEEP) {
			close(peer);
			peer = -1;
		}
	}
}

/* server_start - in a process of its own */
int
server_start(const struct server_turn *turns, size_t count)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof address;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server.listener = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(
	    bind(server.listener, (struct sockaddr *)&address, sizeof address),
	    0);
	ck_assert_int_eq(listen(server.listener, 8), 0);
	getsockname(server.listener, (struct sockaddr *)&address, &len);
	server.requests = memfd_create("requests", 0);
	server.process = fork();
	if (server.process == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(turns, count);
		_exit(0);
	}
	ck_assert_int_gt(server.process, 0);
	close(server.listener);
	return ntohs(address.sin_port);
}

/* server_stop - and what it was asked */
const char *
server_stop(size_t *len)
{
	ssize_t got;

	kill(server.process, SIGKILL);
	waitpid(server.process, NULL, 0);
	got = pread(server.requests, server.text, sizeof server.text - 1, 0);
	ck_assert_int_ge(got, 0);
	server.text[got] = '\0';
	if (len != NULL)
		*len = (size_t)got;
	close(server.requests);
	return server.text;
}
