/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/host/case/host_config.h"
#include "agent/host/incident/incident.h"
#include "runtime/base/err.h"
#include "runtime/proto/audit.h"

/*
 * The queue of one host, in five calls (DESIGN section 12): enqueue a report,
 * claim an incident, lock paths, heartbeat, complete.
 *
 *   STATE/spool/new/NAME.json      reports that nobody has looked at, durable
 *   STATE/incidents/ID/            reports with one service and fingerprint: one incident (group.h)
 *   STATE/spool/claimed/ID.json    the lease of a repair: locked (flock) by the process at work, so
 *                                  that the kernel gives the work back when it is killed
 *   STATE/spool/lock               held for a moment by whoever changes any of it
 */
struct queue {
	const char *state;
	const struct host_config *config;
	struct audit *audit; /* may be NULL where nothing that is logged can happen */
	uint64_t now_ns;     /* since the epoch; given, so that a test can say what time it is */
};

/* The host's configuration (file NULL: the default one) and its state directory, absolute, in dir
 * of PATH_MAX bytes; `state` overrules the configuration's. Release the configuration, also on
 * failure. */
int queue_host(const char *file, const char *state, struct host_config *config, char *dir,
	       struct err *e);

struct queue_report {
	const char *service, *service_file; /* its name; absolute */
	const struct incident *incident;    /* resolved, with a fingerprint */
};

/* Durable when it returns 0.  name NULL: one of its own; else what was put there under this name
 * before and not taken yet is replaced ("...json"). */
int queue_enqueue_as(const struct queue *q, const struct queue_report *r, const char *name,
		     struct err *e);
int queue_enqueue(const struct queue *q, const struct queue_report *r, struct err *e);
/* Takes reports of the spool into their incidents, storms included; how many were taken. */
int queue_absorb(const struct queue *q, size_t *taken, struct err *e);

struct claim;
/* The lease of an incident; -EBUSY while another process has it. */
int queue_claim(const char *state, const char *incident, struct claim **out, struct err *e);
/* Paths that this repair touches, beneath a repository: 0 they are ours now; 1 another live repair
 * holds one of them, why says which; never fewer than before. */
int queue_lock(struct claim *c, const char *repository, const struct strlist *paths, char why[256],
	       struct err *e);
/* That the lease is still ours, and a sign of life for `sickbay status`. */
int queue_heartbeat(struct claim *c, struct err *e);
/* The work is done: the lease and its paths are free. */
int queue_complete(struct claim *c, struct err *e);
/* Gives the work back, or drops what was completed; NULL is fine. */
void queue_release(struct claim *c);
/* Whether a process has the lease of this incident just now. */
bool queue_is_claimed(const char *state, const char *incident);

/* Clears what processes that were killed left behind: half files, cases that never began. */
int queue_sweep(const struct queue *q, struct err *e);
/* Reports in the spool. */
size_t queue_length(const char *state);
