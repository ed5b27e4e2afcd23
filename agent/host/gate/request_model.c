/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/gate/monitor.h"

#include <stdlib.h>
#include <string.h>

/* An agent's calls to models: asked by the case's door (model.h), which decides and speaks to the
 * broker; what comes back is forwarded, written anew from its table. */

static int on_event(void *ctx, const struct gate_event *ev, struct err *e)
{
	(void)e;
	return monitor_answer(ctx, GATE_EVENT, jmap_write(gate_event_map, ev));
}

static int on_end(void *ctx, const struct gate_model_end *end, struct err *e)
{
	(void)e;
	return monitor_answer(ctx, GATE_MODEL_END, jmap_write(gate_model_end_map, end));
}

/* The policy wants an agent that has nothing left to be ended, not to go on without a model. */
static int end_exhausted(struct monitor *m, const struct policy_verdict *why)
{
	free(m->out.why);
	m->out.why = strdup(why->reason);
	if (!m->out.why)
		return monitor_no_memory(m);
	m->out.end = GATE_GAVE_UP;
	m->over = true;
	return 0;
}

static int refuse(struct monitor *m, const struct gate_model *rq, const struct policy_verdict *why)
{
	const int r = monitor_refuse(m, rq->id, why, rq->model ? rq->model : "");

	if (r < 0 || strcmp(why->rule, MODEL_BUDGET) != 0 ||
	    !policy_stops_exhausted(m->s->world->policy[m->s->role]))
		return r;
	return end_exhausted(m, why);
}

/* Who asked ends with its replica. */
static uint64_t left_ms(void *ctx)
{
	const struct monitor *m = ctx;

	return sandbox_left_ms(replica_sandbox(m->replica));
}

static int ask(struct monitor *m, const struct gate_model *rq)
{
	const struct model_listener to = {
		.ctx = m, .on_event = on_event, .on_end = on_end, .left_ms = left_ms
	};
	struct policy_verdict why = { 0 };
	int r;

	if (!m->s->models)
		return monitor_refuse_plain(m, rq->id, "models",
					    "no model may be asked in this case");
	r = model_ask(m->s->models, m->s->world->policy[m->s->role], &m->s->agent->models, rq, &to,
		      &why, m->e);
	return r == 1 ? refuse(m, rq, &why) : r;
}

int monitor_on_model(struct monitor *m, const json_t *body)
{
	struct gate_model rq = { 0 };
	struct err bad = ERR_INIT;
	const int r = jmap_read(gate_model_map, body, &rq, "", &bad) < 0 ? monitor_foul(m, bad.msg)
									 : ask(m, &rq);

	jmap_release(gate_model_map, &rq);
	return r;
}

/* An end that was on its way already answers it as well. */
int monitor_on_cancel(struct monitor *m, const json_t *body)
{
	struct gate_cancel rq = { 0 };
	struct err bad = ERR_INIT;

	if (jmap_read(gate_cancel_map, body, &rq, "", &bad) < 0)
		return monitor_foul(m, bad.msg);
	if (m->s->models && model_cancel(m->s->models, rq.id, &bad) < 0 && bad.code != ENOENT) {
		*m->e = bad;
		return -bad.code;
	}
	return 0;
}

int monitor_models_fd(const struct monitor *m)
{
	return m->s->models ? model_fd(m->s->models) : -1;
}

int monitor_models_step(struct monitor *m)
{
	return model_step(m->s->models, m->e);
}
