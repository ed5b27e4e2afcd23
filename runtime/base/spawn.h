/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"

/*
 * Starts one of sickbay's own helper programs (decode, audit) or one of the
 * operator's own tools (git, npm, apt-get) on the host side: clean environment,
 * closed descriptors, own session, dies with its parent.  Never used for
 * anything that comes from a repository, an image or an agent.
 */
struct spawn {
	const char *path; /* absolute, or found in PATH */
	char *const *argv;
	char *const *envp; /* NULL: PATH, LANG=C.UTF-8 only */
	const char *cwd;   /* NULL: / */
	uid_t uid;	   /* 0: stays root */
	gid_t gid;
	const int (*fds)[2]; /* {from, to}; everything else is closed; 0,1,2 default to /dev/null,
				/dev/null, our stderr */
	size_t n_fds;
};

int spawn_start(const struct spawn *s, pid_t *pid, struct err *e);
/* Waits; *status is the exit status, or 128 + signal. */
int spawn_wait(pid_t pid, int *status, struct err *e);
/* Absolute path of a helper installed beside this program ("sickbay-decode"); out is PATH_MAX
 * bytes. */
int spawn_sibling(const char *name, char *out, size_t n, struct err *e);
/* Runs argv to its end with input on stdin, collecting at most max bytes of stdout. */
int spawn_capture(const struct spawn *s, const void *in, size_t in_len, size_t max, struct buf *out,
		  int *status, struct err *e);
