/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "agent/broker/pool.h"
#include "agent/broker/setup.h"
#include "runtime/base/msg_stream.h"

/*
 * The one loop: the orchestrator's socket, the resolver's, and those of all
 * transfers.  Nothing in it blocks, and there is no thread.
 */
#define LOOP_FULL  (1u << 20)	/* bytes for the orchestrator that make transfers pause */
#define LOOP_AGAIN (256u << 10) /* and those with which they go on */

/* What is known of an endpoint while calls run. */
struct site {
	struct endpoint *at;
	struct pool *pool;
	char addresses[RESOLVE_TEXT]; /* "" until they are known */
	uint64_t fresh_until;	      /* ns */
	bool asking;
	unsigned running, waiting;
};

struct loop {
	int epoll, resolver;
	struct msg_stream up;
	struct setup *setup;
	struct site *sites; /* setup->n */
	struct call *calls; /* in the order of their coming */
	size_t held;	    /* bytes of all requests */
	bool full;
	struct err failed; /* of a place that cannot return it: the loop ends */
};

/* Makes what cannot be made once the program is confined; *l is closed also after a failure. */
int loop_open(struct loop *l, struct setup *s, int resolver, struct err *e);
/* Serves the orchestrator on BROKER_FD until it closes it. */
int loop_run(struct loop *l, struct err *e);
void loop_close(struct loop *l); /* a zeroed one is fine */
/* Sends a frame as soon as there is room; a failure ends the loop. body is released. */
void loop_send(struct loop *l, uint16_t type, json_t *body);
bool loop_is_full(struct loop *l);
