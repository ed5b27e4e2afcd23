/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "agent/host/gate/gate.h"
#include "runtime/proto/gate.h"

/*
 * Commands that an agent asked for: each runs in a fork of its own with the
 * policy of the agent's role, where its changes lie over what it sees.  What it
 * leaves is dropped; what it says is bounded, made valid UTF-8 and loses what
 * the policy redacts and every value of production.  No more run at one time
 * than evaluations may; the rest waits in its order.
 */
#define RUNS_MAX 32
#define RUNS_MOST                                                                      \
	1000 /* commands of one agent, where its policy states no number of tool calls \
	      */

struct monitor;
struct run;

struct runs {
	struct run *v[RUNS_MAX];
	uint64_t asked;
};

/* Takes the request and its changes over; key: what its answer is kept under (heard.h). -EBUSY: too
 * many wait. */
int runs_add(struct runs *all, struct gate_run *rq, struct changes *c, const char *key);
/* Starts what waits and may run. */
int runs_start(struct monitor *m);
int runs_fd(const struct runs *all, size_t i); /* to poll on; -1: nothing runs there */
/* Once it is readable: answers the agent when the command has ended. */
int runs_step(struct monitor *m, size_t i);
size_t runs_bytes(const struct runs *all); /* of the changes of those that wait or run */
void runs_release(struct runs *all);
