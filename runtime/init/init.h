/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/filter.h>
#include <stdint.h>

/*
 * What the host and pid 1 of a member say to each other, over one
 * SOCK_SEQPACKET pair whose end inside is named by argv[1]; argv[2..] and the
 * environment are the payload's.  The host sends a plan, then one byte "go".
 * pid 1 answers with struct init_msg.  When the host's end closes, it ends.
 */
#define INIT_MAX_INSNS 4096
#define INIT_CWD_MAX   4096

struct init_plan {
	uint32_t uid, gid, umask;
	uint32_t notify;  /* install the filter with a listener */
	uint32_t n_insns; /* as many struct sock_filter follow */
	char cwd[INIT_CWD_MAX];
};

enum init_type {
	INIT_FAILED = 1, /* step, code: the payload could not be started */
	INIT_LISTENER,	 /* code: number of the filter's listener in pid 1; waits for one byte */
	INIT_STARTED,
	INIT_ENDED, /* code: wait status, and what was used */
};

struct init_msg {
	uint32_t type;
	uint32_t step; /* enum init_step */
	int32_t code;
	uint32_t zero;
	uint64_t cpu_us, max_rss; /* bytes */
};

/* What pid 1 does for the payload, in order; the host has the words. */
enum init_step {
	INIT_STEP_PLAN,
	INIT_STEP_SPAWN,
	INIT_STEP_SESSION,
	INIT_STEP_CWD,
	INIT_STEP_IDS,
	INIT_STEP_CAPS,
	INIT_STEP_FILTER,
	INIT_STEP_LISTENER,
	INIT_STEP_EXEC,
	INIT_STEP_N
};
