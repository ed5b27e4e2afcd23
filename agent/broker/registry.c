/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/broker/registry_impl.h"
#include "agent/broker/trust.h"
#include "agent/broker/vault.h"
#include "runtime/base/cleanup.h"

#define PLACES_MAX 64

static void release_known(struct registry_known *k)
{
	if (k->token)
		explicit_bzero(k->token, strlen(k->token));
	free(k->token);
	free(k->token_for);
	free(k->host);
	free(k->proxy);
	trust_close(k->trust);
}

void registries_close(struct registries *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		release_known(&r->v[i]);
	release_known(&r->other);
	trust_close(r->system);
	free(r->v);
	http_close(r->http);
	free(r);
}

struct trust *registry_trust(const struct fetching *f, bool own_place)
{
	return own_place && f->known->trust ? f->known->trust : f->all->system;
}

static int open_known(const struct registry_place *p, struct vault *v, struct registry_known *k,
		      struct err *e)
{
	struct secret credential = { NULL, NULL, 0 };

	k->host = strdup(p->host);
	k->proxy = p->proxy ? strdup(p->proxy) : NULL;
	if (!k->host || (p->proxy && !k->proxy))
		return err_set(e, ENOMEM, "out of memory");
	if (p->ca && trust_open(p->ca, &k->trust, e) < 0)
		return -e->code;
	if (!p->credential)
		return 0;
	if (vault_read(v, "", p->credential, &credential, e) < 0)
		return -e->code;
	k->basic = credential.key;
	if (!strchr(credential.key, ':'))
		return err_set(e, EINVAL, "key file '%s': for a registry it holds USER:PASSWORD",
			       p->credential);
	return 0;
}

/* Where the system has none, registries on this host and those with an own authority work. */
static void open_system(struct registries *r)
{
	struct err ignored = ERR_INIT;

	if (trust_open(NULL, &r->system, &ignored) < 0)
		r->system = NULL;
}

int registries_open(const json_t *list, struct vault *v, int resolver, struct registries **out,
		    struct err *e)
{
	struct registries *r = calloc(1, sizeof(*r));
	const json_t *row;
	size_t i;

	if (!r || json_array_size(list) > PLACES_MAX) {
		free(r);
		return err_set(e, r ? E2BIG : ENOMEM, "registries: too many");
	}
	r->v = calloc(json_array_size(list) + 1, sizeof(*r->v));
	if (!r->v || http_open(resolver, &r->http, e) < 0) {
		registries_close(r);
		return err_set(e, ENOMEM, "out of memory");
	}
	json_array_foreach(list, i, row) {
		struct registry_place p = { 0 };
		char at[48];
		int bad;

		(void)snprintf(at, sizeof(at), "/registries/%zu", i);
		bad = jmap_read(registry_place_map, row, &p, at, e);
		if (bad == 0)
			bad = open_known(&p, v, &r->v[r->n++], e);
		jmap_release(registry_place_map, &p);
		if (bad < 0) {
			registries_close(r);
			return bad;
		}
	}
	open_system(r);
	*out = r;
	return 0;
}

/* ---- requests ---- */

static int check_get(const struct registry_get *g, int fd, struct err *e)
{
	char text[800];
	struct registry_ref ref;
	struct stat st;
	const bool by_digest = strncmp(g->reference, "sha256:", 7) == 0;

	(void)snprintf(text, sizeof(text), "%s/%s%c%s", g->host, g->repository,
		       by_digest ? '@' : ':', g->reference);
	if (registry_ref_parse(text, &ref, e) < 0 || strcmp(ref.host, g->host) != 0)
		return err_set(e, EPROTO, "a request that names nothing");
	if (!g->manifest && !by_digest)
		return err_set(e, EPROTO, "a blob is asked for by its digest only");
	if (g->size > g->most || g->have > g->most)
		return err_set(e, EPROTO, "a request for more than its own bound");
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, EPROTO, "a request without a file to write to");
	return 0;
}

static struct registry_known *find_known(struct registries *r, const char *host)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->v[i].host, host) == 0)
			return &r->v[i];
	/* a token of one host is not another's */
	if (!r->other.host || strcmp(r->other.host, host) != 0) {
		release_known(&r->other);
		r->other = (struct registry_known){ .host = strdup(host) };
	}
	return r->other.host ? &r->other : NULL;
}

static int answer(int sock, const struct registry_end *end, struct err *e)
{
	AUTO_JSON json_t *body = jmap_write(registry_end_map, end);

	if (!body)
		return err_set(e, ENOMEM, "out of memory");
	return msg_send(sock, REGISTRY_END, body, NULL, 0, -1, e);
}

static int fetch_one(struct registries *r, int sock, const struct registry_get *g, int fd,
		     struct err *e)
{
	struct registry_end end = { .id = g->id };
	struct fetching f = { .all = r, .ask = g, .fd = fd, .sock = sock, .end = &end };
	int bad;

	f.known = find_known(r, g->host);
	bad = f.known ? registry_run(&f, e) : err_set(e, ENOMEM, "out of memory");
	end.bytes = f.at;
	end.attempts = f.attempts;
	if (bad == 0 && !f.abandoned)
		bad = answer(sock, &end, e);
	free(f.url);
	jmap_release(registry_end_map, &end);
	return bad;
}

int registries_serve(struct registries *r, int sock, struct err *e)
{
	for (;;) {
		AUTO_MSG struct msg m = MSG_INIT;
		struct registry_get g = { 0 };
		int bad = msg_recv(sock, -1, &m, e);

		if (bad <= 0)
			return bad;
		bad = m.type == REGISTRY_GET ? 0 : err_set(e, EPROTO, "message %u", m.type);
		if (bad == 0)
			bad = jmap_read(registry_get_map, m.body, &g, "", e);
		if (bad == 0)
			bad = check_get(&g, m.fd, e);
		if (bad == 0)
			bad = fetch_one(r, sock, &g, m.fd, e);
		jmap_release(registry_get_map, &g);
		if (bad < 0)
			return bad;
	}
}
