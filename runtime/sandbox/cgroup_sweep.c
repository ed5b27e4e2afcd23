/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/sandbox/cgroup_impl.h"

/*
 * What a killed orchestrator left.  All that lies beneath our parent directory
 * is ours; a group whose lock is free has no owner any more, and so has one
 * that lacks its first directory (cut off while it was removed).  One that its
 * owner removes just now may be gone at any step: then there is nothing to do.
 */
#define KILL_ROUNDS 2000

static int adopt(const struct cg_host *host, const char *name, struct cgroup **out, struct err *e)
{
	struct cgroup *cg = cg_new(host);

	if (!cg)
		return err_set(e, ENOMEM, "sweep: out of memory");
	memcpy(cg->name, name, strlen(name) + 1); /* sweep_one() looked at the length */
	for (size_t i = 0; i < host->n; i++) {
		struct err why = ERR_INIT;
		AUTO_CLOSE int parent = cg_open_parent(host, i, false, &why);

		if (parent >= 0)
			cg->dir[i] = openat(parent, name,
					    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	*out = cg;
	return 0;
}

/* Not ours: nothing is killed or removed. */
static void let_go(struct cgroup *cg)
{
	for (size_t i = 0; i < cg->host->n; i++)
		if (cg->dir[i] >= 0)
			(void)close(take_fd(&cg->dir[i]));
	cgroup_close(cg);
}

/* Without the directory that kills and freezes: signals alone. */
static int kill_rest(const struct cgroup *cg, struct err *e)
{
	for (size_t i = 0; i < cg->host->n; i++) {
		int left = cg->dir[i] < 0 ? 0 : 1;

		for (int round = 0; left > 0 && round < KILL_ROUNDS; round++) {
			left = cg_signal_all(cg->dir[i], e);
			if (left < 0)
				return left;
			cg_sleep_us(1000);
		}
	}
	return 0;
}

/* 1: removed; 0: it has an owner. */
static int sweep_one(const struct cg_host *host, const char *name, struct err *e)
{
	struct cgroup *cg = NULL;
	struct err why = ERR_INIT;
	int r;

	if (strlen(name) >= sizeof(cg->name))
		return 0;
	r = adopt(host, name, &cg, e);
	if (r < 0 || !cg)
		return r;
	for (size_t i = 0; i < host->n; i++) {
		if (cg->dir[i] >= 0 && flock(cg->dir[i], LOCK_EX | LOCK_NB) < 0) {
			let_go(cg);
			return 0;
		}
	}
	r = cg->dir[0] >= 0 ? cgroup_kill(cg, &why) : kill_rest(cg, &why);
	cgroup_close(cg);
	if (r == 0)
		return 1;
	if (why.code == ENODEV || why.code == ENOENT)
		return 0;
	*e = why;
	return r;
}

static int sweep_parent(const struct cg_host *host, size_t i, struct err *e)
{
	struct err absent = ERR_INIT;
	AUTO_CLOSE int fd = cg_open_parent(host, i, false, &absent);
	CLEANUP(cleanup_closedir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int removed = 0;

	if (!dir)
		return 0;
	(void)take_fd(&fd);
	for (struct dirent *d = readdir(dir); d; d = readdir(dir)) {
		int r;

		if (d->d_type != DT_DIR || d->d_name[0] == '.')
			continue;
		r = sweep_one(host, d->d_name, e);
		if (r < 0)
			return err_wrap(e, "sweep");
		removed += r;
	}
	return removed;
}

static int sweep_all(const struct cg_host *host, struct err *e)
{
	/* With one hierarchy no parent means nothing to do; with several the lock must exist first.
	 */
	const bool make = host->n > 1;
	AUTO_CLOSE int lock = cg_lock_parent(host, LOCK_EX, make, e);
	int removed = 0;

	if (lock < 0 && !make && (e->code == ENOENT || e->code == ENODEV)) {
		*e = (struct err)ERR_INIT;
		return 0;
	}
	if (lock < 0)
		return lock;
	for (size_t i = 0; i < host->n; i++) {
		const int r = sweep_parent(host, i, e);

		if (r < 0)
			return r;
		removed += r;
	}
	return removed;
}

int cgroup_sweep(struct err *e)
{
	const struct cg_host *host = NULL;
	int r = cg_host(&host, e);

	if (r < 0)
		return r;
	r = sweep_all(host, e);
	cg_remove_parents(host);
	return r;
}
