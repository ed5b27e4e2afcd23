/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/broker/seal.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/proto/broker.h"

#define ADDRESSES 8

struct question {
	uint32_t id;
	char host[RESOLVE_HOST];
};

/* ---- the process ---- */

static void add_address(const struct addrinfo *ai, char *out, size_t n)
{
	const size_t have = strlen(out);
	const void *raw = NULL;
	char text[INET6_ADDRSTRLEN];
	struct sockaddr_in four;
	struct sockaddr_in6 six;

	if (ai->ai_family == AF_INET && ai->ai_addrlen >= sizeof(four)) {
		memcpy(&four, ai->ai_addr, sizeof(four));
		raw = &four.sin_addr;
	} else if (ai->ai_family == AF_INET6 && ai->ai_addrlen >= sizeof(six)) {
		memcpy(&six, ai->ai_addr, sizeof(six));
		raw = &six.sin6_addr;
	}
	if (raw && inet_ntop(ai->ai_family, raw, text, sizeof(text)))
		(void)snprintf(out + have, n - have, ai->ai_family == AF_INET6 ? "%s[%s]" : "%s%s",
			       have ? "," : "", text);
}

static void look_up(int sock, const struct question *q)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct resolve_answer a = { .id = q->id };
	struct addrinfo *list = NULL;
	int r, taken = 0;

	memcpy(a.host, q->host, sizeof(a.host));
	r = getaddrinfo(q->host, NULL, &hints, &list);
	for (const struct addrinfo *ai = list; r == 0 && ai && taken < ADDRESSES; ai = ai->ai_next)
		add_address(ai, a.addresses, sizeof(a.addresses)), taken++;
	if (r != 0)
		(void)snprintf(a.why, sizeof(a.why), "%s", gai_strerror(r));
	else if (!a.addresses[0])
		(void)snprintf(a.why, sizeof(a.why), "it has no address");
	(void)!send(sock, &a, sizeof(a), MSG_NOSIGNAL);
}

static _Noreturn void serve(int sock)
{
	struct err e = ERR_INIT;
	struct question q;

	(void)signal(SIGCHLD, SIG_IGN); /* nobody waits for them */
	if (seal_resolver(&e) < 0) {
		(void)fprintf(stderr, "sickbay-broker: resolver: %s\n", e.msg);
		_exit(1);
	}
	while (recv(sock, &q, sizeof(q), 0) == (ssize_t)sizeof(q)) {
		const pid_t p = fork();

		q.host[sizeof(q.host) - 1] = '\0';
		if (p <= 0)
			look_up(sock, &q); /* one at a time where no process can be had */
		if (p == 0)
			_exit(0);
	}
	_exit(0);
}

/* ---- the broker's end ---- */

int resolve_start(int *sock, struct err *e)
{
	int pair[2];
	pid_t p;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "make a socket pair");
	p = fork();
	if (p == 0) {
		(void)close(pair[0]);
		(void)close(BROKER_FD);
		serve(pair[1]);
	}
	(void)close(pair[1]);
	if (p < 0) {
		(void)close(pair[0]);
		return err_sys(e, "start the resolver");
	}
	*sock = pair[0];
	return 0;
}

int resolve_ask(int sock, uint32_t id, const char *host, struct err *e)
{
	struct question q = { .id = id };
	ssize_t n;

	if (strlen(host) >= sizeof(q.host))
		return err_set(e, ENAMETOOLONG, "the name of the host is too long");
	memcpy(q.host, host, strlen(host));
	do
		n = send(sock, &q, sizeof(q), MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return err_set(e, EAGAIN, "too many names are being looked up");
	return n < 0 ? err_set(e, ECHILD, "the resolver ended") : 0;
}

int resolve_take(int sock, struct resolve_answer *out, struct err *e)
{
	ssize_t n;

	do
		n = recv(sock, out, sizeof(*out), MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (n != (ssize_t)sizeof(*out))
		return err_set(e, ECHILD, "the resolver ended");
	out->host[sizeof(out->host) - 1] = '\0';
	out->addresses[sizeof(out->addresses) - 1] = '\0';
	out->why[sizeof(out->why) - 1] = '\0';
	/* it spoke with name servers: only what an address is made of goes on */
	if (out->addresses[strspn(out->addresses, "0123456789abcdef.:[],")])
		out->addresses[0] = '\0';
	return 1;
}
