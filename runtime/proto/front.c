/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/proto/front.h"

#include <limits.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/msg.h"
#include "runtime/base/spawn.h"

#define PATIENCE(field, text)                                                                    \
	{                                                                                        \
		.name = #field, .kind = JMAP_U64, .offset = offsetof(struct front_setup, field), \
		.max = 3600000, .help = (text)                                                   \
	}

const struct jmap front_setup_map[] = {
	{ .name = "name",
	  .kind = JMAP_STR,
	  .offset = offsetof(struct front_setup, name),
	  .required = 1,
	  .min = 1,
	  .max = 256,
	  .help = "the agent program" },
	{ .name = "listen",
	  .kind = JMAP_U64,
	  .offset = offsetof(struct front_setup, listen),
	  .required = 1,
	  .min = 1,
	  .max = FRONT_MAX_LISTEN,
	  .help = "listening sockets" },
	PATIENCE(head_ms, "longest wait for a head"),
	PATIENCE(body_ms, "longest wait for a body"),
	PATIENCE(idle_ms, "longest unused connection"),
	PATIENCE(write_ms, "longest wait for a client that does not read"),
	PATIENCE(beat_ms, "between two signs of life"),
	{ 0 },
};

static int send_setup(int sock, const struct front_setup *setup, size_t n, struct err *e)
{
	struct front_setup s = *setup;
	json_t *written;

	s.listen = n;
	written = jmap_write(front_setup_map, &s);

	AUTO_JSON json_t *body = written;

	if (!body)
		return err_set(e, ENOMEM, "out of memory");
	return msg_send(sock, FRONT_SETUP, body, NULL, 0, -1, e);
}

int front_start(const struct front_setup *setup, const int *listen, size_t n, struct front *out,
		struct err *e)
{
	char path[PATH_MAX], arg0[] = "sickbay-front";
	char *argv[] = { arg0, NULL };
	int pair[2], fds[1 + FRONT_MAX_LISTEN][2];
	struct spawn s = {
		.path = path, .argv = argv, .fds = (const int(*)[2])fds, .n_fds = 1 + n
	};
	pid_t pid;

	if (n == 0 || n > FRONT_MAX_LISTEN)
		return err_set(e, EINVAL, "front: %zu listening sockets, want 1 to %d", n,
			       FRONT_MAX_LISTEN);
	if (spawn_sibling("sickbay-front", path, sizeof(path), e) < 0)
		return -e->code;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "front: make a socket pair");

	AUTO_CLOSE int ours = pair[0];
	AUTO_CLOSE int theirs = pair[1];

	fds[0][0] = theirs, fds[0][1] = FRONT_GATE_FD;
	for (size_t i = 0; i < n; i++)
		fds[1 + i][0] = listen[i], fds[1 + i][1] = FRONT_LISTEN_FD + (int)i;
	if (send_setup(ours, setup, n, e) < 0 || spawn_start(&s, &pid, e) < 0)
		return err_wrap(e, "front");
	*out = (struct front){ .pid = pid, .gate = take_fd(&ours) };
	return 0;
}

void front_stop(struct front *f, int *status)
{
	struct err e = ERR_INIT;
	int how = 0;

	if (f->gate >= 0)
		(void)close(f->gate);
	if (f->pid > 0) {
		(void)kill(f->pid, SIGKILL);
		(void)spawn_wait(f->pid, &how, &e);
	}
	if (status)
		*status = how;
	*f = (struct front){ .pid = -1, .gate = -1 };
}
