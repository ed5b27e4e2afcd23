/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/queue/queue.h"

/*
 * STATE/incidents/ID/group.json: all reports of one service with one
 * fingerprint.  It counts them; the first ones are kept as they were resolved,
 * among what production itself said (raw.h), by digest.  Whether its repair is
 * queued, at work or done is read from its cases, not stored.  Written only by
 * who holds the queue's lock.
 */
#define GROUP_ID_LEN 64

struct group {
	char *schema, *id, *service, *service_file, *fingerprint;
	char *type, *file, *function;		/* where, or NULL */
	char *first_seen, *last_seen, *created; /* RFC 3339; created: by the host's clock */
	char *commit, *release;			/* of the first report, or NULL */
	char *storm;				/* the storm that it belongs to, or NULL */
	char *resolved;		 /* of an alert's own incident: when it ended; NULL: it is on */
	uint64_t reports, count; /* reports; what they count */
	uint64_t failures;	 /* runs that failed since the last that did not */
	struct strlist cases;
	struct strlist samples;	 /* "sha256:..." of the reports that are kept, the first ones */
	struct strlist absorbed; /* names of the last turn's reports: none is counted twice */
};

enum group_state {
	GROUP_QUEUED,	   /* has no case yet */
	GROUP_INTERRUPTED, /* has one that nobody works on and that has not ended */
	GROUP_REPAIRING,
	GROUP_FAILED, /* its runs fail: a person is needed */
	GROUP_ENDED,
	GROUP_STATE_N
};

/* SERVICE-XXXXXXXXXXXX, the same for all reports of one service and fingerprint. */
void group_id(const char *service, const char *fingerprint, char out[GROUP_ID_LEN]);
int group_load(const char *state, const char *id, struct group *out, struct err *e);
int group_save(const char *state, const struct group *g, struct err *e);
void group_release(struct group *g);
/* Ids of all incidents, sorted. */
int group_list(const char *state, struct strlist *out, struct err *e);
/* Which case it is about (borrowed; NULL: none) and how that stands. */
int group_state(const struct queue *q, const struct group *g, const char **kase);
const char *group_state_name(int state);
/* What the deploy rule compares: the commit, else the release; NULL: unknown. */
const char *group_deploy(const struct group *g);
/* Adds one report to a group that was read or is zeroed (then it is begun), and keeps it while
 * there are few. */
int group_add(const struct queue *q, struct group *g, const struct queue_report *from,
	      struct err *e);
/* The report that tells most of what was put in, the first of those that tell as much. */
int group_incident(const char *state, const struct group *g, struct incident *out, struct err *e);
