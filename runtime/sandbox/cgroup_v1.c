/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/sandbox/cgroup_impl.h"

/* The legacy hierarchies: limits (also on a hybrid host), and life by freezer and signals. */
#define PERIOD_US  100000
#define STATE_WAIT 2000 /* rounds of about a millisecond */

static int v1_apply(const struct cgroup *cg, const struct sandbox_limits *lim, struct err *e)
{
	const int memory = cg_dir(cg, CG_MEMORY), cpu = cg_dir(cg, CG_CPU);

	if (lim->memory > 0) {
		if (cg_write_u64(memory, "memory.limit_in_bytes", lim->memory, e) < 0)
			return -e->code;
		/* Absent where the kernel does not count swap. */
		if (cg_write_optional(memory, "memory.memsw.limit_in_bytes",
				      lim->memory + lim->swap, e) < 0)
			return -e->code;
	}
	if (lim->pids > 0 && cg_write_u64(cg_dir(cg, CG_PIDS), "pids.max", lim->pids, e) < 0)
		return -e->code;
	if (lim->cpu_milli == 0)
		return 0;
	if (cpu < 0)
		return err_set(e, ENOTSUP,
			       "no cpu controller is mounted, so cpu cannot be limited");
	if (cg_write_u64(cpu, "cpu.cfs_period_us", PERIOD_US, e) < 0 ||
	    cg_write_u64(cpu, "cpu.cfs_quota_us", lim->cpu_milli * (uint64_t)(PERIOD_US / 1000),
			 e) < 0)
		return -e->code;
	return 0;
}

static int v1_stats(const struct cgroup *cg, struct cgroup_stats *out, struct err *e)
{
	const int memory = cg_dir(cg, CG_MEMORY), unified = cg_dir(cg, CG_UNIFIED);
	uint64_t oom = 0, refused = 0, cpu = 0;
	struct cgroup_stats s = { 0 };

	if (cg_number(memory, "memory.max_usage_in_bytes", NULL, &s.peak_memory, e) < 0 ||
	    cg_number(memory, "memory.oom_control", "oom_kill", &oom, e) < 0 ||
	    cg_number(cg_dir(cg, CG_PIDS), "pids.events", "max", &refused, e) < 0)
		return -e->code;
	if (unified >= 0) {
		if (cg_number(unified, "cpu.stat", "usage_usec", &s.cpu_us, e) < 0)
			return -e->code;
	} else if (cg_dir(cg, CG_CPUACCT) >= 0) {
		if (cg_number(cg_dir(cg, CG_CPUACCT), "cpuacct.usage", NULL, &cpu, e) < 0)
			return -e->code;
		s.cpu_us = cpu / 1000;
	}
	s.oom_kills = (uint32_t)oom;
	s.pids_refused = (uint32_t)refused;
	*out = s;
	return 0;
}

static int v1_freeze(const struct cgroup *cg, bool frozen, struct err *e)
{
	const char *want = frozen ? "FROZEN" : "THAWED";
	const int dir = cg_dir(cg, CG_FREEZER);
	char state[32];

	for (int i = 0; i < STATE_WAIT; i++) {
		/* Written each time: a group that forks while it freezes stays FREEZING until it is
		 * asked again. */
		if (cg_write(dir, "freezer.state", want, e) < 0 ||
		    cg_read(dir, "freezer.state", state, sizeof(state), e) < 0)
			return -e->code;
		if (strncmp(state, want, strlen(want)) == 0)
			return 0;
		cg_sleep_us(1000);
	}
	return err_set(e, ETIMEDOUT, "freezer.state: still %.*s", (int)strcspn(state, "\n"), state);
}

static int v1_populated(const struct cgroup *cg, struct err *e)
{
	char procs[64];
	const int n = cg_read(cg_dir(cg, CG_FREEZER), "cgroup.procs", procs, sizeof(procs), e);

	return n < 0 ? n : n > 0;
}

/*
 * A frozen process can neither fork nor exit, so none is missed and no number
 * is reused between the listing and the signal; the signals arrive with the thaw.
 */
static int v1_kill(const struct cgroup *cg, struct err *e)
{
	const int dir = cg_dir(cg, CG_FREEZER);

	for (int i = 0; i < STATE_WAIT; i++) {
		int n = v1_populated(cg, e);

		if (n <= 0)
			return n;
		if (i % 100 == 0) {
			/* One in uninterruptible sleep cannot be frozen, but signalled all the
			 * same. */
			if (v1_freeze(cg, true, e) < 0 && e->code != ETIMEDOUT)
				return -e->code;
			n = cg_signal_all(dir, e);
			if (n < 0 || v1_freeze(cg, false, e) < 0)
				return -e->code;
		}
		cg_sleep_us(i < 20 ? 200 : 2000);
	}
	return err_set(e, ETIMEDOUT,
		       "processes do not end after SIGKILL (they wait in the kernel)");
}

const struct cgroup_limit_ops cgroup_v1_limit = { v1_apply, v1_stats };
const struct cgroup_life_ops cgroup_v1_life = { v1_freeze, v1_kill, v1_populated };
