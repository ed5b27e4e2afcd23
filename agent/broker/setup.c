/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/setup.h"

#include <stdlib.h>
#include <string.h>

#define CONNECT_MS 10000u
#define STALL_MS   300000u
#define TOTAL_MS   1800000u
#define PARALLEL   4u

static void set_defaults(struct broker_endpoint *p)
{
	if (!p->connect_ms)
		p->connect_ms = CONNECT_MS;
	if (!p->stall_ms)
		p->stall_ms = STALL_MS;
	if (!p->total_ms)
		p->total_ms = TOTAL_MS;
	if (!p->parallel)
		p->parallel = PARALLEL;
}

/* A file of the operator's own, or the system's, which all share. */
int setup_trust(struct setup *s, const char *ca, struct trust **out, struct err *e)
{
	if (ca && *ca != '/')
		return err_set(e, EINVAL, "ca '%s': give an absolute path", ca);
	if (ca)
		return trust_open(ca, out, e);
	if (!s->system && trust_open(NULL, &s->system, e) < 0)
		return -e->code;
	*out = s->system;
	return 0;
}

static int open_endpoint(struct setup *s, struct endpoint *p, struct err *e)
{
	const struct broker_endpoint *said = p->said;

	if (said->protocol == MODEL_TURN)
		return err_set(e, EINVAL, "'turn' is no provider's protocol");
	if (url_read(said->url, &p->url, e) < 0)
		return err_wrap(e, "url");
	if (said->proxy && url_read_proxy(said->proxy, &p->proxy, e) < 0)
		return err_wrap(e, "proxy");
	if (said->proxy && !p->url.tls)
		return err_set(e, EINVAL, "proxy: plain http is not sent through one");
	p->provider = provider_of(said->protocol);
	if (!p->provider)
		return err_set(e, ENOTSUP, "protocol '%s' is not spoken",
			       model_protocol_words[said->protocol]);
	if (said->credential &&
	    vault_read(s->vault, p->provider->key_header, said->credential, &p->secret, e) < 0)
		return -e->code;
	p->own_trust = said->ca;
	return p->url.tls ? setup_trust(s, said->ca, &p->trust, e) : 0;
}

static int open_all(struct setup *s, struct err *e)
{
	s->n = s->said.endpoints.n;
	s->v = calloc(s->n ? s->n : 1, sizeof(*s->v));
	if (!s->v)
		return err_set(e, ENOMEM, "out of memory");
	for (size_t i = 0; i < s->n; i++) {
		struct broker_endpoint *said = (struct broker_endpoint *)s->said.endpoints.v + i;

		set_defaults(said);
		s->v[i].said = said;
		if (open_endpoint(s, &s->v[i], e) < 0)
			return err_wrap(e, "endpoint '%s'", said->name);
	}
	return 0;
}

int setup_open(const json_t *body, struct setup *out, struct err *e)
{
	int r = jmap_read(broker_setup_map, body, &out->said, "", e);

	if (r == 0)
		r = vault_open(&out->vault, e);
	return r < 0 ? r : open_all(out, e);
}

void setup_close(struct setup *s)
{
	for (size_t i = 0; s->v && i < s->n; i++)
		if (s->v[i].own_trust)
			trust_close(s->v[i].trust);
	trust_close(s->system);
	vault_close(s->vault);
	free(s->v);
	jmap_release(broker_setup_map, &s->said);
	memset(s, 0, sizeof(*s));
}
