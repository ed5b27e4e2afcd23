/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/intake/clients.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/clock.h"

static uint64_t count(const struct clients *c, uint32_t address)
{
	uint64_t n = 0;

	for (const struct client *one = c->first; one; one = one->next)
		n += one->address == address && !one->cut;
	return n;
}

/* The library hears of it by the end of the stream. */
static void cut(struct clients *c, struct client *one)
{
	(void)shutdown(one->fd, SHUT_RDWR);
	one->cut = true;
	c->n_cut++;
}

static bool make_room(struct clients *c, uint64_t now)
{
	struct client *oldest = NULL;

	for (struct client *one = c->first; one; one = one->next)
		if (!one->cut && !one->waits && (!oldest || one->since_ms < oldest->since_ms))
			oldest = one;
	if (!oldest || now - oldest->since_ms < CLIENTS_LONG)
		return false;
	cut(c, oldest);
	return true;
}

bool clients_admit(struct clients *c, uint32_t address, uint64_t now)
{
	const bool crowded = (address && count(c, address) >= c->per_address) ||
			     (c->n - c->n_cut >= c->most && !make_room(c, now));

	c->crowded += crowded;
	return !crowded;
}

void clients_add(struct clients *c, struct client *one, uint64_t now)
{
	one->since_ms = now;
	one->next = c->first;
	one->at = &c->first;
	if (one->next)
		one->next->at = &one->next;
	c->first = one;
	c->n++;
}

void clients_remove(struct clients *c, struct client *one)
{
	*one->at = one->next;
	if (one->next)
		one->next->at = one->at;
	c->n--;
	c->n_cut -= one->cut;
}

void clients_sweep(struct clients *c, uint64_t now)
{
	if (now - c->swept_ms < 1000)
		return;
	c->swept_ms = now;
	for (struct client *one = c->first; one; one = one->next) {
		const uint64_t most = c->request_ms + (one->served ? c->silence_ms : 0);

		if (one->cut || one->waits || now - one->since_ms < most)
			continue;
		cut(c, one);
		c->slow++;
	}
}

void client_waits(struct client *one)
{
	one->waits = true;
}

void client_goes_on(struct client *one, uint64_t now)
{
	one->waits = false;
	one->since_ms = now;
}

void client_served(struct client *one, uint64_t now)
{
	client_goes_on(one, now);
	one->served = true;
}

/* ---- with the library ---- */

static uint32_t address_of(const struct sockaddr *from)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)from;
	uint32_t address;

	if (!from || from->sa_family != AF_INET)
		return 0;
	address = ntohl(in->sin_addr.s_addr);
	return address >> 24 == IN_LOOPBACKNET ? 0 : address;
}

void clients_accept(struct clients *c, int listening, struct MHD_Daemon *to, uint64_t now)
{
	struct sockaddr_storage from = { 0 };
	socklen_t len = sizeof(from);
	int fd;

	/* what is left waits until the library has ended those that were cut */
	while (c->n < c->most + CLIENTS_SPARE &&
	       (fd = accept4(listening, (struct sockaddr *)&from, &len,
			     SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		/* an own address: libmicrohttpd wants one of the internet's */
		struct sockaddr_in in = { .sin_family = AF_INET };

		if (from.ss_family == AF_UNIX) {
			memcpy(&from, &in, sizeof(in));
			len = sizeof(in);
		}
		if (clients_admit(c, address_of((struct sockaddr *)&from), now))
			(void)MHD_add_connection(to, fd, (struct sockaddr *)&from, len);
		else
			(void)close(fd);
		len = sizeof(from);
	}
}

void clients_notify(void *clients, struct MHD_Connection *connection, void **context,
		    enum MHD_ConnectionNotificationCode what)
{
	struct clients *const c = clients;
	const union MHD_ConnectionInfo *fd, *from;
	struct client *one = *context;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (one)
			clients_remove(c, one);
		free(one);
		*context = NULL;
		return;
	}
	one = calloc(1, sizeof(*one));
	fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	from = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	*context = one;
	if (!one || !fd) { /* nothing would bound it */
		if (fd)
			(void)shutdown(fd->connect_fd, SHUT_RDWR);
		free(one);
		*context = NULL;
		return;
	}
	one->fd = fd->connect_fd;
	one->address = address_of(from ? from->client_addr : NULL);
	clients_add(c, one, clock_mono_ns() / 1000000);
}

struct client *client_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}
