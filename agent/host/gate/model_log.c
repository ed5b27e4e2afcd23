/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/host/case/bodies.h"
#include "agent/host/gate/model_impl.h"
#include "runtime/base/log.h"
#include "runtime/base/sha256.h"

/* What the log, the ledger and the case keep of a call. */

int model_log_call(const struct model_door *d, const struct model_call *c, struct err *e)
{
	char usd[MONEY_TEXT];

	money_text(c->most.usd, usd);
	return audit_effect(d->s.audit, "model.call",
			    json_pack("{s:s,s:s,s:s,s:s,s:s,s:b,s:s,s:I,s:I,s:I,s:I,s:s}", "call",
				      c->call, "role", c->most.role, "endpoint",
				      c->at.endpoint->name, "model", c->at.price->name, "protocol",
				      model_protocol_words[c->protocol], "stream", c->stream,
				      "request", c->request, "bytes", (json_int_t)c->request_bytes,
				      "masked", (json_int_t)c->masked, "most_input",
				      (json_int_t)c->most.input, "most_output",
				      (json_int_t)c->most.output, "reserved_usd", usd),
			    e);
}

int model_log_replay(const struct model_door *d, const struct model_call *c, const char *of,
		     struct err *e)
{
	return audit_note(d->s.audit, "model.replay",
			  json_pack("{s:s,s:s,s:s,s:s}", "call", of, "role", model_role(d), "model",
				    c->name, "request", c->request),
			  e);
}

/* ---- what an answer cost ---- */

static struct call_cost cost_of(const struct model_call *c, const struct broker_end *end,
				const char *kind)
{
	const struct model_usage *u = &end->usage;
	struct call_cost cost = { .kind = kind };

	cost.billed = end->billed || (u->known && u->input + u->output > 0);
	if (!cost.billed)
		return cost;
	cost.estimated = !u->known;
	cost.input = u->known ? u->input : c->most.input;
	cost.output = u->known ? u->output : c->most.output;
	cost.cached = u->known ? u->cached : 0;
	cost.reasoning = u->known ? u->reasoning : 0;
	cost.usd = u->known ? money_used(&c->rates, u) : c->most.usd;
	return cost;
}

static int take_end(struct model_call *c, const struct broker_end *end, const char *kind)
{
	struct gate_model_end *to = &c->end;

	jmap_release(gate_model_end_map, to);
	*to = (struct gate_model_end){ .id = c->id,
				       .kind = strdup(kind),
				       .message = end->message ? strdup(end->message) : NULL,
				       .status = end->status,
				       .body = json_incref(end->body),
				       .error = json_incref(end->error),
				       .usage = jmap_write(model_usage_map, &end->usage) };
	c->ended = true;
	return to->kind && to->usage ? 0 : -ENOMEM;
}

/* What somebody who asks the same again would hear; calls that were ended from here are asked anew.
 */
static json_t *to_keep(const struct model_call *c, const struct call_cost *cost)
{
	return cost->billed && !c->stopped && strcmp(cost->kind, "broker-died") != 0
		       ? json_pack("{s:O,s:o}", "events", c->events, "end",
				   jmap_write(gate_model_end_map, &c->end))
		       : NULL;
}

static int log_answer(const struct model_door *d, const struct model_call *c,
		      const struct broker_end *end, const struct call_cost *cost,
		      const char *answer, struct err *e)
{
	const struct model_usage *u = &end->usage;
	const struct model_price *p = c->at.price;
	char usd[MONEY_TEXT], digest[MODEL_DIGEST];
	json_t *fields;

	bodies_digest(answer, strlen(answer), digest);
	money_text(cost->usd, usd);
	fields = json_pack(
		"{s:s,s:s,s:I,s:s,s:I,s:s*,s:I,s:s*,s:I,s:b,s:b,s:I,s:I,s:I,s:I,s:I,s:s,s:s,s:s,"
		"s:I,s:I,s:I,s:I,s:s*}",
		"call", c->call, "kind", cost->kind, "status", (json_int_t)end->status, "answer",
		digest, "bytes", (json_int_t)strlen(answer), "sent_sha256", end->request_sha256,
		"sent_bytes", (json_int_t)end->bytes_out, "received_sha256", end->answer_sha256,
		"received_bytes", (json_int_t)end->bytes_in, "billed", cost->billed, "estimated",
		cost->estimated, "input", (json_int_t)u->input, "output", (json_int_t)u->output,
		"cached", (json_int_t)u->cached, "cache_write", (json_int_t)u->cache_write,
		"reasoning", (json_int_t)u->reasoning, "usd", usd, "price_input", p->input,
		"price_output", p->output, "attempts", (json_int_t)end->attempts, "connect_us",
		(json_int_t)end->connect_us, "first_us", (json_int_t)end->first_us, "total_us",
		(json_int_t)end->total_us, "message", end->message);
	return fields ? audit_note(d->s.audit, "model.answer", fields, e) : model_no_memory(e);
}

int model_settle(struct model_door *d, struct model_call *c, const struct broker_end *end,
		 struct err *e)
{
	const bool ours = c->stopped && (strcmp(end->kind, "cancelled") == 0 ||
					 strcmp(end->kind, "broker-died") == 0);
	const char *kind = ours ? c->stopped : end->kind;
	const struct call_cost cost = cost_of(c, end, kind);
	AUTO_FREE char *answer = NULL;
	AUTO_JSON json_t *said = NULL;
	int r;

	if (take_end(c, end, kind) < 0)
		return model_no_memory(e);
	said = json_pack("{s:O,s:O*,s:O*}", "events", c->events, "body", end->body, "error",
			 end->error);
	answer = said ? json_dumps(said, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	if (!answer)
		return model_no_memory(e);
	r = calls_settle(d->calls, c->call, &c->most, &cost, to_keep(c, &cost), e);
	if (r == 0 && cost.input > c->most.input && cost.input - c->most.input > d->beyond)
		d->beyond = cost.input - c->most.input;
	if (r == 0)
		r = log_answer(d, c, end, &cost, answer, e);
	if (r == 0 && d->s.config->audit.bodies)
		r = bodies_put(d->state, answer, strlen(answer), e);
	return r;
}
