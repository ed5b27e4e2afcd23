/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/host/testrun/testrun.h"
#include "runtime/base/clock.h"

struct taking {
	json_t *passes; /* {ID: runs in which it passed} */
	json_t *last;	/* {ID: status of the last run that had it} */
	json_t *had;	/* {ID: runs that had it} */
	uint64_t wall[32], cpu[32], memory[32];
	size_t runs;
	bool complete;
	struct baseline_seen *seen; /* or NULL */
	bool shown;		    /* *seen is of a run that was not complete */
};

#define SEEN_OUTPUT_MAX 65536

static int bump(json_t *counts, const char *id)
{
	return json_object_set_new(
		counts, id, json_integer(json_integer_value(json_object_get(counts, id)) + 1));
}

static int see(struct taking *t, const struct test_report *r, struct err *e)
{
	struct baseline_seen *s = t->seen;
	char *copy;

	if (!s)
		return 0;
	if (r->exit.peak_memory > s->peak_memory)
		s->peak_memory = r->exit.peak_memory;
	if (s->output && (t->shown || (r->complete && r->tests)))
		return 0;
	copy = strdup(r->output);
	if (!copy)
		return err_set(e, ENOMEM, "baseline: out of memory");
	free(s->output);
	s->output = copy;
	s->exit = r->exit;
	s->built = r->built;
	t->shown = !r->complete || !r->tests;
	return 0;
}

static int take_one(void *ctx, size_t index, const struct test_report *r, struct err *e)
{
	struct taking *t = ctx;
	const char *id;
	json_t *status;
	int bad = 0;

	(void)index;
	json_object_foreach(r->status, id, status) {
		bad |= bump(t->had, id);
		if (strcmp(json_string_value(status), "pass") == 0)
			bad |= bump(t->passes, id);
		bad |= json_object_set(t->last, id, status);
	}
	t->wall[t->runs] = r->exit.wall_us;
	t->cpu[t->runs] = r->exit.cpu_us;
	t->memory[t->runs] = r->exit.peak_memory;
	t->runs++;
	t->complete = t->complete && r->complete;
	return bad ? err_set(e, ENOMEM, "baseline: out of memory") : see(t, r, e);
}

static int by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void count_status(struct baseline *b, const char *status)
{
	b->tests++;
	if (strcmp(status, "pass") == 0)
		b->passed++;
	else if (strcmp(status, "fail") == 0)
		b->failed++;
	else
		b->skipped++;
}

/* A test that did not do the same in every run, or that the service names, is flaky and counts for
 * nothing. */
static int settle(struct taking *t, const struct strlist *known, struct baseline *b, struct err *e)
{
	const char *id;
	json_t *status;
	int bad = 0;

	json_object_foreach(t->last, id, status) {
		const json_int_t had = json_integer_value(json_object_get(t->had, id));
		const json_int_t ok = json_integer_value(json_object_get(t->passes, id));

		if (had != (json_int_t)t->runs || (ok != 0 && ok != had)) {
			bad |= json_object_set_new(
				b->flaky, id,
				json_sprintf("passed %lld of %zu", (long long)ok, t->runs));
		} else if (strlist_has(known, id)) {
			bad |= json_object_set_new(b->flaky, id,
						   json_string("named by the service"));
		} else {
			bad |= json_object_set(b->status, id, status);
			count_status(b, json_string_value(status));
		}
	}
	return bad ? err_set(e, ENOMEM, "baseline: out of memory") : 0;
}

int baseline_take(struct world *w, int side, uint64_t runs, struct baseline_seen *seen,
		  struct baseline *out, struct err *e)
{
	const struct service_tests *suite = w->service->tests.v;
	struct testrun_job jobs[32];
	struct taking t = { .complete = true, .seen = seen };
	char now[CLOCK_RFC3339];
	struct baseline b = { 0 };
	int r;

	if (runs > 32)
		runs = 32;
	for (size_t i = 0; i < runs; i++)
		jobs[i] = (struct testrun_job){ .purpose = "baseline",
						.side = side,
						.role = ROLE_VERIFY,
						.what = RUN_SUITE,
						.output_max = seen ? SEEN_OUTPUT_MAX : 0 };
	t.passes = json_object();
	t.last = json_object();
	t.had = json_object();
	b.status = json_object();
	b.flaky = json_object();
	r = testrun_batch(w, jobs, runs, 2, take_one, &t, e);
	if (r == 0)
		r = settle(&t, &suite->known_flaky, &b, e);
	if (r == 0 && b.tests == 0)
		r = err_set(e, ENODATA,
			    "the suite '%s' reported no test at commit %.12s: see its command and "
			    "format in the service file",
			    suite->name, w->side[side].source.commit);
	json_decref(t.passes);
	json_decref(t.last);
	json_decref(t.had);
	if (r < 0) {
		baseline_release(&b);
		return r;
	}
	qsort(t.wall, t.runs, sizeof(t.wall[0]), by_value);
	qsort(t.cpu, t.runs, sizeof(t.cpu[0]), by_value);
	qsort(t.memory, t.runs, sizeof(t.memory[0]), by_value);
	b.runs = t.runs;
	b.complete = t.complete;
	b.wall_us = t.wall[t.runs / 2];
	b.cpu_us = t.cpu[t.runs / 2];
	b.peak_memory = t.memory[t.runs / 2];
	clock_rfc3339(clock_real_ns(), now);
	b.taken = strdup(now);
	if (!b.taken) {
		baseline_release(&b);
		return err_set(e, ENOMEM, "baseline: out of memory");
	}
	*out = b;
	return 0;
}

json_t *baseline_write(const struct baseline *b)
{
	return json_pack("{s:O,s:O,s:I,s:b,s:{s:I,s:I,s:I,s:s*}}", "status", b->status, "flaky",
			 b->flaky, "runs", (json_int_t)b->runs, "complete", b->complete, "measured",
			 "wall_us", (json_int_t)b->wall_us, "cpu_us", (json_int_t)b->cpu_us,
			 "peak_memory", (json_int_t)b->peak_memory, "taken", b->taken);
}

int baseline_read(const json_t *v, struct baseline *out, struct err *e)
{
	const json_t *measured = json_object_get(v, "measured");
	struct baseline b = { 0 };
	const char *id;
	json_t *status = json_object_get(v, "status"), *flaky = json_object_get(v, "flaky");

	if (!json_is_object(status) || !json_is_object(flaky))
		return err_set(e, EBADMSG, "baseline: not as it was written");
	b.status = json_incref(status);
	b.flaky = json_incref(flaky);
	b.runs = (size_t)json_integer_value(json_object_get(v, "runs"));
	b.complete = json_is_true(json_object_get(v, "complete"));
	b.wall_us = (uint64_t)json_integer_value(json_object_get(measured, "wall_us"));
	b.cpu_us = (uint64_t)json_integer_value(json_object_get(measured, "cpu_us"));
	b.peak_memory = (uint64_t)json_integer_value(json_object_get(measured, "peak_memory"));
	if (json_is_string(json_object_get(measured, "taken")))
		b.taken = strdup(json_string_value(json_object_get(measured, "taken")));
	json_object_foreach(b.status, id, status)
		count_status(&b, json_string_value(status));
	*out = b;
	return 0;
}

void baseline_release(struct baseline *b)
{
	json_decref(b->status);
	json_decref(b->flaky);
	free(b->taken);
	*b = (struct baseline){ 0 };
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int baseline_broken(const struct baseline *b, const struct test_report *now, size_t max,
		    struct strlist *out, size_t *count, struct err *e)
{
	struct strlist all = { 0 };
	const char *id;
	json_t *before;
	int r = 0;

	json_object_foreach(b->status, id, before) {
		const char *after = json_string_value(json_object_get(now->status, id));

		if (strcmp(json_string_value(before), "pass") != 0 ||
		    (after && strcmp(after, "pass") == 0))
			continue;
		if (strlist_add(&all, id) < 0) {
			r = err_set(e, ENOMEM, "out of memory");
			break;
		}
	}
	if (all.n)
		qsort(all.v, all.n, sizeof(*all.v), by_name);
	*count = all.n;
	for (size_t i = 0; r == 0 && i < all.n && i < max; i++)
		if (strlist_add(out, all.v[i]) < 0)
			r = err_set(e, ENOMEM, "out of memory");
	strlist_release(&all);
	return r;
}
