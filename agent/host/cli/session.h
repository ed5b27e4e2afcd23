/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/pipeline/pipeline.h"
#include "agent/host/queue/admit.h"
#include "agent/host/queue/queue.h"

/* What commands that work on cases open: the service, the store, the log, one case. */
struct session_options {
	const char *state, *service; /* service: NAME|FILE */
	const char *services;	     /* directory of service files; NULL: the configuration's */
	const char *config;	     /* of the host; NULL: the default file */
};

struct session {
	char *state; /* absolute, owned */
	struct host_config config;
	struct service service; /* mode: the ceiling, and once a case is begun the mode in effect */
	struct store *store;
	struct audit *audit;
	struct kase *kase;
	struct claim *claim;   /* of the incident that the case is about */
	const char *refreshes; /* the case that a new one begins again; borrowed, or NULL */
};

/* CLI_OK, or the status to exit with. */
int session_open(const struct session_options *o, struct session *out, struct err *e);
/* Whether anything may be started for the service: CLI_OK, or CLI_CLOSED while it is paused. */
int session_admit(const struct session *s, struct err *e);
/* Asks the queue, then makes a case and begins it.  QUEUE_GO: it is ours; above: e says what has to
 * happen first. */
int session_take(struct session *s, const struct queue_ask *ask, const struct incident *i,
		 struct err *e);
int session_begin_case(struct session *s, const struct incident *i, struct err *e);
/* Runs the case's pipeline, prints how it ended, returns the exit status. */
int session_run(struct session *s, bool json, struct err *e);
void session_close(struct session *s);
struct queue session_queue(const struct session *s);
/* The lease of the case that is open. */
int session_reclaim(struct session *s, struct err *e);
/* The service file that a case was begun with, kept in its directory. */
int session_service_of(const char *state, const char *id, char path[4096], struct err *e);
