/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/intake/clients.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/tap.h"

/* Connections by the clock of this test: who may come, who has to go, and when. */
#define HERE 0x0a000001u

static struct client one[8];
static int peer[8];
static struct clients c;

static void begin(uint64_t most, uint64_t per_address)
{
	memset(one, 0, sizeof(one));
	c = (struct clients){
		.most = most, .per_address = per_address, .request_ms = 20000, .silence_ms = 10000
	};
	for (int i = 0; i < 8; i++) {
		int pair[2];

		CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
		one[i].fd = pair[0];
		peer[i] = pair[1];
	}
}

static void end(void)
{
	for (int i = 0; i < 8; i++) {
		(void)close(one[i].fd);
		(void)close(peer[i]);
	}
}

static bool comes(int i, uint32_t address, uint64_t now)
{
	if (!clients_admit(&c, address, now))
		return false;
	one[i].address = address;
	clients_add(&c, &one[i], now);
	return true;
}

/* Its stream has ended at the other end, too. */
static bool ended(int i)
{
	char byte;

	return recv(peer[i], &byte, 1, MSG_DONTWAIT) == 0;
}

static void test_time(void)
{
	begin(8, 8);
	CHECK(comes(0, 0, 100000) && comes(1, 0, 100000) && comes(2, 0, 100000));
	client_waits(&one[1]);
	client_served(&one[2], 100000);
	clients_sweep(&c, 119000);
	CHECK(!ended(0));
	clients_sweep(&c, 120000); /* however many bytes came meanwhile */
	CHECK(ended(0) && !ended(1) && !ended(2));
	clients_sweep(&c, 130000); /* silence and a request */
	CHECK(ended(2) && !ended(1));
	client_goes_on(&one[1], 130000); /* the disk took so long, not the client */
	clients_sweep(&c, 149000);
	CHECK(!ended(1));
	clients_sweep(&c, 150000);
	CHECK(ended(1));
	CHECK_INT(c.slow, 3);
	CHECK_INT(c.n_cut, 3);
	for (int i = 0; i < 3; i++)
		clients_remove(&c, &one[i]);
	CHECK(c.n == 0 && c.n_cut == 0 && !c.first);
	end();
}

static void test_address(void)
{
	begin(8, 2);
	CHECK(comes(0, HERE, 1) && comes(1, HERE, 1));
	CHECK(!comes(2, HERE, 1));
	CHECK_INT(c.crowded, 1);
	CHECK(comes(2, HERE + 1, 1));
	clients_remove(&c, &one[0]);
	CHECK(comes(0, HERE, 1));
	/* behind a proxy all have one address */
	for (int i = 3; i < 8; i++)
		CHECK(comes(i, 0, 1));
	end();
}

static void test_room(void)
{
	begin(3, 8);
	CHECK(comes(0, 0, 1000) && comes(1, 0, 2000) && comes(2, 0, 3000));
	CHECK(!comes(3, 0, 4000)); /* each of them may just be at it */
	client_served(&one[0], 4000);
	client_waits(&one[1]);
	CHECK(comes(3, 0, 3000 + CLIENTS_LONG));
	CHECK(ended(2) && !ended(0) && !ended(1));
	CHECK(!comes(4, 0, 3000 + CLIENTS_LONG));
	CHECK_INT(c.n, 4); /* with the one that the library has not ended yet */
	clients_remove(&c, &one[2]);
	CHECK_INT(c.n_cut, 0);
	CHECK(!comes(2, 0, 3000 + CLIENTS_LONG));
	end();
}

TAP_MAIN({ "a request has its time, however it drips in; waiting for us is not counted",
	   test_time },
	 { "one address has its bound, what is behind a proxy has none", test_address },
	 { "where there are enough the one that waited longest makes room", test_room })
