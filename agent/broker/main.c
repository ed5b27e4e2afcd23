/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "agent/broker/loop.h"
#include "agent/broker/registry.h"
#include "agent/broker/resolve.h"
#include "agent/broker/seal.h"
#include "agent/broker/setup.h"
#include "agent/broker/vault.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/msg.h"

/*
 * The only program that connects out, and the only holder of keys.  Started by
 * broker_open() as root with nothing but a socket.  The order matters: the
 * process that looks up names is forked before there is a key; keys and
 * certificates are read while that is possible; then everything is given up,
 * and only then the first byte from a network is read.
 */
static int answer(uint16_t type, json_t *body, struct err *e)
{
	AUTO_JSON json_t *owned = body;

	if (!owned)
		return err_set(e, ENOMEM, "out of memory");
	return msg_send(BROKER_FD, type, owned, NULL, 0, -1, e);
}

struct broker_work {
	struct setup setup;
	struct loop models;
	struct registries *images; /* NULL: a broker is for models, or for images */
	int resolver;
};

static int prepare(struct broker_work *w, struct err *e)
{
	AUTO_MSG struct msg m = MSG_INIT;
	int r = vault_library_memory(e);

	if (r == 0)
		r = msg_recv(BROKER_FD, -1, &m, e);
	if (r < 0)
		return r;
	if (r == 0 || m.type != BROKER_SETUP)
		return err_set(e, EPROTO, "the first message is not its setup");
	r = setup_open(m.body, &w->setup, e);
	if (r == 0 && w->setup.said.registries)
		r = registries_open(w->setup.said.registries, w->setup.vault, w->resolver,
				    &w->images, e);
	else if (r == 0)
		r = loop_open(&w->models, &w->setup, w->resolver, e);
	vault_lock_all();
	return r < 0 ? r : seal_broker(w->images != NULL, e);
}

static int serve(struct err *e)
{
	struct broker_work w = { .resolver = -1 };
	struct err unheard = ERR_INIT;
	int r = resolve_start(&w.resolver, e);

	if (r == 0)
		r = prepare(&w, e);
	if (r < 0)
		(void)answer(BROKER_FAILED, json_pack("{s:s}", "message", e->msg), &unheard);
	else
		r = answer(BROKER_READY, json_object(), e);
	if (r == 0)
		r = w.images ? registries_serve(w.images, BROKER_FD, e) : loop_run(&w.models, e);
	registries_close(w.images);
	loop_close(&w.models);
	setup_close(&w.setup);
	cleanup_close(&w.resolver);
	(void)waitpid(-1, NULL, 0); /* the resolver's own end */
	if (r < 0)
		(void)fprintf(stderr, "sickbay-broker: %s\n", e->msg);
	return r;
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;

	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return printf("sickbay-broker %s\n", SICKBAY_VERSION) < 0;
	if (argc != 1) {
		(void)fprintf(stderr, "sickbay-broker: takes no argument; sickbay starts it\n");
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	json_object_seed(0); /* opens a file, which is not possible later */
	return serve(&e) < 0;
}
