/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/host/case/bodies.h"
#include "agent/host/case/stop.h"
#include "agent/host/gate/model_impl.h"
#include "runtime/base/log.h"

/*
 * Theory of operation.  A call goes through model_ask() once: where to, may it,
 * what of it must not be seen, was it answered already, what may it cost.  Then
 * it is reserved in the ledger and logged, both on the disk before a byte goes
 * to the broker.  What comes back is gathered in the call (model_link.c) and
 * settled there; only model_step() tells it on, so a pause, which settles calls
 * in the middle of something else, calls nobody; once it is over, the calls of
 * which nobody had heard anything are asked anew.
 */

#define PAUSED "paused"

int model_no_memory(struct err *e)
{
	return err_set(e, ENOMEM, "models: out of memory");
}

void model_wake(const struct model_door *d)
{
	const uint64_t one = 1;

	(void)!write(d->wake, &one, sizeof(one));
}

static void free_call(struct model_call *c)
{
	jmap_release(gate_model_end_map, &c->end);
	json_decref(c->events);
	json_decref(c->body);
	free(c->name);
	free(c);
}

/* Whoever pauses a service wants nothing more to be spent. */
static void on_hold(void *ctx)
{
	struct model_door *d = ctx;

	model_stop(d, PAUSED);
	model_wake(d);
}

/* The state directory of the case, whatever the configuration names. */
static int name_state(struct model_door *d, struct err *e)
{
	const char *path = case_path(d->s.kase);
	const size_t n = strlen(path) - strlen(case_id(d->s.kase)) - strlen("/cases/");

	d->state = strndup(path, n);
	return d->state ? 0 : model_no_memory(e);
}

int model_open(const struct model_setup *s, struct model_door **out, struct err *e)
{
	struct model_door *d = calloc(1, sizeof(*d));
	struct epoll_event ev = { .events = EPOLLIN };
	int r;

	if (!d)
		return model_no_memory(e);
	d->s = *s;
	d->epoll = epoll_create1(EPOLL_CLOEXEC);
	d->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->epoll < 0 || d->wake < 0 || epoll_ctl(d->epoll, EPOLL_CTL_ADD, d->wake, &ev) < 0)
		r = err_sys(e, "models: make what is waited on");
	else
		r = calls_open(s->kase, &d->calls, e);
	if (r == 0)
		r = name_state(d, e);
	if (r < 0) {
		model_close(d);
		return r;
	}
	stop_on_hold(on_hold, d);
	*out = d;
	return 0;
}

void model_close(struct model_door *d)
{
	if (!d)
		return;
	stop_on_hold(NULL, NULL);
	for (struct model_call *c = d->first; c; c = c->next)
		c->gone = true;
	model_stop(d, "cancelled");
	while (d->first) {
		struct model_call *c = d->first;

		d->first = c->next;
		free_call(c);
	}
	broker_close(d->broker);
	calls_close(d->calls);
	free(d->state);
	if (d->wake >= 0)
		(void)close(d->wake);
	if (d->epoll >= 0)
		(void)close(d->epoll);
	free(d);
}

/* ---- asking ---- */

/* The same for the same question, whenever it is asked. */
static int identify(const struct model_door *d, struct model_call *c, struct err *e)
{
	AUTO_JSON json_t *v =
		json_pack("{s:s,s:s,s:b,s:O}", "model", c->name, "protocol",
			  model_protocol_words[c->protocol], "stream", c->stream, "body", c->body);
	AUTO_FREE char *text = v ? json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	if (!text)
		return model_no_memory(e);
	c->request_bytes = strlen(text);
	bodies_digest(text, c->request_bytes, c->request);
	return d->s.config->audit.bodies ? bodies_put(d->state, text, c->request_bytes, e) : 0;
}

/* 0: nothing is kept; 1: its answer is there. */
static int replay(struct model_door *d, struct model_call *c, struct err *e)
{
	AUTO_JSON json_t *v = calls_take(d->calls, model_role(d), c->request);
	const json_t *kept = json_object_get(v, "kept");
	json_t *events = json_object_get(kept, "events");

	if (!v)
		return 0;
	if (!json_is_array(events) ||
	    jmap_read(gate_model_end_map, json_object_get(kept, "end"), &c->end, "", e) < 0)
		return err_set(e, EBADMSG, "case '%s': a kept call is not as it was written",
			       case_id(d->s.kase));
	c->end.id = c->id;
	json_decref(c->events);
	c->events = json_incref(events);
	c->ended = true;
	model_wake(d);
	return model_log_replay(d, c, json_string_value(json_object_get(v, "call")), e) < 0
		       ? -e->code
		       : 1;
}

/* The ledger and the log are written at the same time; both are on the disk when it returns. */
static int commit(struct model_door *d, struct model_call *c, struct err *e)
{
	struct err late = ERR_INIT;
	int r = calls_next(d->calls, c->call, e);

	if (r == 0)
		r = model_log_call(d, c, e);
	if (r == 0)
		r = audit_sync_begin(d->s.audit, e);
	if (r < 0)
		return r;
	r = calls_reserve(d->calls, c->call, &c->most, e);
	if (audit_sync_end(d->s.audit, &late) < 0 && r == 0) {
		*e = late;
		r = -e->code;
		late = (struct err)ERR_INIT;
		if (calls_settle(d->calls, c->call, &c->most,
				 &(struct call_cost){ .kind = "not-sent" }, NULL, &late) < 0)
			log_warn("%s", late.msg);
	}
	return r;
}

int model_start(struct model_door *d, struct model_call *c, struct policy_verdict *why,
		struct err *e)
{
	char word[] = "broker-died";
	const struct broker_end unsent = { .kind = word };
	int r = model_budget(d, c, why);

	if (r == 0)
		r = model_link(d, c, e);
	if (r == 0)
		r = commit(d, c, e);
	if (r != 0)
		return r;
	c->key = ++d->last_key;
	c->ended = false;
	if (model_send(d, c, e) == 0)
		return 0;
	/* It died before it took the whole of it: what becomes of the others is heard by
	 * model_receive(). */
	log_warn("%s", e->msg);
	*e = (struct err)ERR_INIT;
	model_wake(d);
	return model_settle(d, c, &unsent, e);
}

static int prepare(struct model_door *d, struct model_call *c, const struct gate_model *rq,
		   struct policy_verdict *why, struct err *e)
{
	const struct model_looking look = { c->policy, d->s.values, &d->clean };
	struct err failed = ERR_INIT;

	if (money_rates(c->at.price, &c->rates) < 0)
		return model_refuse(why, "/models", "host configuration",
				    "a price of '%s' is no amount", c->name);
	c->body = model_mask(&look, rq->body, &c->masked, &failed);
	if (!c->body)
		return model_refuse(why, "/environment/redact", policy_name(c->policy),
				    "nothing was sent: the request cannot be looked through for "
				    "what must not leave (%.300s)",
				    failed.msg);
	return identify(d, c, e);
}

static struct model_call *new_call(const struct model_place *at, const struct gate_model *rq,
				   const struct model_listener *to)
{
	struct model_call *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->id = rq->id;
	c->to = *to;
	c->at = *at;
	c->protocol = rq->protocol;
	c->stream = rq->stream && rq->protocol != MODEL_TURN;
	c->name = strdup(at->name);
	c->events = json_array();
	if (c->name && c->events)
		return c;
	free_call(c);
	return NULL;
}

static void append(struct model_door *d, struct model_call *c)
{
	struct model_call **at = &d->first;

	while (*at)
		at = &(*at)->next;
	*at = c;
}

int model_ask(struct model_door *d, const struct policy *p, const struct strlist *models,
	      const struct gate_model *rq, const struct model_listener *to,
	      struct policy_verdict *why, struct err *e)
{
	struct model_place at;
	struct model_call *c;
	int r = stop_point(e);

	if (r < 0)
		return r;
	if (model_resolve(d->s.config, p, models, rq, &at, why) != 0 ||
	    model_bounds(rq->protocol, rq->body, why) != 0)
		return 1;
	c = new_call(&at, rq, to);
	if (!c)
		return model_no_memory(e);
	c->policy = p;
	c->models = models;
	r = prepare(d, c, rq, why, e);
	if (r == 0)
		r = replay(d, c, e);
	if (r == 0)
		r = model_start(d, c, why, e);
	else if (r == 1 && c->ended)
		r = 0;
	if (r != 0) {
		free_call(c);
		return r;
	}
	append(d, c);
	return 0;
}

static int cancel(struct model_door *d, struct model_call *c, struct err *e)
{
	if (c->ended || c->stopped)
		return 0;
	c->stopped = "cancelled";
	return broker_cancel(d->broker, c->key, e);
}

int model_cancel(struct model_door *d, uint64_t id, struct err *e)
{
	struct err gone = ERR_INIT;

	(void)e;
	for (struct model_call *c = d->first; c; c = c->next)
		if (c->id == id && cancel(d, c, &gone) < 0)
			log_warn("%s", gone.msg); /* it died: its end comes all the same */
	return 0;
}

int model_forget(struct model_door *d, const void *ctx, struct err *e)
{
	struct err gone = ERR_INIT;

	(void)e;
	for (struct model_call *c = d->first; c; c = c->next) {
		if (c->to.ctx != ctx)
			continue;
		c->gone = true;
		if (cancel(d, c, &gone) < 0)
			log_warn("%s", gone.msg);
	}
	model_await(d, true); /* what comes next reads the ledger */
	model_wake(d);
	return 0;
}

/* ---- hearing ---- */

int model_fd(const struct model_door *d)
{
	return d->first ? d->epoll : -1;
}

static int tell_events(struct model_call *c, struct err *e)
{
	int r = 0;

	while (r == 0 && !c->gone && c->told < json_array_size(c->events)) {
		const json_t *row = json_array_get(c->events, c->told++);
		struct gate_event ev = {
			.id = c->id,
			.name = (char *)(uintptr_t)json_string_value(json_object_get(row, "name")),
			.data = json_object_get(row, "data"),
		};

		r = c->to.on_event ? c->to.on_event(c->to.ctx, &ev, e) : 0;
	}
	return r;
}

/* One that ended is told so and forgotten. */
static int tell(struct model_door *d, struct model_call **at, struct err *e)
{
	struct model_call *c = *at;
	int r = tell_events(c, e);

	(void)d;
	if (r < 0 || !c->ended)
		return r;
	*at = c->next;
	if (!c->gone)
		r = c->to.on_end(c->to.ctx, &c->end, e);
	free_call(c);
	return r;
}

/* After a pause: what nobody had heard anything of is asked anew, and paid anew. */
static int go_on(struct model_door *d, struct err *e)
{
	int r = 0;

	for (struct model_call *c = d->first; c && r == 0; c = c->next) {
		struct policy_verdict why;

		if (!c->ended || c->gone || c->told || !c->stopped ||
		    strcmp(c->end.kind, PAUSED) != 0)
			continue;
		r = stop_point(e);
		if (r < 0)
			break;
		c->stopped = NULL;
		(void)json_array_clear(c->events);
		r = model_start(d, c, &why, e);
		if (r == 1) /* the budget has no room for it: it ends as it did */
			r = 0;
	}
	return r;
}

int model_step(struct model_door *d, struct err *e)
{
	uint64_t ticks;
	int r;

	(void)!read(d->wake, &ticks, sizeof(ticks));
	r = model_receive(d, 0, e);
	if (r == 0)
		r = go_on(d, e);
	for (struct model_call **at = &d->first; r == 0 && *at;) {
		struct model_call *c = *at;

		r = tell(d, at, e);
		if (*at == c)
			at = &c->next;
	}
	return r;
}

const char *model_protocol(const struct model_door *d, const struct strlist *models)
{
	const struct model_price *price;
	struct err none = ERR_INIT;
	const struct model_endpoint *at =
		models->n ? host_config_model(d->s.config, models->v[0], &price, &none) : NULL;

	return at ? model_protocol_words[at->protocol] : NULL;
}
