/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/queue/rate.h"

#include <math.h>
#include <string.h>

#include "agent/host/case/service_state.h"

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
	const bool before = r->spike;
	bool began = false;

	if (r->minute == 0)
		r->minute = minute;
	/* a long silence is as good as an hour of it */
	for (uint64_t gone = 0; r->minute < minute; r->minute++) {
		if (++gone > RATE_BASE + 1) {
			r->minute = minute;
			break;
		}
		rate_minute(r, r->now);
		began = began || (r->spike && !before);
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
	return json_pack("{s:s,s:I,s:I,s:o,s:f,s:b}", "schema", RATE_SCHEMA, "minute",
			 (json_int_t)r->minute, "now", (json_int_t)r->now, "base", base, "sum",
			 r->sum, "spike", r->spike);
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
	};
	for (size_t i = 0; i < json_array_size(base) && i < RATE_BASE; i++)
		out->base[out->n_base++] = (uint64_t)json_integer_value(json_array_get(base, i));
	return 0;
}

/* Those of one process: written once a minute, so a kill forgets a minute at most. */
static struct known {
	char service[64];
	struct rate rate;
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

int rate_count(const struct queue *q, const char *service, uint64_t received_ns, uint64_t count,
	       struct err *e)
{
	struct known *const k = find(q, service);
	const uint64_t minute = received_ns / MINUTE_NS;
	AUTO_JSON json_t *v = NULL;
	double mean;
	bool began;

	if (!k)
		return 0;		/* more services than a host has */
	if (minute <= k->rate.minute) { /* one that a clock set back, too */
		k->rate.now += count;
		return 0;
	}
	mean = rate_mean(&k->rate);
	began = rate_add(&k->rate, minute, count);
	if (began && q->audit &&
	    audit_note(q->audit, "intake.spike",
		       json_pack("{s:s,s:I}", "service", service, "baseline_per_hour",
				 (json_int_t)(mean * 60)),
		       e) < 0)
		return -e->code;
	v = to_json(&k->rate);
	return v ? service_state_write(q->state, service, RATE_FILE, v, e)
		 : err_set(e, ENOMEM, "out of memory");
}
