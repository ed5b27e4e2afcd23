/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "runtime/sandbox/cgroup.h"

/*
 * Private to cgroup*.c.  A host offers up to six hierarchies; each serves some
 * jobs, and a group is one directory in each.  The first one also carries the
 * owner's lock (flock): the kernel lets go of it when the owner dies, whatever
 * pid namespace it lived in, which a pid in the name could not tell.
 */
enum cg_job {
	CG_MEMORY = 1,
	CG_PIDS = 2,
	CG_CPU = 4,
	CG_CPUACCT = 8,
	CG_FREEZER = 16,
	CG_UNIFIED = 32, /* kill, freeze, populated, cpu usage by cgroup2 */
};

#define CG_HIER_MAX  6
#define CG_NAME_MAX  96
#define CG_PARENT    "sickbay"
#define CG_HOST_LEAF "sickbay-host"

struct cg_hier {
	unsigned jobs;	     /* enum cg_job */
	char base[PATH_MAX]; /* the parent directory is made here */
};

struct cgroup_limit_ops {
	int (*apply)(const struct cgroup *cg, const struct sandbox_limits *lim, struct err *e);
	int (*stats)(const struct cgroup *cg, struct cgroup_stats *out, struct err *e);
};

struct cgroup_life_ops {
	int (*freeze)(const struct cgroup *cg, bool frozen, struct err *e);
	int (*kill)(const struct cgroup *cg, struct err *e);
	int (*populated)(const struct cgroup *cg, struct err *e);
};

struct cg_host {
	int mode;
	size_t n;
	struct cg_hier hier[CG_HIER_MAX];
	const struct cgroup_limit_ops *limit;
	const struct cgroup_life_ops *life;
};

struct cgroup {
	const struct cg_host *host;
	char name[CG_NAME_MAX];
	int dir[CG_HIER_MAX]; /* -1: not made */
};

extern const struct cgroup_limit_ops cgroup_v1_limit, cgroup_v2_limit;
extern const struct cgroup_life_ops cgroup_v1_life, cgroup_v2_life;

/* The host as found, or as forced by a test; owned by the module. */
int cg_host(const struct cg_host **out, struct err *e);
/* On cgroup2: limits may be set beneath this hierarchy's parent directory. */
int cgroup_v2_delegate(const struct cg_hier *h, int parent, struct err *e);

struct cgroup *cg_new(const struct cg_host *host); /* nothing made yet; NULL when out of memory */
int cg_open_parent(const struct cg_host *host, size_t i, bool make, struct err *e);
/* The first hierarchy's parent, locked (LOCK_SH or LOCK_EX) and known to exist still. */
int cg_lock_parent(const struct cg_host *host, int how, bool make, struct err *e);
void cg_remove_parents(const struct cg_host *host);

/* The group's directory that does this job, or -1. */
int cg_dir(const struct cgroup *cg, unsigned job);
int cg_write(int dir, const char *file, const char *text, struct err *e);
int cg_write_u64(int dir, const char *file, uint64_t value, struct err *e);
/* The same for a file that some kernels lack: then nothing happens. */
int cg_write_optional(int dir, const char *file, uint64_t value, struct err *e);
/* A control file, cut at n - 1 bytes, NUL-terminated; the length or -errno. */
int cg_read(int dir, const char *file, char *out, size_t n, struct err *e);
/* The number in a file of one number, or after `key ` in a file of lines; 0 when the file or key is
 * missing. */
int cg_number(int dir, const char *file, const char *key, uint64_t *out, struct err *e);
/* fn for every process listed (0 or -errno stops); the number of processes or -errno. */
int cg_each_pid(int dir, int (*fn)(void *ctx, pid_t pid, struct err *e), void *ctx, struct err *e);
int cg_signal_all(int dir, struct err *e); /* SIGKILL */
void cg_sleep_us(long us);
