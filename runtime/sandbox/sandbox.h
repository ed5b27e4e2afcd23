/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"
#include "runtime/sandbox/spec.h"

/*
 * One running member of a replica.  Owns its id range, cgroup, namespaces,
 * root, processes and pipes; sandbox_close() leaves nothing behind.  Driven by
 * a single-threaded loop: poll sandbox_fd(), call sandbox_step().
 */
enum exit_kind {
	EXIT_RUNNING,
	EXIT_EXITED,	 /* code = exit status */
	EXIT_SIGNALLED,	 /* code = signal */
	EXIT_OOM,	 /* the kernel's out-of-memory killer struck in the cgroup */
	EXIT_TIMEOUT,	 /* wall */
	EXIT_IDLE,	 /* no output for limits.idle_ms */
	EXIT_PIDS_LIMIT, /* ended by failure after the pids limit was hit */
	EXIT_OUTPUT_LIMIT,
	EXIT_KILLED_SYSCALL, /* SIGSYS by the filter; code = syscall number where known, else -1 */
	EXIT_CANCELLED,	     /* sandbox_kill() by the host */
	EXIT_KIND_N
};

struct exit_record {
	int kind; /* enum exit_kind */
	int code;
	uint64_t wall_us, cpu_us, peak_memory; /* bytes */
	uint32_t pids_refused;		       /* forks refused by the pids limit */
	uint32_t oom_kills;
	uint32_t notified; /* notify: calls recorded */
};

const char *exit_kind_name(int kind); /* "exited", "signalled", "out-of-memory", "timeout", ... */
int exit_kind_from_name(const char *name); /* or -1 */
/* What a shell would see: the code, 128 + signal, 137 for every other end. */
int exit_status(const struct exit_record *r);

struct sandbox_timing {
	const char *step;
	uint64_t us;
};

struct sandbox;

/* Builds everything and starts the payload.  On failure e names the step and nothing is left. */
int sandbox_start(const struct sandbox_spec *spec, struct sandbox **out, struct err *e);
/* An epoll descriptor: readable when sandbox_step() has something to do. Owned by the sandbox. */
int sandbox_fd(const struct sandbox *s);
/* Drains output, applies limits.  1: ended and every process is gone; 0: still running; <0 error
 * (the member was killed). */
int sandbox_step(struct sandbox *s, struct err *e);
/* Steps until the end. */
int sandbox_wait(struct sandbox *s, struct exit_record *out, struct err *e);
const struct exit_record *
sandbox_exit(const struct sandbox *s); /* kind EXIT_RUNNING until the end */
/* Until its wall clock ends it; 0: it is over. What it stood still does not count. */
uint64_t sandbox_left_ms(const struct sandbox *s);
/* Kills every process and waits for them: thaw first. kind becomes EXIT_CANCELLED unless it had
 * ended. */
int sandbox_kill(struct sandbox *s, struct err *e);
int sandbox_pause(struct sandbox *s, bool frozen, struct err *e);
/* Collected bytes of fd 1, 2 or a capture; owned by the sandbox. */
const struct buf *sandbox_output(const struct sandbox *s, int fd);
/* Notified system calls since the last call: JSON array of {"syscall","pid","comm"}; new reference
 * or NULL. */
json_t *sandbox_notified(struct sandbox *s);
/* socket() within the replica's network, for the host side to bind or connect; close-on-exec. */
int sandbox_socket(const struct sandbox *s, int domain, int type, struct err *e);
const struct sandbox_timing *sandbox_timings(const struct sandbox *s, size_t *n);
/*
 * After the end: the upper becomes a read-only layer (DESIGN section 6).  *layer is a detached,
 * read-only directory fd with stored ids; the caller owns it.  -EBUSY when something still writes.
 */
int sandbox_freeze(struct sandbox *s, int *layer, struct err *e);
void sandbox_close(struct sandbox *s); /* kills, waits, removes; NULL is fine; keeps errno */

/* What this host offers, for `doctor` (state: where locks lie when /run cannot hold them): JSON
 * object of facts and chosen variants (recipe, cgroup mode, landlock abi ...). */
json_t *sandbox_probe(const char *state, struct err *e);
/* Removes what a killed orchestrator left (cgroups, id locks, disk uppers) of replicas whose owner
 * is gone. Returns the number. */
int sandbox_sweep(const char *state, struct err *e);
