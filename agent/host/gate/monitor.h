/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/gate/evaluate.h"
#include "agent/host/gate/gate.h"
#include "runtime/proto/gate.h"

/* What the gate's loop (gate.c) and its requests (request.c) share. */
#define QUEUE_MAX 256
#define WIDTH_MAX 64

struct waiting {
	struct gate_evaluate req;
	struct changes changes;
	uint64_t left; /* in the budget, once this one is paid */
};

struct monitor;

/* How an agent of one kind is run, and what the end of its replica means while nothing else ended
 * it: `ended` says so in the outcome and sets `over`. */
struct agent_way {
	const char *author;
	int (*start)(struct monitor *m);
	int (*ended)(struct monitor *m);
};

struct monitor {
	const struct gate_session *s;
	const struct agent_way *way;
	struct gate_outcome out;
	struct replica *replica;
	int sock;	     /* where it asks; -1: nowhere, it changes the tree */
	struct changes seen; /* what lies over the source in its replica */
	struct waiting queue[QUEUE_MAX];
	size_t n_queue;
	struct evaluation *live[WIDTH_MAX];
	bool greeted, over, eof, wants_scope;
	struct err *e;
};

/* Starts the replica that an agent is in: the job says what runs there, the rest is filled in. */
int monitor_start(struct monitor *m, struct replica_job *job);
int monitor_no_memory(struct monitor *m);
/* The agent broke the protocol: its replica ends, the case goes on without its answer. */
int monitor_foul(struct monitor *m, const char *why);
/* The reference is stolen. An agent that does not take its answers is over. */
int monitor_answer(struct monitor *m, uint16_t type, json_t *body);
/* Reads one request of the agent and does what it asks, or refuses it. */
int monitor_request(struct monitor *m);
