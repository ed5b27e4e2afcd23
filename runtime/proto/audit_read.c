/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/proto/audit_read.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/spawn.h"
#include "runtime/proto/audit.h"

int audit_log_dir(const char *state, struct err *e)
{
	AUTO_CLOSE int parent = -1;

	if (access(state, F_OK) < 0)
		return err_set(e, ENOENT, "there is no audit log in '%s' yet", state);
	parent = fd_open_dir(state, e);
	if (parent < 0)
		return parent;
	if (faccessat(parent, "audit", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, ENOENT, "there is no audit log in '%s' yet", state);
	return fd_open_beneath(parent, "audit", O_RDONLY | O_DIRECTORY, 0, e);
}

int audit_read(const struct audit_reading *r, struct buf *out, int *status, struct err *e)
{
	const int given[][2] = { { r->dir, AUDIT_FD_DIR },
				 { r->key, AUDIT_FD_KEY },
				 { r->file, AUDIT_FD_FILE },
				 { r->witness, AUDIT_FD_WITNESS } };
	const uid_t uid = geteuid() == 0 ? AUDIT_UID : 0;
	char path[PATH_MAX], name[] = "sickbay-audit";
	char *argv[AUDIT_WORDS + 2] = { name };
	int fds[5][2];
	struct spawn s = { .path = path, .argv = argv, .uid = uid, .gid = uid };
	pid_t pid;
	int got;

	for (size_t i = 0; i < AUDIT_WORDS && r->words[i]; i++)
		argv[i + 1] = (char *)(uintptr_t)r->words[i]; /* nothing writes to it */
	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
		if (given[i][0] >= 0)
			memcpy(fds[s.n_fds++], given[i], sizeof(given[i]));
	if (!out) {
		(void)fflush(stdout);
		fds[s.n_fds][0] = fds[s.n_fds][1] = STDOUT_FILENO;
		s.n_fds++;
	}
	s.fds = (const int(*)[2])fds;
	if (spawn_sibling("sickbay-audit", path, sizeof(path), e) < 0)
		return -e->code;
	if (out)
		got = spawn_capture(&s, NULL, 0, out->max, out, status, e);
	else if ((got = spawn_start(&s, &pid, e)) == 0)
		got = spawn_wait(pid, status, e);
	if (got == 0 && *status > 128)
		got = err_set(e, EIO, "sickbay-audit was killed by signal %d", *status - 128);
	return got;
}
