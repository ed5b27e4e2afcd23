/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "agent/host/gate/model_impl.h"
#include "runtime/base/clock.h"
#include "runtime/base/log.h"

/*
 * The broker at the other end: started when there is something to ask, and
 * again after it died.  What it says is checked like anybody's: one wrong
 * message and it is over.
 */
#define EVENTS_MAX 100000u		   /* of one answer */
#define BYTES_MAX  (2u * MODEL_MAX_ANSWER) /* the same, as it is kept */
#define STOP_MS	   2000			   /* for cancelled calls to end by themselves */

/* Whether a model of this endpoint may be asked by whoever asked for the call. */
static bool may_ask(const struct host_config *config, const struct model_call *c,
		    const struct model_endpoint *at)
{
	for (size_t i = 0; i < c->models->n; i++) {
		const struct model_price *price;
		struct err none = ERR_INIT;

		if (host_config_model(config, c->models->v[i], &price, &none) == at &&
		    policy_model_allowed(c->policy, c->models->v[i]))
			return true;
	}
	return false;
}

/* A key that may not be used is not read. */
static struct broker_endpoint *endpoints(const struct host_config *config,
					 const struct model_call *c, size_t *n)
{
	struct broker_endpoint *v = calloc(config->models.n + 1, sizeof(*v));
	const struct model_endpoint *from = config->models.v;

	*n = 0;
	for (size_t i = 0; v && i < config->models.n; i++)
		if (may_ask(config, c, &from[i]))
			v[(*n)++] = (struct broker_endpoint){ .name = from[i].name,
							      .protocol = from[i].protocol,
							      .url = from[i].url,
							      .credential = from[i].credential,
							      .ca = from[i].ca,
							      .proxy = from[i].proxy,
							      .connect_ms = from[i].connect_ms,
							      .stall_ms = from[i].stall_ms,
							      .total_ms = from[i].total_ms,
							      .retries = from[i].retries,
							      .parallel = from[i].parallel };
	return v;
}

/* Those who asked it are gone, and so are their calls (model_forget()). */
static void unlink_other_role(struct model_door *d, const struct model_call *c)
{
	if (!d->broker || (d->linked == c->policy && d->linked_models == c->models))
		return;
	model_stop(d, "cancelled");
	broker_close(d->broker);
	d->broker = NULL;
}

int model_link(struct model_door *d, const struct model_call *c, struct err *e)
{
	AUTO_FREE struct broker_endpoint *v = NULL;
	struct epoll_event ev = { .events = EPOLLIN };
	struct broker_setup setup = { 0 };

	unlink_other_role(d, c);
	if (d->broker)
		return 0;
	v = endpoints(d->s.config, c, &setup.endpoints.n);
	if (!v)
		return model_no_memory(e);
	setup.endpoints.v = v;
	if (broker_open(&setup, &d->broker, e) < 0)
		return err_wrap(e, "models");
	d->linked = c->policy;
	d->linked_models = c->models;
	if (epoll_ctl(d->epoll, EPOLL_CTL_ADD, broker_fd(d->broker), &ev) < 0)
		return err_sys(e, "models: wait for sickbay-broker");
	return 0;
}

int model_send(struct model_door *d, struct model_call *c, struct err *e)
{
	const struct broker_call call = { .id = c->key,
					  .endpoint = c->at.endpoint->name,
					  .model = c->at.price->name,
					  .protocol = c->protocol,
					  .stream = c->stream,
					  .max_output = c->max_output,
					  .total_ms = c->total_ms,
					  .body = c->body };

	return broker_call(d->broker, &call, e);
}

static struct model_call *find(const struct model_door *d, uint64_t key)
{
	for (struct model_call *c = d->first; c; c = c->next)
		if (c->key == key && !c->ended)
			return c;
	return NULL;
}

/* ---- what it says ---- */

static int take_event(struct model_door *d, const struct msg *m, struct err *e)
{
	struct broker_event ev = { 0 };
	int r = jmap_read(broker_event_map, m->body, &ev, "", e);
	struct model_call *c = r == 0 ? find(d, ev.id) : NULL;

	if (c && !c->stream) {
		r = err_set(e, EPROTO, "an event of a call that does not stream");
	} else if (c) {
		c->bytes += json_dumpb(ev.data, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
		if (c->bytes > BYTES_MAX || json_array_size(c->events) >= EVENTS_MAX)
			r = err_set(e, EPROTO, "an answer without an end");
		else if (json_array_append_new(c->events, json_pack("{s:s*,s:O*}", "name", ev.name,
								    "data", ev.data)) < 0)
			r = model_no_memory(e);
	}
	jmap_release(broker_event_map, &ev);
	return r;
}

static int take_end(struct model_door *d, const struct msg *m, struct err *e)
{
	struct broker_end end = { 0 };
	int r = jmap_read(broker_end_map, m->body, &end, "", e);
	struct model_call *c = r == 0 ? find(d, end.id) : NULL;

	if (c && model_settle(d, c, &end, e) < 0)
		r = -e->code;
	jmap_release(broker_end_map, &end);
	return r;
}

/* Its calls end, charged as reserved; those of which nobody heard anything are asked once more. */
static int bury(struct model_door *d, const char *how, struct err *e)
{
	char word[] = "broker-died", text[300];
	const struct broker_end end = { .kind = word, .message = text, .billed = true };
	int r = 0;

	log_warn("sickbay-broker: %s", how);
	(void)snprintf(text, sizeof(text), "the program that asks models ended: %.200s", how);
	broker_close(d->broker);
	d->broker = NULL;
	for (struct model_call *c = d->first; c && r == 0; c = c->next) {
		const bool again = !c->stopped && !c->gone && !c->retried && c->told == 0;
		struct policy_verdict why;
		struct err failed = ERR_INIT;

		if (c->ended)
			continue;
		r = model_settle(d, c, &end, e);
		if (r < 0 || !again)
			continue;
		c->retried = true;
		(void)json_array_clear(c->events);
		if (model_start(d, c, &why, &failed) < 0)
			log_warn("%s", failed.msg);
	}
	return r;
}

static int take(struct model_door *d, const struct msg *m, struct err *e)
{
	if (m->type == BROKER_EVENT)
		return take_event(d, m, e);
	if (m->type == BROKER_END)
		return take_end(d, m, e);
	return err_set(e, EPROTO, "message %u was not asked for", m->type);
}

/* What this host could not do ends the case; what the broker did wrong ends the broker. */
static bool is_its_fault(const struct err *e)
{
	return e->code == EPROTO || e->code == EINVAL || e->code == EBADMSG;
}

int model_receive(struct model_door *d, int wait_ms, struct err *e)
{
	int r = 0;

	while (r == 0 && d->broker) {
		AUTO_MSG struct msg m = MSG_INIT;
		struct err heard = ERR_INIT;
		const int got = broker_recv(d->broker, wait_ms, &m, &heard);

		wait_ms = 0;
		if (got == -ETIMEDOUT)
			break;
		if (got == 1 && take(d, &m, &heard) == 0)
			continue;
		if (got == 1 && !is_its_fault(&heard)) {
			*e = heard;
			return -e->code;
		}
		r = bury(d, heard.code ? heard.msg : "it died", e);
	}
	return r;
}

/* ---- ends ---- */

static bool is_live(const struct model_door *d, bool gone)
{
	for (const struct model_call *c = d->first; c; c = c->next)
		if (!c->ended && (c->gone || !gone))
			return true;
	return false;
}

void model_await(struct model_door *d, bool gone)
{
	const uint64_t until = clock_mono_ns() + STOP_MS * 1000000ull;
	struct err e = ERR_INIT;

	while (d->broker && is_live(d, gone) && clock_mono_ns() < until) {
		e = (struct err)ERR_INIT;
		if (model_receive(d, 100, &e) < 0)
			break;
	}
	if (is_live(d, gone)) {
		e = (struct err)ERR_INIT;
		if (bury(d, "it did not end its calls", &e) < 0)
			log_warn("%s", e.msg);
	}
}

void model_stop(struct model_door *d, const char *kind)
{
	struct err e = ERR_INIT;

	for (struct model_call *c = d->first; c; c = c->next) {
		if (c->ended)
			continue;
		c->stopped = kind;
		if (!d->broker || broker_cancel(d->broker, c->key, &e) < 0)
			break;
	}
	model_await(d, false);
}
