/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/testrun/world.h"

/*
 * The backing services of one world: their images, packages and prepared
 * layers, opened once, and the members that run beside one replica's payload.
 * A prepared layer is what the service's commands and seeds wrote, stopped
 * cleanly and frozen; it is made once for what it was made from, kept in the
 * store, and every replica gets a fresh upper on it.
 */
struct backing;

int backing_open(struct world *w, struct err *e);
/* Makes the prepared layers for the sources of a side, where the store has none. */
int backing_prepare(struct world *w, int side, struct err *e);
/* All that decides what they are, as JSON: equal conditions, equal members. NULL on failure. */
json_t *backing_conditions(const struct world *w, int side, struct err *e);
void backing_close(struct world *w);
/* The layer with /etc/hosts, which every member of a replica has; -1: no backing services. */
int backing_hosts(const struct world *w);

/* For the case's record: what each is made of, [{"name","image","digest","packages","base","head",
 * "stub"}], prepared layers by side; NULL where there is none. */
json_t *backing_write(const struct world *w);

/* ---- the members beside one payload ---- */
struct members;

struct members_job {
	const char *replica; /* its name */
	int side, role;
	uint64_t wall_ms; /* they live no longer */
};
/* Queues the effect of each start; audit_sync() must follow before members_start(). */
int members_log(struct world *w, const struct members_job *job, struct err *e);
/* Starts those that the role's policy lets run, and waits until all are ready; *out is NULL where
 * there is none. */
int members_start(struct world *w, const struct members_job *job, struct members **out,
		  struct err *e);
const struct sandbox *members_sandbox(const struct members *m);
size_t members_count(const struct members *m);
int members_fd(const struct members *m, size_t index);
/* 0: all run; -EHOSTDOWN: one ended, and e says which, how, and what it said last. */
int members_step(struct members *m, struct err *e);
void members_close(struct members *m); /* logs their ends; NULL is fine */
