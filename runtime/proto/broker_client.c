/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/clock.h"
#include "runtime/base/msg_stream.h"
#include "runtime/base/spawn.h"
#include "runtime/proto/broker.h"

#define READY_MS 20000 /* reading keys and certificates, and confining itself */
#define END_MS	 1000
#define SEND_S	 10 /* without its reading a byte; it reads whatever else it does */

struct broker {
	pid_t pid;
	struct msg_stream s;
};

static int start(struct broker *b, int peer, struct err *e)
{
	char path[PATH_MAX];
	char arg0[] = "sickbay-broker";
	char *argv[] = { arg0, NULL };
	const int fds[][2] = { { peer, BROKER_FD } };
	const struct spawn s = { .path = path, .argv = argv, .fds = fds, .n_fds = 1 };

	if (spawn_sibling("sickbay-broker", path, sizeof(path), e) < 0)
		return -e->code;
	return spawn_start(&s, &b->pid, e);
}

#define CREDENTIAL "credential:"

int broker_credential(const char *said, char **out, struct err *e)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	const char *name = said + strlen(CREDENTIAL);

	*out = NULL;
	if (strncmp(said, CREDENTIAL, strlen(CREDENTIAL)) != 0) {
		*out = strdup(said);
		return *out ? 0 : err_set(e, ENOMEM, "out of memory");
	}
	if (!*name || strchr(name, '/') || *name == '.')
		return err_set(e, EINVAL, "'%s': the name of a credential is a file's name", said);
	if (!dir || *dir != '/')
		return err_set(e, ENOENT,
			       "'%s': the service manager handed over no credentials: add "
			       "LoadCredential=%s:FILE to the unit, or name a file",
			       said, name);
	if (asprintf(out, "%s/%s", dir, name) < 0) {
		*out = NULL;
		return err_set(e, ENOMEM, "out of memory");
	}
	return 0;
}

/* The broker has no environment: names of credentials become paths here. */
static int resolve_credentials(json_t *setup, struct err *e)
{
	json_t *at;
	size_t i;

	json_array_foreach(json_object_get(setup, "endpoints"), i, at) {
		const char *said = json_string_value(json_object_get(at, "credential"));
		AUTO_FREE char *path = NULL;

		if (!said)
			continue;
		if (broker_credential(said, &path, e) < 0)
			return err_wrap(e, "endpoint '%s'",
					json_string_value(json_object_get(at, "name")));
		if (json_object_set_new(at, "credential", json_string(path)) < 0)
			return err_set(e, ENOMEM, "out of memory");
	}
	return 0;
}

static int send_setup(const struct broker *b, const struct broker_setup *s, struct err *e)
{
	AUTO_JSON json_t *body = jmap_write(broker_setup_map, s);

	if (!body)
		return err_set(e, ENOMEM, "out of memory");
	if (resolve_credentials(body, e) < 0)
		return -e->code;
	return msg_send(b->s.sock, BROKER_SETUP, body, NULL, 0, -1, e);
}

/* It went away without a word: say how. */
static int died(struct broker *b, struct err *e)
{
	const pid_t pid = b->pid;
	struct err why = ERR_INIT;
	int status = 0;

	b->pid = -1;
	if (pid > 0 && spawn_wait(pid, &status, &why) == 0 && status > 128)
		return err_set(e, EPIPE, "it was killed by signal %d (%s)", status - 128,
			       strsignal(status - 128));
	return err_set(e, EPIPE, "it ended without an answer (exit status %d)", status);
}

static int await_ready(struct broker *b, struct err *e)
{
	AUTO_MSG struct msg m = MSG_INIT;
	const int r = msg_recv(b->s.sock, READY_MS, &m, e);
	const char *text;

	if (r == -ETIMEDOUT)
		return err_set(e, ETIMEDOUT, "it is not ready after %d s", READY_MS / 1000);
	if (r <= 0)
		return died(b, e);
	if (m.type == BROKER_READY)
		return 0;
	text = json_string_value(json_object_get(m.body, "message"));
	if (m.type != BROKER_FAILED || !text)
		return err_set(e, EPROTO, "it answered with message %u", m.type);
	return err_set(e, EINVAL, "%s", text);
}

int broker_open(const struct broker_setup *s, struct broker **out, struct err *e)
{
	const struct timeval most = { .tv_sec = SEND_S };
	struct broker *b = malloc(sizeof(*b));
	int pair[2], r;

	if (!b)
		return err_set(e, ENOMEM, "out of memory");
	*b = (struct broker){ .pid = -1, .s = MSG_STREAM_INIT(-1) };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		r = err_sys(e, "make a socket pair");
	} else {
		b->s.sock = pair[0];
		r = setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most)) < 0
			    ? err_sys(e, "bound what is sent in time")
			    : start(b, pair[1], e);
		(void)close(pair[1]);
	}
	if (r == 0)
		r = send_setup(b, s, e);
	if (r == 0)
		r = await_ready(b, e);
	if (r < 0) {
		broker_close(b);
		return err_wrap(e, "sickbay-broker");
	}
	*out = b;
	return 0;
}

int broker_fd(const struct broker *b)
{
	return b->s.sock;
}

int broker_pid(const struct broker *b)
{
	return (int)b->pid;
}

int broker_send(struct broker *b, uint16_t type, const json_t *body, struct err *e)
{
	int r;

	if (!body)
		return err_set(e, ENOMEM, "out of memory");
	r = msg_send(b->s.sock, type, body, NULL, 0, -1, e);
	if (r == -EAGAIN) {
		/* half a message may be under way: nothing can follow it */
		(void)shutdown(b->s.sock, SHUT_RDWR);
		(void)err_set(e, ETIMEDOUT, "it has read nothing for %d s: it is given up", SEND_S);
	}
	return r < 0 ? err_wrap(e, "sickbay-broker") : 0;
}

int broker_call(struct broker *b, const struct broker_call *c, struct err *e)
{
	AUTO_JSON json_t *body = jmap_write(broker_call_map, c);

	return broker_send(b, BROKER_CALL, body, e);
}

int broker_cancel(struct broker *b, uint64_t id, struct err *e)
{
	const struct broker_cancel c = { .id = id };
	AUTO_JSON json_t *body = jmap_write(broker_cancel_map, &c);

	return broker_send(b, BROKER_CANCEL, body, e);
}

/* 1: something came; 0: closed; -ETIMEDOUT. */
static int read_more(struct broker *b, uint64_t deadline, struct err *e)
{
	struct pollfd p = { .fd = b->s.sock, .events = POLLIN };
	int r = msg_stream_read(&b->s, e);

	while (r == -EAGAIN) {
		const uint64_t now = clock_mono_ns();
		const uint64_t left = deadline > now ? (deadline - now) / 1000000 + 1 : 0;

		r = poll(&p, 1, deadline == UINT64_MAX ? -1 : (int)left);
		if (r < 0 && errno != EINTR)
			return err_sys(e, "wait for a message");
		if (r == 0)
			return err_set(e, ETIMEDOUT, "no message in time");
		r = msg_stream_read(&b->s, e);
	}
	return r;
}

int broker_recv(struct broker *b, int timeout_ms, struct msg *out, struct err *e)
{
	const uint64_t deadline =
		timeout_ms < 0 ? UINT64_MAX : clock_mono_ns() + (uint64_t)timeout_ms * 1000000;
	int r = msg_stream_next(&b->s, out, e);

	while (r == 0) {
		r = read_more(b, deadline, e);
		if (r < 0 && e->code == EPIPE) { /* it died within a frame */
			*e = (struct err)ERR_INIT;
			return 0;
		}
		if (r <= 0)
			return r;
		r = msg_stream_next(&b->s, out, e);
	}
	if (r > 0 && (out->type < BROKER_EVENT || out->type == BROKER_CANCEL))
		r = err_set(e, EPROTO, "sickbay-broker: message %u is none of its answers",
			    out->type);
	return r;
}

/* It wipes its keys and waits for what it started; not longer than a moment. */
static void await_end(pid_t pid)
{
	AUTO_CLOSE int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (fd >= 0)
		(void)poll(&p, 1, END_MS);
}

/* Closing its socket ends it; what does not end is killed. */
void broker_close(struct broker *b)
{
	struct err e = ERR_INIT;
	int status;

	if (!b)
		return;
	if (b->s.sock >= 0)
		(void)close(b->s.sock);
	if (b->pid > 0) {
		await_end(b->pid);
		(void)kill(b->pid, SIGKILL);
		(void)spawn_wait(b->pid, &status, &e);
	}
	msg_stream_release(&b->s);
	free(b);
}
