/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/gate/model_impl.h"

#include <stdlib.h>

#include "runtime/proto/model.h"

struct model_door {
	struct model_setup s;
};

int model_open(const struct model_setup *s, struct model_door **out, struct err *e)
{
	struct model_door *d = calloc(1, sizeof(*d));

	if (!d)
		return err_set(e, ENOMEM, "models: out of memory");
	d->s = *s;
	*out = d;
	return 0;
}

int model_ask(struct model_door *d, const struct policy *p, const struct strlist *models,
	      const struct gate_model *rq, const struct model_listener *to,
	      struct policy_verdict *why, struct err *e)
{
	struct model_place at;

	(void)to;
	if (model_resolve(d->s.config, p, models, rq, &at, why) != 0)
		return 1;
	return err_set(e, ENOSYS, "no program here can ask '%s'", at.name);
}

int model_cancel(struct model_door *d, uint64_t id, struct err *e)
{
	(void)d;
	return err_set(e, ENOENT, "no call %llu is under way", (unsigned long long)id);
}

int model_forget(struct model_door *d, const void *ctx, struct err *e)
{
	(void)d;
	(void)ctx;
	(void)e;
	return 0;
}

int model_fd(const struct model_door *d)
{
	(void)d;
	return -1;
}

int model_step(struct model_door *d, struct err *e)
{
	(void)d;
	(void)e;
	return 0;
}

json_t *model_left(struct model_door *d, const struct policy *p)
{
	(void)d;
	(void)p;
	return json_object();
}

const char *model_protocol(const struct model_door *d, const struct strlist *models)
{
	const struct model_price *price;
	struct err none = ERR_INIT;
	const struct model_endpoint *at =
		models->n ? host_config_model(d->s.config, models->v[0], &price, &none) : NULL;

	return at ? model_protocol_words[at->protocol] : NULL;
}

void model_close(struct model_door *d)
{
	free(d);
}
