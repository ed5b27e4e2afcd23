/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"
#include "runtime/base/jmap.h"

/*
 * The client end of sickbay-front, which speaks to the gate for an agent
 * program that speaks HTTP: providers' model APIs and MCP.  One process for
 * each replica that needs it, as FRONT_UID, with an empty root, no route, no
 * key, and a filter that leaves it the descriptors it was given.
 *
 * The host makes the listening sockets inside the replica's network namespace
 * (bound to loopback, listening); requests must name a loopback address or
 * "localhost" as their host.  To the gate the front is an agent like another:
 * it says GATE_HELLO and then what its clients ask for.  It serves whatever
 * the task allows and ends when the gate closes its end.  It never submits,
 * gives up or asks for a model by itself.
 *
 * Served at each socket: POST /mcp (streamable HTTP), and of the task's
 * protocol: /v1/messages, /v1/messages/count_tokens | /v1/chat/completions |
 * /v1/responses | /v1beta/models/MODEL:generateContent and
 * :streamGenerateContent?alt=sse; GET /v1/models or /v1beta/models.
 */
#define FRONT_UID	 60804
#define FRONT_GATE_FD	 3 /* the socket to the gate */
#define FRONT_LISTEN_FD	 4 /* the first listening socket, the others follow */
#define FRONT_MAX_LISTEN 2
#define FRONT_MAX_CONNS	 128 /* connections at one time; more wait to be accepted */

enum front_msg {
	FRONT_SETUP = 1 /* struct front_setup: the first frame on FRONT_GATE_FD; no answer */
};

struct front_setup {
	char *name;	   /* of the agent program, for GATE_HELLO */
	uint64_t listen;   /* how many sockets, at most FRONT_MAX_LISTEN */
	uint64_t head_ms;  /* a request's head must be there by then; 0: 30 s */
	uint64_t body_ms;  /* and its body; 0: 60 s */
	uint64_t idle_ms;  /* an unused connection is kept so long; 0: 120 s */
	uint64_t write_ms; /* a client that reads nothing for so long is dropped; 0: 60 s */
	uint64_t beat_ms;  /* how often a stream that waits for the gate shows life; 0: 5 s */
};
extern const struct jmap front_setup_map[];

struct front {
	pid_t pid; /* -1: none */
	int gate;  /* the host's end of its socket, -1: none */
};

/* Starts one over these listening sockets (borrowed); *out->gate then speaks as an agent does.
 * setup->listen is filled in here. */
int front_start(const struct front_setup *setup, const int *listen, size_t n, struct front *out,
		struct err *e);
/* Closes the socket, ends the process and waits for it; *status (may be NULL) is its exit status
 * or 128 + signal. One that is not running is fine. */
void front_stop(struct front *f, int *status);
