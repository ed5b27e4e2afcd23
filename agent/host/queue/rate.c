/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/queue/rate.h"

#include <math.h>
#include <string.h>

#include "agent/host/case/service_state.h"
#include "runtime/base/clock.h"

#define RATE_FILE   "rate.json"
#define RATE_SCHEMA "sickbay.rate/1"
#define MINUTE_NS   (60ull * 1000000000)

double rate_mean(const struct rate *r)
{
	double sum = 0;

	if (r->n_base < RATE_MIN)
		return 0;
	for (uint64_t i = 0; i < r->n_base; i++)
		sum += (double)r->base[i];
	return sum / (double)r->n_base;
}

void rate_minute(struct rate *r, uint64_t count)
{
	/* a service that never reports is not one in which nothing can happen */
	const double m0 = fmax(rate_mean(r), 0.1), m1 = fmax(2 * m0, m0 + 1);
	const double k = (m1 - m0) / (log(m1) - log(m0));
	const double h = log(RATE_QUIET) / log(m1 / m0);

	if (r->n_base >= RATE_MIN)
		r->sum = fmax(0, r->sum + (double)count - k);
	r->spike = r->sum > h;
	if (r->spike) {
		r->sum = fmin(r->sum, 2 * h); /* so that its end is seen, too */
		return;
	}
	if (r->sum > h / 2)
		return; /* what may be the beginning of one is not normal yet */
	if (r->n_base == RATE_BASE)
		memmove(r->base, r->base + 1, --r->n_base * sizeof(r->base[0]));
	r->base[r->n_base++] = count;
}

bool rate_add(struct rate *r, uint64_t minute, uint64_t count)
{
	bool began = false;

	if (r->minute == 0)
		r->minute = minute;
	/* a long silence is as good as an hour of it */
	for (uint64_t gone = 0; r->minute < minute; r->minute++) {
		const bool before = r->spike;

		if (++gone > RATE_BASE + 1) {
			r->minute = minute;
			break;
		}
		rate_minute(r, r->now);
		began = began || (r->spike && !before);
		if (r->spike != before)
			r->since = r->spike ? r->minute : 0;
		r->last = r->now;
		r->now = 0;
	}
	r->now += count;
	return began;
}

static json_t *to_json(const struct rate *r)
{
	json_t *base = json_array();

	for (uint64_t i = 0; base && i < r->n_base; i++)
		(void)json_array_append_new(base, json_integer((json_int_t)r->base[i]));
	return json_pack("{s:s,s:I,s:I,s:o,s:f,s:b,s:I,s:I}", "schema", RATE_SCHEMA, "minute",
			 (json_int_t)r->minute, "now", (json_int_t)r->now, "base", base, "sum",
			 r->sum, "spike", r->spike, "last", (json_int_t)r->last, "since",
			 (json_int_t)r->since);
}

int rate_load(const char *state, const char *service, struct rate *out, struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	const json_t *base;
	int r = service_state_read(state, service, RATE_FILE, &v, e);

	if (r == 0)
		r = record_is(v, RATE_SCHEMA, RATE_FILE, e);
	if (r < 0)
		return r;
	base = json_object_get(v, "base");
	*out = (struct rate){
		.minute = (uint64_t)json_integer_value(json_object_get(v, "minute")),
		.now = (uint64_t)json_integer_value(json_object_get(v, "now")),
		.sum = json_number_value(json_object_get(v, "sum")),
		.spike = json_is_true(json_object_get(v, "spike")),
		.last = (uint64_t)json_integer_value(json_object_get(v, "last")),
		.since = (uint64_t)json_integer_value(json_object_get(v, "since")),
	};
	for (size_t i = 0; i < json_array_size(base) && i < RATE_BASE; i++)
		out->base[out->n_base++] = (uint64_t)json_integer_value(json_array_get(base, i));
	return 0;
}

#define WRITE_NS (10ull * 1000000000)

/* Those of one process: a kill forgets a few seconds. */
static struct known {
	char service[64];
	struct rate rate;
	bool changed;
	uint64_t written_ns;
} known[256];

static struct known *find(const struct queue *q, const char *service)
{
	struct err none = ERR_INIT;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct known *const k = &known[i];

		if (strcmp(k->service, service) == 0)
			return k;
		if (k->service[0])
			continue;
		(void)snprintf(k->service, sizeof(k->service), "%s", service);
		(void)rate_load(q->state, service, &k->rate, &none);
		return k;
	}
	return NULL;
}

static int write_one(const struct queue *q, struct known *k, struct err *e)
{
	AUTO_JSON json_t *v = to_json(&k->rate);

	if (!v)
		return err_set(e, ENOMEM, "out of memory");
	k->changed = false;
	k->written_ns = clock_mono_ns();
	return service_state_write(q->state, k->service, RATE_FILE, v, e);
}

/* 1: a spike began with it, and is noted. */
static int advance(const struct queue *q, struct known *k, uint64_t minute, uint64_t count,
		   struct err *e)
{
	const double mean = rate_mean(&k->rate);
	bool began;

	k->changed = true;
	if (minute <= k->rate.minute) { /* one that a clock set back, too */
		k->rate.now += count;
		return 0;
	}
	began = rate_add(&k->rate, minute, count);
	if (began && q->audit &&
	    audit_note(q->audit, "intake.spike",
		       json_pack("{s:s,s:I}", "service", k->service, "baseline_per_hour",
				 (json_int_t)(mean * 60)),
		       e) < 0)
		return -e->code;
	return write_one(q, k, e) < 0 ? -e->code : began;
}

int rate_count(const struct queue *q, const char *service, uint64_t received_ns, uint64_t count,
	       struct err *e)
{
	struct known *const k = find(q, service);
	/* NULL: more services than a host has */
	const int r = k ? advance(q, k, received_ns / MINUTE_NS, count, e) : 0;

	return r < 0 ? r : 0;
}

int rate_tick(const struct queue *q, bool end, struct err *e)
{
	const uint64_t minute = q->now_ns / MINUTE_NS, now = clock_mono_ns();
	int began = 0;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]) && known[i].service[0]; i++) {
		struct known *const k = &known[i];
		int r = 0;

		if (minute > k->rate.minute)
			r = advance(q, k, minute, 0, e);
		else if (k->changed && (end || now - k->written_ns >= WRITE_NS))
			r = write_one(q, k, e);
		if (r < 0)
			return r;
		began |= r;
	}
	return began;
}

static json_t *one_rate(const char *service, const struct rate *r)
{
	const double usual = rate_mean(r);
	char since[CLOCK_RFC3339];

	clock_rfc3339(r->since * MINUTE_NS, since);
	return json_pack("{s:s,s:I,s:o,s:b,s:o}", "service", service, "last_minute",
			 (json_int_t)r->last, "usual",
			 r->n_base < RATE_MIN ? json_null() : json_real(usual), "spike", r->spike,
			 "since", r->spike && r->since ? json_string(since) : json_null());
}

int rate_list(const char *state, uint64_t now_ns, json_t **out, struct err *e)
{
	AUTO_JSON json_t *list = json_array();
	struct strlist names = { 0 };
	int r = list ? service_states(state, &names, e) : err_set(e, ENOMEM, "out of memory");

	for (size_t i = 0; r == 0 && i < names.n; i++) {
		struct rate one;

		r = rate_load(state, names.v[i], &one, e);
		if (r == -ENOENT) {
			*e = (struct err)ERR_INIT;
			r = 0;
			continue;
		}
		if (r < 0)
			break;
		(void)rate_add(&one, now_ns / MINUTE_NS, 0);
		if (json_array_append_new(list, one_rate(names.v[i], &one)) < 0)
			r = err_set(e, ENOMEM, "out of memory");
	}
	strlist_release(&names);
	if (r == 0)
		*out = json_incref(list);
	return r;
}
