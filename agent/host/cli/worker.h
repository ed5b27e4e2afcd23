/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>
#include <sys/types.h>

#include "agent/host/queue/admit.h"

/* The worker's own state; nothing in it outlives it or has to. */
#define WORKER_MAX 64

struct worker_child {
	pid_t pid;
	bool stopping, killed;
	char incident[GROUP_ID_LEN], service[64];
};

/* What was said last of an incident, and when it may be tried again. */
struct worker_note {
	char id[GROUP_ID_LEN];
	char said[QUEUE_WHY];
	uint64_t retry; /* clock_mono_ns() */
	bool refused;	/* when it was tried last, by something that holds it */
};

struct worker {
	/* options */
	const char *state, *config_file;
	bool once, drain;
	uint64_t parallel; /* 0: as many as fit */

	char dir[PATH_MAX];
	struct host_config config;
	struct queue q;
	int lock, signals, watch;
	bool stop, look;     /* look: something changed, see what may begin */
	bool failed;	     /* something is left for a person */
	size_t begun, ready; /* started so far; could have been started in the last look */
	uint64_t deadline, next_look, next_figures, next_poll, next_wake, next_notes;
	pid_t poll, notifier; /* `forge poll`, `notify send` under way; 0: none */
	bool woken;	      /* that poll is only of what a webhook told of */
	struct worker_child child[WORKER_MAX];
	size_t n_children;
	struct worker_note *notes;
	size_t n_notes;
};

/* Cases at one time, within the processors and the memory that are there now. */
uint64_t worker_slots(const struct worker *w);
/* Starts what may begin and fits. */
void worker_start(struct worker *w);
/* Buries children that ended, and says how their cases did. */
void worker_reap(struct worker *w);
/* Ends repairs of services that a storm came over: their cases can be resumed. */
void worker_stop_stormed(struct worker *w);
/* SIGTERM to each child once, SIGKILL after the deadline (clock_mono_ns()). */
void worker_end_children(struct worker *w, uint64_t deadline);
/* Asks the forges now and then what became of proposals, and sends what is to be told, in
 * children; ends them when the worker ends. */
void worker_errands(struct worker *w);
/* This program again, with argv. */
int worker_run(const char *const *argv, pid_t *pid, struct err *e);
/* One line of the journal, where it says something new of `what`. */
void worker_say(struct worker *w, const char *what, const char *text);
