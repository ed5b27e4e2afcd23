/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"
#include "runtime/base/jmap.h"
#include "runtime/proto/front.h"
#include "runtime/proto/gate.h"
#include "runtime/proto/http.h"

/*
 * What the parts of sickbay-front share.  One loop waits for the gate, the
 * listening sockets and the connections; no call blocks.  A connection has one
 * request under way: what it sends meanwhile is left in its socket.
 *
 * Memory is bounded: a body is read only when there is room for it among all
 * bodies (the connection waits unread until then), a request goes to the gate
 * only while the gate keeps up, the next request of a connection is looked at
 * when its client has read the last answer, and where what clients have not
 * read is too much in all, the one that owes most is dropped.
 */
#define FRONT_BODIES_MAX (64u << 20) /* of all bodies under way */
#define FRONT_OUT_MAX	 (16u << 20) /* of one answer */
#define FRONT_UNREAD_MAX (64u << 20) /* of all answers that were not read */
#define FRONT_GATE_MAX	 (16u << 20) /* a frame of the gate, and what waits to be sent to it */
#define FRONT_CALLS_MAX	 256	     /* requests to the gate under way */

enum conn_state {
	CONN_HEAD,   /* waits for a request's head */
	CONN_ROOM,   /* has one, waits for room for its body */
	CONN_BODY,   /* reads its body */
	CONN_READY,  /* has all of it, waits for its turn */
	CONN_BUSY,   /* is answered, or will be when the gate has answered */
	CONN_CLOSING /* what is still to be sent, then the end */
};

/* What is kept of a request's head. */
struct request {
	char method[16];
	char path[2048], query[2048];
	size_t length;
	bool chunked, keep, wants_events, expects;
	char version[32]; /* MCP-Protocol-Version, "" if none */
};

struct conn {
	int fd; /* -1: this place is free */
	int state;
	struct buf in; /* not yet taken apart */
	struct buf body, out;
	size_t sent;	/* bytes of out */
	size_t granted; /* bytes of the bodies' room */
	struct http_chunks chunks;
	struct request q;
	uint64_t since;	   /* when this state began */
	uint64_t progress; /* when the client last took a byte */
	uint64_t beat;	   /* when an open stream is next shown to be alive; 0: not */
	bool served;	   /* it has had an answer */
	bool draining;	   /* the answer is out; what the client still sends is dropped */
	bool events;	   /* the answer is a stream that has begun */
	/* of a model call */
	bool stream, ended;
	/* of MCP */
	json_t *answers; /* those there are */
	size_t waiting;	 /* for so many of the gate's */
	bool batch;
};

/* One request to the gate that was not answered yet. */
struct call {
	uint64_t id;	   /* 0: this place is free */
	struct conn *conn; /* NULL: its client has gone */
	uint16_t type;	   /* enum gate_msg */
	const struct tool *tool;
	json_t *rpc_id, *progress; /* of MCP */
	uint64_t beats;
};

struct front_state {
	struct front_setup setup;
	int listen[FRONT_MAX_LISTEN];
	int gate;
	struct buf gate_in, gate_out;
	size_t gate_sent;
	struct gate_task task;
	bool ready; /* the task is here */
	bool over;  /* something was submitted or given up: nothing more may be asked */
	struct conn conns[FRONT_MAX_CONNS];
	struct call calls[FRONT_CALLS_MAX];
	uint64_t last_id;
	size_t bodies;	      /* bytes granted */
	struct strlist kinds; /* of refusals that the gate was told of */
	size_t notes;	      /* that it was sent in all */
	uint64_t now;	      /* of this turn of the loop, CLOCK_MONOTONIC in ns */
};

int front_open(int gate, struct front_state **out, struct err *e); /* reads the set-up */
/* Serves until the gate closes (0) or breaks the protocol (<0). */
int front_run(struct front_state *f, struct err *e);
void front_close(struct front_state *f);

/* ---- gate.c: the way to the gate ---- */
/* Sends one message; the body is taken over, NULL is out of memory. -E2BIG: it cannot be said. */
int front_send(struct front_state *f, uint16_t type, json_t *body, struct err *e);
/* A place for a request to the gate with a new id; NULL: there are too many. */
struct call *front_call(struct front_state *f, struct conn *c, uint16_t type);
void front_call_done(struct call *k);
/* A note for the case's record, once for each name. */
void front_note(struct front_state *f, const char *name, const char *text);
int front_hear(struct front_state *f, struct err *e);  /* the gate can be read: 0 at its end */
int front_speak(struct front_state *f, struct err *e); /* or written */

/* ---- conn.c: one connection ---- */
void conn_open(struct front_state *f, struct conn *c, int fd);
void conn_close(struct front_state *f, struct conn *c);
void conn_read(struct front_state *f, struct conn *c);
void conn_write(struct front_state *f, struct conn *c);
void conn_step(struct front_state *f, struct conn *c); /* as far as it comes without waiting */
void conn_time(struct front_state *f, struct conn *c); /* what takes too long */
short conn_wants(const struct conn *c);		       /* events of poll() */
size_t conn_unread(const struct conn *c);
void conn_grant(struct front_state *f, struct conn *c, size_t room); /* for its body */

/* ---- answer.c: what a client hears ---- */
/* body: owned; NULL: none.  The request is over.
 * fields: further ones of the head, each with its CR LF, or "". */
void answer_json(struct front_state *f, struct conn *c, int status, const char *fields,
		 json_t *body);
void answer_events(struct front_state *f, struct conn *c); /* begins a stream */
/* name NULL: none; data: text without a line end. */
void answer_event(struct conn *c, const char *name, const char *data, const char *end);
void answer_comment(struct conn *c);
void answer_end(struct front_state *f, struct conn *c); /* of a stream */

/* ---- refuse.c: refusals in the shape of each protocol ---- */
struct refusal {
	int status;
	const char *name, *text;
	bool again; /* it may be tried again as it is */
	bool known; /* the gate said it, and need not be told */
};
json_t *refuse_body(int protocol, const struct refusal *r);
/* Answers so and ends the connection where what follows cannot be read. */
void refuse(struct front_state *f, struct conn *c, int protocol, const struct refusal *r);
void refuse_fault(struct front_state *f, struct conn *c, enum http_fault why);

/* ---- route.c ---- */
/* Decides on a head before its body is read: 0, or it has been refused (-1). */
int route_head(struct front_state *f, struct conn *c, const struct http_request *q);
void route(struct front_state *f, struct conn *c); /* the whole request */
int front_protocol(const struct front_state *f);   /* enum model_protocol; MODEL_TURN: none */

/* ---- json.c ---- */
/* At most MODEL_MAX_DEPTH deep, no member twice, no NUL; why names what it is not. */
json_t *json_read_body(const struct buf *text, const char **name, char why[static 256]);

/* ---- model.c: a provider's API ---- */
void model_post(struct front_state *f, struct conn *c, const char *model, bool stream);
void model_count(struct front_state *f, struct conn *c);
void model_list(struct front_state *f, struct conn *c);
void model_event(struct front_state *f, struct call *k, const struct gate_event *ev);
void model_end(struct front_state *f, struct call *k, const struct gate_model_end *end);
void model_refused(struct front_state *f, struct call *k, const struct gate_refusal *why);

/* ---- mcp.c, tools.c ---- */
void mcp_post(struct front_state *f, struct conn *c);
/* The gate answered; body: as it came. */
void mcp_answered(struct front_state *f, struct call *k, uint16_t type, const json_t *body);
void mcp_beat(struct front_state *f, struct conn *c);
