/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/intake/confined.h"
#include "agent/intake/server.h"
#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"
#include "runtime/base/msg.h"

/*
 * sickbay-intake: started by `sickbay intake` with one socket.  It is told what
 * to serve, is handed the listening sockets and the journal's segments, gives
 * up everything else, and only then accepts the first connection.
 */
#define SETUP_MS 10000

static int take_setup(const struct msg *m, struct server_setup *s, struct err *e)
{
	return jmap_read(intake_setup_map, m->body, &s->setup, "", e);
}

static int take_hook(const struct msg *m, struct server_setup *s, struct err *e)
{
	struct intake_hook h = { 0 };
	int r = jmap_read(intake_hook_map, m->body, &h, "", e);

	if (r == 0 && s->n_hooks == INTAKE_HOOKS)
		r = err_set(e, EPROTO, "more forges than there may be");
	if (r == 0)
		r = hook_open(&h, m->fd, &s->hooks[s->n_hooks], e);
	if (r == 0)
		s->n_hooks++;
	jmap_release(intake_hook_map, &h);
	return r;
}

/* 1: it may start. */
static int hear(struct server_setup *s, bool *set, struct err *e)
{
	AUTO_MSG struct msg m = MSG_INIT;
	const int r = msg_recv(INTAKE_FD, SETUP_MS, &m, e);

	if (r <= 0)
		return r < 0 ? r : err_set(e, EPIPE, "nobody told it what to serve");
	if (m.type == INTAKE_SETUP && !*set) {
		*set = true;
		return take_setup(&m, s, e);
	}
	if (m.type == INTAKE_LISTEN && m.fd >= 0 &&
	    s->n_listen < sizeof(s->listen) / sizeof(s->listen[0])) {
		s->listen[s->n_listen++] = take_fd(&m.fd);
		return 0;
	}
	if (m.type == INTAKE_HOOK && m.fd >= 0)
		return take_hook(&m, s, e);
	if (m.type == INTAKE_START && *set && s->n_listen)
		return 1;
	return err_set(e, EPROTO, "a message of type %u is out of place", m.type);
}

static int run(struct err *e)
{
	struct server_setup s = { .sock = INTAKE_FD };
	AUTO_JSON json_t *ready = NULL;
	struct server *server = NULL;
	bool set = false;
	int r;

	do {
		r = hear(&s, &set, e);
	} while (r == 0);
	if (r < 0) {
		for (size_t i = 0; i < s.n_hooks; i++)
			hook_close(s.hooks[i]);
		jmap_release(intake_setup_map, &s.setup);
		return r;
	}
	if (server_open(&s, &server, e) < 0)
		return -e->code;
	ready = json_object();
	r = ready ? intake_confine(e) : err_set(e, ENOMEM, "out of memory");
	if (r == 0)
		r = msg_send(INTAKE_FD, INTAKE_READY, ready, NULL, 0, -1, e);
	if (r == 0)
		r = server_run(server, e);
	server_close(server);
	return r;
}

int main(void)
{
	struct err e = ERR_INIT;

	(void)signal(SIGPIPE, SIG_IGN);
	/* a service manager tells the whole group to end: it ends when its parent does, which says
	 * so by closing the socket */
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	if (run(&e) < 0) {
		if (e.code != EPIPE) /* who started it went away, and said why */
			(void)fprintf(stderr, "sickbay-intake: %s\n", e.msg);
		return 1;
	}
	return 0;
}
