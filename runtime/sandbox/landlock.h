/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/sandbox/spec.h"

/*
 * Landlock as a second line behind the mounts: an allow-list of paths inside
 * the replica, and (where the kernel can) no abstract socket and no signal
 * across its border.  Prepared on the host, applied in the child after
 * pivot_root and just before the system-call filter: mount(2) fails from then on.
 */
struct landlock_rule {
	const char *path; /* borrowed from the spec */
	uint64_t rights;
};

struct landlock_plan {
	int abi;	     /* 0: the kernel has no Landlock, nothing is applied */
	uint64_t handled_fs; /* 0: no path rules */
	uint64_t scoped;
	struct landlock_rule *rules; /* owned */
	size_t n_rules;
};

/* 0 where there is none or it is switched off; -errno (for landlock_prepare() to report) when that
 * is not known. */
int landlock_abi(void);
/* abi: landlock_abi(), or less (tests). Refuses relative paths, ".." and unknown access bits. */
int landlock_prepare(const struct sandbox_path_rule *rules, size_t n, int abi,
		     struct landlock_plan *out, struct err *e);
void landlock_plan_release(struct landlock_plan *p);
/* In the child, after no_new_privs; async-signal-safe.  Missing paths are skipped.  0 or -errno. */
int landlock_apply(const struct landlock_plan *p);
