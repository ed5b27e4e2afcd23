/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/jmap.h"

/*
 * Everything one member of a replica needs, as plain data: filled by the
 * orchestrator (and policy/compile), read by sandbox_start().  Borrowed
 * pointers must live until sandbox_start() returns.  Units: bytes,
 * milliseconds, thousandths of a cpu.  0 in a limit means "the default of spec_defaults()".
 */
enum sandbox_upper { SANDBOX_UPPER_TMPFS, SANDBOX_UPPER_DISK };

struct sandbox_limits {
	uint64_t memory, swap, disk, inodes, output;
	uint64_t wall_ms, idle_ms;
	uint32_t cpu_milli, pids, open_files;
};

enum sandbox_access { SANDBOX_READ = 1, SANDBOX_WRITE = 2, SANDBOX_EXEC = 4 };

/* Landlock: what may be touched beneath a path of the replica. Empty list: no Landlock rules
 * (mounts alone). */
struct sandbox_path_rule {
	char *path;	 /* absolute, inside the replica; missing ones are skipped */
	unsigned access; /* enum sandbox_access */
};

struct sandbox_tmpfs {
	char *path;
	uint64_t size;
	bool exec;
};

/* A prepared read-only tree or file mounted into the root (toolchain pieces, the agent's program).
 */
struct sandbox_bind {
	int fd;		    /* O_PATH of a directory or a regular file; borrowed */
	const char *target; /* absolute; made when missing */
	bool writable, noexec;
};

/* One inherited descriptor; `to` >= 3. */
struct sandbox_fd {
	int from, to;
};

/* One pipe that the host reads, with its own bound; `to` 1 and 2 are always captured. */
struct sandbox_capture {
	int to;
	uint64_t max; /* more ends the payload with EXIT_OUTPUT_LIMIT; 0: limits.output */
};

enum seccomp_preset { SECCOMP_MINIMAL, SECCOMP_BUILD, SECCOMP_BUILD_NET, SECCOMP_DEBUG };

struct seccomp_spec {
	int preset; /* enum seccomp_preset; DEBUG and BUILD_NET differ by sets of calls */
	struct strlist allow, deny, notify; /* names or @groups, on top of the preset; deny wins */
	bool kill;			    /* default action: kill instead of EPERM/ENOSYS */
};

struct sandbox;

struct sandbox_spec {
	const char *name;  /* replica id: name_is_safe() */
	const char *state; /* directory for caches and disk uppers; NULL: /var/lib/sickbay */

	const int *layers; /* read-only layers, top-most first; stored ids 0..65535; borrowed fds */
	size_t n_layers;
	bool host_root; /* image "host": the host's /usr as recursive read-only binds over the
			   layers */
	int upper;	/* enum sandbox_upper */
	bool freeze;	/* sandbox_freeze() will follow: where this kernel cannot freeze an upper in
			   memory, it lies on disk */
	const struct sandbox_bind *binds;
	size_t n_binds;
	const struct sandbox_tmpfs *tmpfs;
	size_t n_tmpfs;
	const char *const *hidden; /* paths made empty and unreadable; NULL-terminated or NULL */

	uint32_t uid, gid;    /* inside; payload's ids; never gains capabilities */
	const char *hostname; /* NULL: "replica" */
	const char *cwd;      /* inside; NULL: / */
	char *const *argv;
	char *const *envp;	    /* the whole environment; NULL: PATH, HOME, LANG */
	bool loopback;		    /* bring lo up */
	const char *const *devices; /* "null", "zero", ..., "ptmx", "shm"; NULL: the usual ones */

	struct sandbox_limits limits;
	struct seccomp_spec seccomp;
	const struct sandbox_path_rule *rules;
	size_t n_rules;

	int stdin_fd; /* -1: /dev/null */
	const struct sandbox_fd *fds;
	size_t n_fds;
	const struct sandbox_capture *captures; /* besides 1 and 2 */
	size_t n_captures;
	/* Called with each piece of output as it comes (fd 1 or 2 or a capture); NULL: collected
	 * for sandbox_output(). */
	void (*on_output)(void *ctx, int fd, const void *data, size_t n);
	void *ctx;

	/* Called when everything stands and nothing of the payload has run yet: what must be true
	 * before it may (a log entry that is durable, a listener in its network by
	 * sandbox_socket()) is waited for or made here. <0: it never runs. */
	int (*admit)(void *ctx, const struct sandbox *s, struct err *e);

	bool as_root; /* uid and gid 0 are meant, not unset; still without any capability */
	/* Another member of the same replica, which runs: its ids and its network are shared. */
	const struct sandbox *beside;
};

/* Fills unset limits and identity with safe defaults (2 GiB memory, 256 pids, 1 GiB disk, 10 min
 * wall, 32 MiB output, uid 1000). */
void spec_defaults(struct sandbox_spec *s);
