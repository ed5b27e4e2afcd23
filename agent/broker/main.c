/* SPDX-License-Identifier: Apache-2.0 */
#include <curl/curl.h>
#include <jansson.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "agent/broker/forge.h"
#include "agent/broker/loop.h"
#include "agent/broker/notify.h"
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
#ifndef __SANITIZE_ADDRESS__ /* it has its own */
/*
 * Whatever this program or one of its libraries frees is wiped first: libcurl,
 * OpenSSL and what they use copy a key into each request.  These stand before the
 * C library's own, for every caller in the process.
 */
extern void __libc_free(void *p);

/* The C library's names of parameters are not for others to use. */
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
void free(void *p)
{
	const int saved = errno;

	if (p)
		explicit_bzero(p, malloc_usable_size(p));
	__libc_free(p);
	errno = saved;
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
void *realloc(void *p, size_t n)
{
	const size_t had = p ? malloc_usable_size(p) : 0;
	void *to;

	if (p && n == 0) {
		free(p);
		return NULL;
	}
	if (p && n <= had && n > had / 4)
		return p;
	to = malloc(n);
	if (to && p) {
		memcpy(to, p, had < n ? had : n);
		free(p);
	}
	return to;
}
#endif

static int open_libraries(struct err *e)
{
	/* no configuration file may choose other providers */
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		return err_set(e, EIO, "libcrypto cannot be initialised");
	if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK)
		return err_set(e, EIO, "libcurl cannot be initialised");
	return 0;
}

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
	/* a broker is for models, for images, for forges or for a webhook */
	struct registries *images;
	struct forges *forges;
	struct notifier *notifier;
	int resolver;
};

static int prepare(struct broker_work *w, struct err *e)
{
	AUTO_MSG struct msg m = MSG_INIT;
	int r = open_libraries(e);

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
	else if (r == 0 && w->setup.said.forges)
		r = forges_open(w->setup.said.forges, w->setup.vault, w->resolver, &w->forges, e);
	else if (r == 0 && w->setup.said.notify)
		r = notify_open(w->setup.said.notify, w->setup.vault, w->resolver, &w->notifier, e);
	else if (r == 0)
		r = loop_open(&w->models, &w->setup, w->resolver, e);
	vault_lock_all();
	return r < 0 ? r : seal_broker(w->images || w->forges || w->notifier, e);
}

static int serve(struct err *e)
{
	struct broker_work w = { .resolver = -1 };
	struct err unheard = ERR_INIT;
	bool told = false;
	int r = resolve_start(&w.resolver, e);

	if (r == 0)
		r = prepare(&w, e);
	if (r < 0) /* who started it says it */
		told = answer(BROKER_FAILED, json_pack("{s:s}", "message", e->msg), &unheard) == 0;
	else
		r = answer(BROKER_READY, json_object(), e);
	if (r == 0)
		r = w.images	 ? registries_serve(w.images, BROKER_FD, e)
		    : w.forges	 ? forges_serve(w.forges, BROKER_FD, e)
		    : w.notifier ? notify_serve(w.notifier, BROKER_FD, e)
				 : loop_run(&w.models, e);
	registries_close(w.images);
	forges_close(w.forges);
	notify_close(w.notifier);
	loop_close(&w.models);
	setup_close(&w.setup);
	cleanup_close(&w.resolver);
	(void)waitpid(-1, NULL, 0); /* the resolver's own end */
	if (r < 0 && !told)
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
