/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/intake/hook.h"
#include "agent/intake/journal.h"
#include "agent/intake/route.h"

/*
 * The HTTP side: libmicrohttpd in one thread, driven from our own loop.  A
 * request whose body is whole is gathered into the journal and waits; once the
 * turn's records are on disk, all that wait are answered.
 */
struct server;

struct server_setup {
	struct intake_setup setup;
	int sock;      /* to the parent; owned by the caller */
	int listen[8]; /* owned by the server */
	size_t n_listen;
	struct hook *hooks[INTAKE_HOOKS]; /* owned by the server */
	size_t n_hooks;
};

/* Takes over the listening sockets, the hooks and the setup's memory. */
int server_open(struct server_setup *s, struct server **out, struct err *e);
/* Serves until the parent closes its end (0) or something fails for good. */
int server_run(struct server *s, struct err *e);
void server_close(struct server *s);
