/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/spawn.h"
#include "runtime/proto/audit.h"

#define BACKLOG 64

/* Only its owner may connect: the mode is the socket's from its first moment. */
static int open_door(int state, struct err *e)
{
	AUTO_CLOSE int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un at;
	mode_t mask;
	int r;

	if (sock < 0)
		return err_sys(e, "cannot make a socket");
	audit_door(state, &at);
	if (unlinkat(state, AUDIT_DOOR, 0) < 0 && errno != ENOENT)
		return err_sys(e, "cannot remove an old '%s'", AUDIT_DOOR);
	mask = umask(0177);
	r = bind(sock, (const struct sockaddr *)&at, sizeof(at));
	(void)umask(mask);
	if (r < 0 || listen(sock, BACKLOG) < 0)
		return err_sys(e, "cannot listen on '%s'", AUDIT_DOOR);
	return take_fd(&sock);
}

static int start(int door, int life, int dir, pid_t *pid, struct err *e)
{
	AUTO_CLOSE int witness = audit_witness_open(e);
	const int fds[][2] = { { door, AUDIT_FD_SOCKET },
			       { dir, AUDIT_FD_DIR },
			       { life, AUDIT_FD_LIFE },
			       { witness, AUDIT_FD_WITNESS } };
	const uid_t uid = geteuid() == 0 ? AUDIT_UID : 0;
	char name[] = "sickbay-audit", verb[] = "listen", path[PATH_MAX];
	char option[] = "--witness";
	char *argv[] = { name, verb, witness < 0 ? NULL : option, NULL };
	const struct spawn s = { .path = path,
				 .argv = argv,
				 .uid = uid,
				 .gid = uid,
				 .fds = fds,
				 .n_fds = witness < 0 ? 3 : 4 };

	if (e->code) /* a log that is served without its witness would refuse every pull request */
		return -e->code;

	if (spawn_sibling(name, path, sizeof(path), e) < 0)
		return -e->code;
	return spawn_start(&s, pid, e);
}

/* Until we are told to stop, or the log's program ends by itself. */
static int mind(pid_t pid, int stop, int *life, struct err *e)
{
	AUTO_CLOSE int watch = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p[2] = { { .fd = stop, .events = POLLIN },
			       { .fd = watch, .events = POLLIN } };
	int status = 0, r;

	if (watch < 0)
		return err_sys(e, "cannot watch sickbay-audit");
	while (poll(p, 2, -1) < 0 && errno == EINTR)
		;
	cleanup_close(life);
	*life = -1;
	r = spawn_wait(pid, &status, e);
	if (r == 0 && status != 0)
		r = err_set(e, EIO, "sickbay-audit ended with status %d", status);
	return r;
}

int audit_listen(const char *state, int stop, struct err *e)
{
	AUTO_CLOSE int dir = audit_dir(state, e);
	AUTO_CLOSE int parent = dir < 0 ? -1 : fd_open_dir(state, e);
	AUTO_CLOSE int door = -1;
	AUTO_CLOSE int life = -1;
	int line[2], r;
	pid_t pid = 0;

	if (dir < 0 || parent < 0)
		return -e->code;
	if (flock(parent, LOCK_EX | LOCK_NB) < 0)
		return err_set(e, EADDRINUSE, "the log in '%s' is served already", state);
	door = open_door(parent, e);
	if (door < 0)
		return door;
	if (pipe2(line, O_CLOEXEC) < 0)
		return err_sys(e, "cannot make a pipe");
	life = line[1];
	r = start(door, line[0], dir, &pid, e);
	(void)close(line[0]);
	if (r == 0)
		r = mind(pid, stop, &life, e);
	(void)unlinkat(parent, AUDIT_DOOR, 0);
	return r;
}
