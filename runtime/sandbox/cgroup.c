/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sandbox/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/id.h"
#include "runtime/base/sys.h"
#include "runtime/sandbox/cgroup_impl.h"

/*
 * Making, locking and removing groups, the same on every host; limits and life
 * go through the two tables of the mode.  A group is made under a shared lock
 * of the first parent and locked before that is dropped; who sweeps, or removes
 * the parents, holds that lock alone: so neither meets a group half made.
 */
#define MAKE_TRIES   8
#define REMOVE_TRIES 500

DEFINE_CLEANUP(struct cgroup, cgroup_close);

int cg_open_parent(const struct cg_host *host, size_t i, bool make, struct err *e)
{
	const struct cg_hier *h = &host->hier[i];
	AUTO_CLOSE int base = open(h->base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int parent = -1;
	int r;

	if (base < 0)
		return err_sys(e, "'%s'", h->base);
	if (make) {
		r = sys_mkdirat(base, CG_PARENT, 0755);
		if (r < 0 && r != -EEXIST)
			return err_set(e, -r, "make '%s/%s': %s", h->base, CG_PARENT, strerror(-r));
	}
	parent = openat(base, CG_PARENT, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (parent < 0)
		return err_sys(e, "'%s/%s'", h->base, CG_PARENT);
	if (make && host->mode == CGROUP_V2 && cgroup_v2_delegate(h, parent, e) < 0)
		return -e->code;
	return take_fd(&parent);
}

/* The parent vanishes when its last group is closed, perhaps just now by someone else. */
int cg_lock_parent(const struct cg_host *host, int how, bool make, struct err *e)
{
	for (int i = 0; i < MAKE_TRIES; i++) {
		AUTO_CLOSE int parent = cg_open_parent(host, 0, make, e);
		char events[16];

		if (parent < 0)
			return parent;
		if (flock(parent, how) < 0)
			return err_sys(e, "lock '%s'", CG_PARENT);
		if (cg_read(parent, "cgroup.procs", events, sizeof(events), e) >= 0)
			return take_fd(&parent);
		if (e->code != ENODEV && e->code != ENOENT)
			return -e->code;
	}
	return -e->code;
}

static int make_dir(struct cgroup *cg, size_t i, struct err *e)
{
	for (int tries = 0;; tries++) {
		AUTO_CLOSE int parent = cg_open_parent(cg->host, i, true, e);
		int r;

		if (parent < 0)
			return parent;
		r = sys_mkdirat(parent, cg->name, 0755);
		if (r == 0) {
			cg->dir[i] = openat(parent, cg->name,
					    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			if (cg->dir[i] >= 0)
				return 0;
			r = -errno;
			(void)unlinkat(parent, cg->name, AT_REMOVEDIR);
		}
		if ((r != -ENOENT && r != -ENODEV) || tries == MAKE_TRIES)
			return err_set(e, -r, "make '%s/%s/%s': %s", cg->host->hier[i].base,
				       CG_PARENT, cg->name, strerror(-r));
	}
}

struct cgroup *cg_new(const struct cg_host *host)
{
	struct cgroup *cg = calloc(1, sizeof(*cg));

	if (!cg)
		return NULL;
	cg->host = host;
	for (size_t i = 0; i < CG_HIER_MAX; i++)
		cg->dir[i] = -1;
	return cg;
}

static int make_all(struct cgroup *cg, const struct sandbox_limits *lim, struct err *e)
{
	AUTO_CLOSE int lock = cg_lock_parent(cg->host, LOCK_SH, true, e);

	if (lock < 0)
		return lock;
	for (size_t i = 0; i < cg->host->n; i++)
		if (make_dir(cg, i, e) < 0)
			return -e->code;
	/* each of them: whoever sweeps may see other hierarchies than we do */
	for (size_t i = 0; i < cg->host->n; i++)
		if (flock(cg->dir[i], LOCK_EX | LOCK_NB) < 0)
			return err_sys(e, "lock the new group");
	return cg->host->limit->apply(cg, lim, e);
}

int cgroup_create(const char *name, const struct sandbox_limits *lim, struct cgroup **out,
		  struct err *e)
{
	const struct cg_host *host = NULL;
	CLEANUP(cleanup_cgroup_close) struct cgroup *cg = NULL;
	char id[ID_LEN];

	if (!name_is_safe(name))
		return err_set(e, EINVAL, "control group: '%s' is not a safe name", name);
	if (cg_host(&host, e) < 0)
		return -e->code;
	cg = cg_new(host);
	if (!cg)
		return err_set(e, ENOMEM, "control group: out of memory");
	id_random(id);
	(void)snprintf(cg->name, sizeof(cg->name), "%s.%s", name, id);
	if (make_all(cg, lim, e) < 0)
		return err_wrap(e, "control group (%s)", cgroup_mode_name(host->mode));
	*out = take_ptr(cg);
	return 0;
}

int cgroup_clone_fd(const struct cgroup *cg)
{
	return cg_dir(cg, CG_UNIFIED);
}

/*
 * Moving a process stops every fork and exit of the machine for an RCU grace period, 5 to 40 ms on
 * a busy host; only a thread that moves itself is spared that.  cgroup2 has no such way, but a
 * process can be cloned into a group there.
 */
static int attach_one(const struct cgroup *cg, size_t i, pid_t pid, struct err *e)
{
	if (!(cg->host->hier[i].jobs & CG_UNIFIED) && pid == getpid())
		return cg_write(cg->dir[i], "tasks", "0", e);
	return cg_write_u64(cg->dir[i], "cgroup.procs", (uint64_t)pid, e);
}

int cgroup_attach(struct cgroup *cg, pid_t pid, bool cloned_into, struct err *e)
{
	for (size_t i = 0; i < cg->host->n; i++) {
		if (cloned_into && (cg->host->hier[i].jobs & CG_UNIFIED))
			continue;
		if (attach_one(cg, i, pid, e) < 0)
			return err_wrap(e, "put process %d into control group '%s/%s'", (int)pid,
					cg->host->hier[i].base, cg->name);
	}
	return 0;
}

static int wrapped(int r, const struct cgroup *cg, struct err *e)
{
	return r < 0 ? err_wrap(e, "control group '%s'", cg->name) : r;
}

int cgroup_kill(struct cgroup *cg, struct err *e)
{
	return wrapped(cg->host->life->kill(cg, e), cg, e);
}

int cgroup_freeze(struct cgroup *cg, bool frozen, struct err *e)
{
	return wrapped(cg->host->life->freeze(cg, frozen, e), cg, e);
}

int cgroup_populated(struct cgroup *cg, struct err *e)
{
	return wrapped(cg->host->life->populated(cg, e), cg, e);
}

int cgroup_stats(struct cgroup *cg, struct cgroup_stats *out, struct err *e)
{
	return wrapped(cg->host->limit->stats(cg, out, e), cg, e);
}

/* A group stays busy for a moment after its last process is gone. */
static int remove_dir(int parent, const char *name)
{
	for (int i = 0; i < REMOVE_TRIES; i++) {
		if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		if (errno != EBUSY)
			break;
		cg_sleep_us(i < 50 ? 100 : 4000);
	}
	return -errno;
}

static void remove_group(struct cgroup *cg)
{
	/* Last the one with the lock: as long as it exists, the others have an owner. */
	for (size_t i = cg->host->n; i-- > 0;) {
		struct err e = ERR_INIT;
		AUTO_CLOSE int parent = -1;

		if (cg->dir[i] < 0)
			continue;
		parent = cg_open_parent(cg->host, i, false, &e);
		if (parent >= 0)
			(void)remove_dir(parent, cg->name);
		(void)close(take_fd(&cg->dir[i]));
	}
}

/* Fails where other groups are left: that is how the last one out is told. */
void cg_remove_parents(const struct cg_host *host)
{
	struct err e = ERR_INIT;
	AUTO_CLOSE int lock = cg_open_parent(host, 0, false, &e);

	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0)
		return; /* someone makes or sweeps just now, and will be the last one out */
	for (size_t i = host->n; i-- > 0;) {
		AUTO_CLOSE int base = open(host->hier[i].base, O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (base >= 0)
			(void)unlinkat(base, CG_PARENT, AT_REMOVEDIR);
	}
}

void cgroup_close(struct cgroup *cg)
{
	const int saved = errno;
	struct err e = ERR_INIT;

	if (!cg)
		return;
	if (cg_dir(cg, cg->host->mode == CGROUP_V1 ? CG_FREEZER : CG_UNIFIED) >= 0)
		(void)cg->host->life->kill(cg, &e);
	remove_group(cg);
	cg_remove_parents(cg->host);
	free(cg);
	errno = saved;
}
