/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/sys.h"
#include "runtime/sandbox/cgroup_impl.h"

/* cgroup2: limits where it has the controllers; kill, freeze and "empty" on hybrid hosts, too. */
#define PERIOD_US  100000
#define WAIT_STEPS 100 /* of at most WAIT_MS */
#define WAIT_MS	   100

static int v2_apply(const struct cgroup *cg, const struct sandbox_limits *lim, struct err *e)
{
	const int dir = cg_dir(cg, CG_UNIFIED);
	char cpu[64];

	if (lim->memory > 0) {
		if (cg_write_u64(dir, "memory.max", lim->memory, e) < 0)
			return -e->code;
		/* Absent where the kernel does not count swap. */
		if (cg_write_optional(dir, "memory.swap.max", lim->swap, e) < 0)
			return -e->code;
	}
	if (lim->pids > 0 && cg_write_u64(dir, "pids.max", lim->pids, e) < 0)
		return -e->code;
	if (lim->cpu_milli == 0)
		return 0;
	if (cg_dir(cg, CG_CPU) < 0)
		return err_set(e, ENOTSUP,
			       "no cpu controller is available, so cpu cannot be limited");
	(void)snprintf(cpu, sizeof(cpu), "%llu %d",
		       (unsigned long long)lim->cpu_milli * (PERIOD_US / 1000), PERIOD_US);
	return cg_write(dir, "cpu.max", cpu, e);
}

static int v2_stats(const struct cgroup *cg, struct cgroup_stats *out, struct err *e)
{
	const int dir = cg_dir(cg, CG_UNIFIED);
	uint64_t oom = 0, refused = 0;
	struct cgroup_stats s = { 0 };

	if (cg_number(dir, "cpu.stat", "usage_usec", &s.cpu_us, e) < 0 ||
	    cg_number(dir, "memory.peak", NULL, &s.peak_memory, e) < 0 ||
	    cg_number(dir, "memory.events", "oom_kill", &oom, e) < 0 ||
	    cg_number(dir, "pids.events", "max", &refused, e) < 0)
		return -e->code;
	s.oom_kills = (uint32_t)oom;
	s.pids_refused = (uint32_t)refused;
	*out = s;
	return 0;
}

/* Waits until `key` in cgroup.events has the value; the kernel signals a change by POLLPRI. */
static int await_event(const struct cgroup *cg, const char *key, uint64_t want, struct err *e)
{
	const int dir = cg_dir(cg, CG_UNIFIED);
	AUTO_CLOSE int fd = openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "cgroup.events");
	for (int i = 0; i < WAIT_STEPS; i++) {
		struct pollfd p = { .fd = fd, .events = POLLPRI };
		char text[256];
		uint64_t now = 0;

		/* Read through the polled file: that is what re-arms the poll. */
		const ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

		if (n < 0)
			return err_sys(e, "cgroup.events");
		if (cg_number(dir, "cgroup.events", key, &now, e) < 0)
			return -e->code;
		if (now == want)
			return 0;
		(void)poll(&p, 1, WAIT_MS);
	}
	return err_set(e, ETIMEDOUT, "cgroup.events: '%s' does not become %d", key, (int)want);
}

static int v2_freeze(const struct cgroup *cg, bool frozen, struct err *e)
{
	if (cg_write(cg_dir(cg, CG_UNIFIED), "cgroup.freeze", frozen ? "1" : "0", e) < 0)
		return -e->code;
	return await_event(cg, "frozen", frozen, e);
}

static int v2_populated(const struct cgroup *cg, struct err *e)
{
	uint64_t n = 0;

	if (cg_number(cg_dir(cg, CG_UNIFIED), "cgroup.events", "populated", &n, e) < 0)
		return -e->code;
	return n != 0;
}

static int v2_kill(const struct cgroup *cg, struct err *e)
{
	const int dir = cg_dir(cg, CG_UNIFIED);
	const int alive = v2_populated(cg, e);

	if (alive <= 0) /* and none comes: who could fork is gone */
		return alive;
	/* Killing reaches frozen processes as well; thawing first would let them run once more. */
	if (cg_write(dir, "cgroup.kill", "1", e) < 0) {
		if (e->code != ENOENT)
			return -e->code;
		/* Before 5.14: nothing forks while frozen, so one listing is complete. */
		if (v2_freeze(cg, true, e) < 0 || cg_signal_all(dir, e) < 0)
			return -e->code;
	}
	if (cg_write(dir, "cgroup.freeze", "0", e) < 0)
		return -e->code;
	if (await_event(cg, "populated", 0, e) < 0)
		return err_wrap(e, "processes do not end after SIGKILL");
	return 0;
}

static int enable(int dir, unsigned jobs, struct err *e)
{
	static const struct {
		unsigned job;
		const char *add;
	} rows[] = { { CG_MEMORY, "+memory" }, { CG_PIDS, "+pids" }, { CG_CPU, "+cpu" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char on[512];

		if (!(jobs & rows[i].job))
			continue;
		if (cg_read(dir, "cgroup.subtree_control", on, sizeof(on), e) < 0)
			return -e->code;
		for (char *save = NULL, *w = strtok_r(on, " \n", &save); w;
		     w = strtok_r(NULL, " \n", &save))
			if (strcmp(w, rows[i].add + 1) == 0)
				goto next;
		if (cg_write(dir, "cgroup.subtree_control", rows[i].add, e) < 0)
			return -e->code;
	next:;
	}
	return 0;
}

static int is_us(void *ctx, pid_t pid, struct err *e)
{
	(void)e;
	*(bool *)ctx |= pid == getpid();
	return 0;
}

static int move_one(void *ctx, pid_t pid, struct err *e)
{
	const int leaf = *(const int *)ctx;

	if (cg_write_u64(leaf, "cgroup.procs", (uint64_t)pid, e) < 0 && e->code != ESRCH)
		return -e->code;
	return 0;
}

/* Our own group, delegated to us, has processes: they move into a leaf, as cgroup2 demands. */
static int move_into_leaf(int base, struct err *e)
{
	AUTO_CLOSE int leaf = -1;
	bool ours = false;
	int r = cg_each_pid(base, is_us, &ours, e);

	if (r < 0)
		return r;
	if (!ours)
		return err_set(e, EBUSY, "its processes are not ours to move");
	r = sys_mkdirat(base, CG_HOST_LEAF, 0755);
	if (r < 0 && r != -EEXIST)
		return err_set(e, -r, "'%s': %s", CG_HOST_LEAF, strerror(-r));
	leaf = openat(base, CG_HOST_LEAF, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (leaf < 0)
		return err_sys(e, "'%s'", CG_HOST_LEAF);
	r = cg_each_pid(base, move_one, &leaf, e);
	return r < 0 ? r : 0;
}

int cgroup_v2_delegate(const struct cg_hier *h, int parent, struct err *e)
{
	AUTO_CLOSE int base = open(h->base, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (base < 0)
		return err_sys(e, "'%s'", h->base);
	if (enable(base, h->jobs, e) < 0) {
		if (e->code != EBUSY)
			return err_wrap(e, "'%s'", h->base);
		if (move_into_leaf(base, e) < 0 || enable(base, h->jobs, e) < 0)
			return err_wrap(e, "'%s' has processes of its own", h->base);
	}
	return enable(parent, h->jobs, e);
}

const struct cgroup_limit_ops cgroup_v2_limit = { v2_apply, v2_stats };
const struct cgroup_life_ops cgroup_v2_life = { v2_freeze, v2_kill, v2_populated };
