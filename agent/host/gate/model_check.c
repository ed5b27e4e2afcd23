/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/gate/model_impl.h"

#include <stdarg.h>
#include <string.h>

#include "runtime/proto/model.h"

/* May this be asked at all: of which model, in which protocol, how large? */

int model_refuse(struct policy_verdict *why, const char *rule, const char *place, const char *fmt,
		 ...)
{
	va_list ap;

	*why = (struct policy_verdict){ .decision = POLICY_DENY, .mechanism = "gate" };
	(void)snprintf(why->rule, sizeof(why->rule), "%s", rule);
	(void)snprintf(why->place, sizeof(why->place), "%s", place);
	va_start(ap, fmt);
	(void)vsnprintf(why->reason, sizeof(why->reason), fmt, ap);
	va_end(ap);
	return 1;
}

/* "a, b, c" for people; cut where it is long. */
static const char *in_words(const struct strlist *l, char *out, size_t size)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < l->n && at < size; i++)
		at += (size_t)snprintf(out + at, size - at, "%s'%.80s'", i ? ", " : "", l->v[i]);
	return out;
}

/* Which of the list is meant: the first, ENDPOINT/MODEL, or the provider's own name of one. */
static const char *choose(const struct strlist *models, const char *name)
{
	if (!name || !*name)
		return models->v[0];
	if (strlist_has(models, name))
		for (size_t i = 0; i < models->n; i++)
			if (strcmp(models->v[i], name) == 0)
				return models->v[i];
	for (size_t i = 0; i < models->n; i++) {
		const char *slash = strchr(models->v[i], '/');

		if (slash && strcmp(slash + 1, name) == 0)
			return models->v[i];
	}
	return NULL;
}

int model_resolve(const struct host_config *c, const struct policy *p, const struct strlist *models,
		  const struct gate_model *rq, struct model_place *out, struct policy_verdict *why)
{
	struct err e = ERR_INIT;
	char list[300];

	if (!models || models->n == 0)
		return model_refuse(why, "models", "service file",
				    "the service file names no model that this agent may ask: work "
				    "without one");
	out->name = choose(models, rq->model);
	if (!out->name)
		return model_refuse(why, "models", "service file",
				    "the model '%.80s' is not one that this agent may ask: %s",
				    rq->model, in_words(models, list, sizeof(list)));
	if (!policy_model_allowed(p, out->name))
		return model_refuse(why, "/model/allow", policy_name(p),
				    "the policy does not allow the model '%.100s'", out->name);
	out->endpoint = host_config_model(c, out->name, &out->price, &e);
	if (!out->endpoint)
		return model_refuse(why, "/models", "host configuration", "%s", e.msg);
	if (rq->protocol != MODEL_TURN && rq->protocol != out->endpoint->protocol)
		return model_refuse(why, "protocol", "host configuration",
				    "the endpoint '%s' speaks %s, not %s", out->endpoint->name,
				    model_protocol_words[out->endpoint->protocol],
				    model_protocol_words[rq->protocol]);
	return 0;
}
