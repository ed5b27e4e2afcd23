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

struct monitor {
	const struct gate_session *s;
	struct gate_outcome out;
	struct replica *replica;
	int sock;
	struct waiting queue[QUEUE_MAX];
	size_t n_queue;
	struct evaluation *live[WIDTH_MAX];
	bool greeted, over, eof, wants_scope;
	struct err *e;
};

int monitor_no_memory(struct monitor *m);
/* The agent broke the protocol: its replica ends, the case goes on without its answer. */
int monitor_foul(struct monitor *m, const char *why);
/* The reference is stolen. An agent that does not take its answers is over. */
int monitor_answer(struct monitor *m, uint16_t type, json_t *body);
/* Reads one request of the agent and does what it asks, or refuses it. */
int monitor_request(struct monitor *m);
