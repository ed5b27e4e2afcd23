/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/buf.h"
#include "runtime/init/init.h"
#include "runtime/sandbox/cgroup.h"
#include "runtime/sandbox/idrange.h"
#include "runtime/sandbox/mount.h"
#include "runtime/sandbox/notify.h"
#include "runtime/sandbox/sandbox.h"

/* Shared by the files that start, drive and end one sandbox; nobody else includes it. */
#define SANDBOX_MAX_FDS	 64
#define SANDBOX_MAX_TO	 255
#define SANDBOX_TIMINGS	 48
#define SANDBOX_NOTIFIED 4096

struct stream { /* one pipe that the host reads */
	int to, fd;
	uint64_t total, max;
	struct buf out;
};

struct sandbox {
	struct sandbox_limits limits;
	void (*on_output)(void *ctx, int fd, const void *data, size_t n);
	void *ctx;

	struct idrange *ids;
	struct cgroup *cgroup;
	struct root root;
	struct notify *notify;
	pid_t pid; /* pid 1 of the member; 0 once reaped */
	int pidfd, sock, epoll, timer;
	int held[4]; /* its namespaces: their end costs milliseconds, and not on our time */
	struct stream streams[2 + SANDBOX_MAX_FDS];
	size_t n_streams;

	uint64_t started_ns, heard_ns; /* clock_mono_ns() */
	struct exit_record record;
	bool reported; /* the payload's wait status is in record */
	int why;       /* enum exit_kind the host ended it for, or EXIT_RUNNING */
	bool ended;

	struct sandbox *next; /* of this process's members: hold.c */
	char name[64];
	bool frozen;
	uint64_t frozen_ns;

	struct sandbox_timing timings[SANDBOX_TIMINGS];
	size_t n_timings;
};

/* Words for enum init_step. */
const char *init_step_name(unsigned step);
/* 1: a message, 0: the other end is closed, or -EAGAIN. */
int sandbox_hear(struct sandbox *s, struct init_msg *m, struct err *e);
/* Sets the timer to the nearer of the two ends. */
int sandbox_arm(struct sandbox *s, struct err *e);
/* hold.c: the members of this process, the descriptor that each of them watches too (-1: none), and
 * what is to be done when it is readable. */
void hold_add(struct sandbox *s);
void hold_remove(const struct sandbox *s);
int hold_fd(void);
int hold_step(struct err *e);
/* Watches descriptors, starts the clocks. */
int sandbox_watch(struct sandbox *s, struct err *e);
