/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/sys.h"
#include "runtime/sandbox/start.h"

static bool fd_taken(const struct start *st, int to)
{
	for (size_t i = 0; i < st->n_fds; i++)
		if (st->fds[i].to == to)
			return true;
	return false;
}

static int give(struct start *st, int from, int to, struct err *e)
{
	if (to > SANDBOX_MAX_TO || fd_taken(st, to))
		return err_set(e, EINVAL, "descriptor %d: %s", to,
			       to > SANDBOX_MAX_TO ? "too large a number" : "given twice");
	st->fds[st->n_fds++] = (struct child_fd){ from, to };
	return 0;
}

/* The payload owns its ends, so that opening /dev/stdout works. */
static int add_pipe(struct start *st, int to, uint64_t max, struct err *e)
{
	struct sandbox *s = st->s;
	const uid_t uid = s->ids->base + st->spec.uid, gid = s->ids->base + st->spec.gid;
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	st->ends[st->n_ends++] = p[1];
	s->streams[s->n_streams++] = (struct stream){
		.to = to,
		.fd = p[0],
		.max = max ? max : s->limits.output,
		.out = BUF_INIT(max ? max : s->limits.output),
	};
	if (fchown(p[1], uid, gid) < 0 || fcntl(p[0], F_SETFL, O_NONBLOCK) < 0)
		return err_sys(e, "prepare a pipe");
	return give(st, p[1], to, e);
}

/* Nothing to read: the null device of the replica itself, or a pipe that ended where it has none.
 */
static int no_input(struct start *st, struct err *e)
{
	int p[2];
	int fd = sys_openat2(st->dev, "null", O_RDONLY, 0, 0);

	if (fd < 0) {
		if (pipe2(p, O_CLOEXEC) < 0)
			return err_sys(e, "make a pipe");
		(void)close(p[1]);
		fd = p[0];
	}
	st->ends[st->n_ends++] = fd;
	return give(st, fd, 0, e);
}

static int add_socket(struct start *st, struct err *e)
{
	int pair[2], last = 2;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "make a socket pair");
	st->s->sock = pair[0];
	st->inner = pair[1];
	for (size_t i = 0; i < st->n_fds; i++)
		if (st->fds[i].to > last)
			last = st->fds[i].to;
	st->fds[st->n_fds++] = (struct child_fd){ st->inner, last + 1 };
	return 0;
}

int start_fds(struct start *st, struct err *e)
{
	const struct sandbox_spec *spec = &st->spec;
	int r = spec->stdin_fd >= 0 ? give(st, spec->stdin_fd, 0, e) : no_input(st, e);

	if (r == 0)
		r = add_pipe(st, 1, 0, e);
	if (r == 0)
		r = add_pipe(st, 2, 0, e);
	for (size_t i = 0; r == 0 && i < spec->n_captures; i++)
		r = add_pipe(st, spec->captures[i].to, spec->captures[i].max, e);
	for (size_t i = 0; r == 0 && i < spec->n_fds; i++)
		r = give(st, spec->fds[i].from, spec->fds[i].to, e);
	return r < 0 ? r : add_socket(st, e);
}

void start_release(struct start *st)
{
	for (size_t i = 0; i < st->n_mounts; i++)
		cleanup_close(&st->mounts[i].fd);
	for (size_t i = 0; i < st->n_ends; i++)
		cleanup_close(&st->ends[i]);
	cleanup_close(&st->dev);
	cleanup_close(&st->inner);
	seccomp_prog_release(&st->filter);
	landlock_plan_release(&st->landlock);
}
