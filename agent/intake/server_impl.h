/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <microhttpd.h>

#include "agent/intake/clients.h"
#include "agent/intake/server.h"
#include "runtime/base/buf.h"
#include "runtime/base/clock.h"

/* What one request (request.c) and the loop around all of them (server.c) share. */
#define RETRY_BACKLOG  10 /* seconds */
#define UNPROVEN_SHARE 4  /* of max_memory, one part of so many is for webhooks */

struct request {
	int kind, encoding, source;
	int hook; /* of a forge, else -1 */
	bool protobuf, waits, answered;
	unsigned status;    /* 0: not known yet */
	uint64_t retry;	    /* seconds, 0: not said */
	const char *reason; /* of a refusal; with 200: the event that was ignored */
	struct buf body;
	struct MHD_Connection *connection;
	struct client *client;
	struct request *next; /* among those that wait for the sync */
};

struct server {
	struct server_setup s;
	struct MHD_Daemon *daemon;
	int poll_fd; /* the library's */
	struct clients clients;
	struct journal journal;
	struct bucket buckets[INTAKE_SOURCES + INTAKE_HOOKS];
	struct request *waiting;
	uint64_t memory;   /* bytes of bodies under way */
	uint64_t unproven; /* those of webhooks among them */
	uint64_t backlog;  /* as the parent said last */
	uint64_t written;  /* since then */
	struct intake_durable counts;
	uint64_t told, told_ms; /* what was refused, as the parent heard last, and when */
	bool untold;		/* the parent has not heard the last of them */
	bool stop;
};

static inline uint64_t now_ms(void)
{
	return clock_mono_ns() / 1000000;
}

/* The first reason why it is not taken counts; what can be tried again says when. */
void request_refuse(struct request *q, unsigned status, const char *reason, uint64_t retry);
/* What it is, who sends it and whether that is allowed now, from its head. */
void request_head(struct server *s, struct request *q, const char *url, const char *method);
/* A part of its body. */
void request_body(struct server *s, struct request *q, const char *data, size_t n);
/* Its body is not needed any more. */
void request_drop(struct server *s, struct request *q);
/* Of a forge's webhook, once its body is whole: is it that forge's, and worth keeping? */
void request_hook(struct server *s, struct request *q);
enum MHD_Result request_answer(struct request *q);
