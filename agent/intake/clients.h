/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * The connections, and how long each may take.  The library bounds how long a
 * client may be silent; here it is bounded how long one request may take from
 * its first byte to its last, however it drips in, and how many connections one
 * address has.  Addresses of loopback and sockets are not counted: what is
 * behind a proxy has one address for all.  A connection that comes when there
 * are enough takes the place of the one that has waited longest, if that was long.
 */
struct client {
	struct client *next, **at;
	int fd;
	uint32_t address;  /* 0: not counted */
	uint64_t since_ms; /* it came, or its last request was answered */
	bool served;	   /* it had an answer: silence until the next request is allowed for */
	bool waits;	   /* for us: its time does not run */
	bool cut;	   /* shut down: the library is about to end it */
};

struct clients {
	struct client *first;
	uint64_t n, n_cut;		 /* all of them, and those that were cut */
	uint64_t most, per_address;	 /* at one time */
	uint64_t request_ms, silence_ms; /* of one request; between two of them */
	uint64_t swept_ms;
	uint64_t slow, crowded; /* ended for being slow, refused for being too many */
};

#define CLIENTS_SPARE 64    /* more than `most`, for those that are about to end */
#define CLIENTS_LONG  5000u /* ms, after which one may have to make room */

/* Whether one more may come from this address, after making room where that is possible. */
bool clients_admit(struct clients *c, uint32_t address, uint64_t now_ms);
void clients_add(struct clients *c, struct client *one, uint64_t now_ms);
void clients_remove(struct clients *c, struct client *one);
/* Shuts down what has taken too long; looks once a second. */
void clients_sweep(struct clients *c, uint64_t now_ms);
/* Its request is whole and waits for us; its answer is on its way; its request is over. */
void client_waits(struct client *one);
void client_goes_on(struct client *one, uint64_t now_ms);
void client_served(struct client *one, uint64_t now_ms);

/* Takes what waits at a listening socket into the library's daemon. */
void clients_accept(struct clients *c, int listening, struct MHD_Daemon *to, uint64_t now_ms);
/* MHD_OPTION_NOTIFY_CONNECTION, with the clients as its closure. */
void clients_notify(void *clients, struct MHD_Connection *connection, void **context,
		    enum MHD_ConnectionNotificationCode what);
struct client *client_of(struct MHD_Connection *connection);
