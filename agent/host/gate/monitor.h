/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/gate/evaluate.h"
#include "agent/host/gate/gate.h"
#include "agent/host/gate/heard.h"
#include "agent/host/gate/runs.h"
#include "runtime/proto/front.h"
#include "runtime/proto/gate.h"

/* What the gate's loop (gate.c) and its requests (request.c) share. */
#define AGENT_PATH "/opt/sickbay/bin/sickbay-agent"
#define QUEUE_MAX  256
#define WIDTH_MAX  64

#define HELD_MAX                                                                        \
	(64u << 20) /* bytes of the changes that wait or are tried, old and new content \
		     */

struct waiting {
	struct gate_evaluate req; /* without its changes */
	struct changes changes;
	uint64_t left; /* in the budget, once this one is paid */
	char key[HEARD_KEY];
};

struct monitor;

/* How an agent of one kind is run, and what the end of its replica means while nothing else ended
 * it: `ended` says so in the outcome and sets `over`. */
struct agent_way {
	int (*start)(struct monitor *m);
	int (*ended)(struct monitor *m);
	/* Whoever speaks for it went away while it ran; NULL: it speaks itself, and its end says
	 * more. */
	int (*cut)(struct monitor *m);
	/* It submits what it leaves in its tree; the prose is taken already. NULL: it has none. */
	int (*tree)(struct monitor *m);
};

struct monitor {
	const struct gate_session *s;
	const struct agent_way *way;
	struct gate_outcome out;
	struct replica *replica;
	int sock;	     /* where it asks; -1: nowhere, it changes the tree */
	struct changes seen; /* what lies over the source in its replica */
	struct front front;  /* speaks for an agent program */
	json_t *left_out;    /* how many files of which name (collect.h); NULL: none */
	int grace;	     /* timer: a submitted tree is read when it ends; -1: none */
	struct waiting queue[QUEUE_MAX];
	size_t n_queue;
	struct evaluation *live[WIDTH_MAX];
	char live_key[WIDTH_MAX][HEARD_KEY];
	json_t *heard; /* how often each question was asked */
	struct runs runs;
	uint64_t requests;
	bool greeted, over, eof, wants_scope;
	bool deaf; /* it takes no answer any more */
	struct err *e;
};

/* Starts the replica that an agent is in: the job says what runs there, the rest is filled in. */
int monitor_start(struct monitor *m, struct replica_job *job);
/* Its replica ended: what that means is the outcome. */
int monitor_ended(struct monitor *m);
int monitor_no_memory(struct monitor *m);
/* Words of an agent, perhaps cut within a character, as one line that a record can hold and a
 * terminal can show; NULL: no memory. */
char *monitor_text(const char *words);
/* The agent broke the protocol: its replica ends, the case goes on without its answer. */
int monitor_foul(struct monitor *m, const char *why);
/* The reference is stolen. An agent that does not take its answers is over. */
int monitor_answer(struct monitor *m, uint16_t type, json_t *body);
/* Reads one request of the agent and does what it asks, or refuses it. */
int monitor_request(struct monitor *m);
/* Says no, and by which rule; `path`: what was asked for. */
int monitor_refuse(struct monitor *m, uint64_t id, const struct policy_verdict *v,
		   const char *path);
int monitor_refuse_plain(struct monitor *m, uint64_t id, const char *rule, const char *reason);
/* 1: the changes are in scope; 0: refused and said so. */
int monitor_allowed(struct monitor *m, uint64_t id, const struct changes *c);
/* 1: these changes may wait beside the others; 0: refused and said so. */
int monitor_has_room(struct monitor *m, uint64_t id, const struct changes *c);
/* What is left of what the service and the policy allow: each costs one of the policy's tool calls.
 */
uint64_t monitor_evaluations_left(const struct monitor *m);
uint64_t monitor_runs_left(const struct monitor *m);
/* The answer to GATE_HELLO (struct gate_task); NULL: m->e says why, or there is no memory. */
json_t *monitor_task(const struct monitor *m);

/* request_tools.c: rows of the table in request.c */
int monitor_on_run(struct monitor *m, const json_t *body);
int monitor_on_check(struct monitor *m, const json_t *body);
int monitor_on_budget(struct monitor *m, const json_t *body);

/* request_model.c: rows of that table, and of what the loop waits for */
int monitor_on_model(struct monitor *m, const json_t *body);
int monitor_on_cancel(struct monitor *m, const json_t *body);
int monitor_models_fd(const struct monitor *m);
int monitor_models_step(struct monitor *m);
