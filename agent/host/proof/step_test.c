/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/host/gate/gate.h"
#include "agent/host/proof/steps.h"

/* Steps 1 to 3: the new test before, the new test after, and the whole suite. */

#define REPEAT_MAX 100

/* ---- 1: it fails, N of N, where production failed ---- */

struct seen {
	struct incident want; /* borrows everything */
	size_t runs, by_match[MATCH_N], green;
	struct strlist places; /* "type at file:line function", one a run */
};

static int note_run(void *ctx, size_t index, const struct test_report *r, struct err *e)
{
	struct seen *s = ctx;
	struct coordinate at = { 0 };
	char place[600] = "no failure";
	int m = MATCH_NONE;

	(void)index;
	if (r->chain.n) {
		m = gate_match(&s->want, r, &at);
		(void)snprintf(place, sizeof(place), "%s at %s:%llu%s%s", at.type ? at.type : "?",
			       at.file ? at.file : "?", (unsigned long long)at.line,
			       at.function ? " " : "", at.function ? at.function : "");
	} else if (!test_report_green(r)) {
		(void)snprintf(place, sizeof(place), "%s %d without a reported failure",
			       exit_kind_name(r->exit.kind), r->exit.code);
	}
	s->runs++;
	s->by_match[m]++;
	s->green += test_report_green(r);
	if (strlist_has(&s->places, place))
		return 0;
	return strlist_add(&s->places, place) < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}

static size_t repeat(const struct proof_input *in)
{
	const uint64_t n = in->repeat ? in->repeat : in->world->service->proof.repeat;

	return n < REPEAT_MAX ? (size_t)n : REPEAT_MAX;
}

static int run_new_test(const struct proof_input *in, int side, const char *purpose,
			const struct changes *patch, testrun_done_fn *done, void *ctx,
			struct err *e)
{
	struct testrun_job jobs[REPEAT_MAX];
	const size_t n = repeat(in);

	for (size_t i = 0; i < n; i++) {
		jobs[i] = (struct testrun_job){ .purpose = purpose,
						.side = side,
						.role = ROLE_VERIFY,
						.what = RUN_ONE,
						.test_path = in->test_path,
						.changes = { in->test },
						.n_changes = 1 };
		if (patch)
			jobs[i].changes[jobs[i].n_changes++] = patch;
	}
	return testrun_batch(in->world, jobs, n, 2, done, ctx, e);
}

static json_t *seen_json(const struct seen *s)
{
	json_t *matches = json_object(), *places = json_array();

	for (int m = 0; matches && m < MATCH_N; m++)
		if (s->by_match[m])
			(void)json_object_set_new(matches, match_name(m),
						  json_integer((json_int_t)s->by_match[m]));
	for (size_t i = 0; places && i < s->places.n; i++)
		(void)json_array_append_new(places, json_string(s->places.v[i]));
	return json_pack("{s:I,s:o,s:o}", "runs", (json_int_t)s->runs, "match", matches, "seen",
			 places);
}

int proof_isolate(const struct proof_input *in, int side, json_t **out, size_t *exact,
		  size_t *green, struct err *e)
{
	struct seen s = { 0 };
	int r = proof_want_at(in, side, &s.want, e);

	if (r == 0)
		r = run_new_test(in, side, "isolate", NULL, note_run, &s, e);
	if (r == 0) {
		*out = seen_json(&s);
		*exact = s.by_match[MATCH_EXACT];
		*green = s.green;
		if (!*out)
			r = err_set(e, ENOMEM, "out of memory");
	}
	strlist_release(&s.places);
	return r;
}

/* At the head the code may have moved: the same type in the same function is the same failure
 * there. */
static size_t counts_as_same(const struct seen *s, int side)
{
	return s->by_match[MATCH_EXACT] +
	       (side == SIDE_HEAD ? s->by_match[MATCH_SAME_FUNCTION] : 0);
}

int step_fails_before(const struct proof_input *in, int side, struct step_result *r, struct err *e)
{
	struct seen s = { 0 };
	int k = proof_want_at(in, side, &s.want, e);

	if (k == 0)
		k = run_new_test(in, side, "proof 1", NULL, note_run, &s, e);
	if (k == 0) {
		const size_t same = counts_as_same(&s, side);

		r->holds = same == s.runs && s.runs > 0;
		r->fixed = side == SIDE_HEAD && s.green == s.runs && s.runs > 0;
		(void)snprintf(
			r->says, sizeof(r->says),
			"%zu of %zu runs failed at the coordinate%s%.300s", same, s.runs,
			r->holds ? "" : "; seen: ", r->holds || !s.places.n ? "" : s.places.v[0]);
		r->detail = seen_json(&s);
		if (!r->detail)
			k = err_set(e, ENOMEM, "out of memory");
	}
	strlist_release(&s.places);
	return k;
}

/* ---- 2: it passes, N of N ---- */

struct passing {
	size_t runs, green;
	char first[300];
};

static int note_pass(void *ctx, size_t index, const struct test_report *r, struct err *e)
{
	struct passing *p = ctx;
	const struct exception *x = r->chain.v;

	(void)index;
	(void)e;
	p->runs++;
	if (test_report_green(r)) {
		p->green++;
	} else if (!p->first[0]) {
		if (r->chain.n)
			(void)snprintf(p->first, sizeof(p->first), "%.80s: %.200s",
				       x[0].type ? x[0].type : "?",
				       x[0].message ? x[0].message : "");
		else if (!r->built)
			(void)snprintf(p->first, sizeof(p->first), "it does not build");
		else if (!r->complete || r->tests == 0)
			(void)snprintf(p->first, sizeof(p->first),
				       "the run ended (%s %d) before the reporter saw its end",
				       exit_kind_name(r->exit.kind), r->exit.code);
		else
			(void)snprintf(p->first, sizeof(p->first),
				       "%zu of %zu tests failed or were skipped (%s %d)",
				       r->tests - r->passed, r->tests, exit_kind_name(r->exit.kind),
				       r->exit.code);
	}
	return 0;
}

int step_passes_after(const struct proof_input *in, int side, struct step_result *r, struct err *e)
{
	struct passing p = { 0 };
	const int k = run_new_test(in, side, "proof 2", proof_patch(in, side), note_pass, &p, e);

	r->holds = p.runs > 0 && p.green == p.runs;
	(void)snprintf(r->says, sizeof(r->says), "%zu of %zu runs passed%s%.280s", p.green, p.runs,
		       r->holds ? "" : ": ", p.first);
	return k;
}

/* ---- 3: the suite ---- */

struct suite {
	const struct baseline *before;
	struct suite_cost *cost;  /* NULL: not of this side */
	struct strlist broken[2]; /* of the first run and of the second */
	size_t counts[2], runs;
	size_t tests, passed, failed, skipped;
	bool complete, built;
};

static int note_suite(void *ctx, size_t index, const struct test_report *r, struct err *e)
{
	struct suite *s = ctx;

	s->tests = r->tests;
	s->passed = r->passed;
	s->failed = r->failed;
	s->skipped = r->skipped;
	s->built = s->built && r->built;
	s->complete = s->complete && (r->complete || !s->before->complete);
	s->runs++;
	if (s->cost)
		suite_cost_add(s->cost, r, s->before->complete);
	return baseline_broken(s->before, r, 100000, &s->broken[index], &s->counts[index], e);
}

/* Broken in one run and not in the other: flaky, and named as such. */
static void compare_runs(const struct suite *s, json_t *broken, json_t *flaky)
{
	for (int run = 0; run < 2; run++) {
		for (size_t i = 0; i < s->broken[run].n; i++) {
			const bool both = strlist_has(&s->broken[!run], s->broken[run].v[i]);

			if (both && run == 0)
				(void)json_array_append_new(broken,
							    json_string(s->broken[run].v[i]));
			else if (!both)
				(void)json_array_append_new(flaky,
							    json_string(s->broken[run].v[i]));
		}
	}
}

static int judge_suite(const struct suite *s, struct step_result *r, struct err *e)
{
	json_t *broken = json_array(), *flaky = json_array();
	const char *first;

	if (broken && flaky)
		compare_runs(s, broken, flaky);
	first = json_string_value(json_array_get(broken, 0));
	r->holds = s->built && s->complete && s->runs == 2 && json_array_size(broken) == 0;
	if (r->holds)
		(void)snprintf(
			r->says, sizeof(r->says),
			"%zu tests passed before and pass after; none lost, none newly skipped",
			s->before->passed);
	else if (!s->built)
		(void)snprintf(r->says, sizeof(r->says), "it does not build");
	else if (json_array_size(broken))
		(void)snprintf(r->says, sizeof(r->says),
			       "%zu tests that passed before fail, vanished or are skipped: %.300s",
			       json_array_size(broken), first);
	else
		(void)snprintf(r->says, sizeof(r->says),
			       "the suite ended before the reporter saw its end");
	if (json_array_size(flaky)) {
		r->risk = 2;
		(void)snprintf(r->risk_reason, sizeof(r->risk_reason),
			       "%zu tests passed in one of two runs after the change",
			       json_array_size(flaky));
	}
	r->detail = json_pack(
		"{s:{s:I,s:I,s:I,s:I},s:{s:I,s:I,s:I,s:I},s:O,s:o,s:o}", "before", "tests",
		(json_int_t)s->before->tests, "passed", (json_int_t)s->before->passed, "failed",
		(json_int_t)s->before->failed, "skipped", (json_int_t)s->before->skipped, "after",
		"tests", (json_int_t)s->tests, "passed", (json_int_t)s->passed, "failed",
		(json_int_t)s->failed, "skipped", (json_int_t)s->skipped, "flaky_before",
		s->before->flaky, "broken", broken, "flaky", flaky);
	return r->detail ? 0 : err_set(e, ENOMEM, "out of memory");
}

int step_suite(const struct proof_input *in, int side, struct step_result *r, struct err *e)
{
	struct suite s = { .before = in->baseline[side],
			   .cost = side == SIDE_BASE ? in->suite : NULL,
			   .complete = true,
			   .built = true };
	struct testrun_job jobs[2];
	int k;

	for (int i = 0; i < 2; i++)
		jobs[i] = (struct testrun_job){ .purpose = "proof 3",
						.side = side,
						.role = ROLE_VERIFY,
						.what = RUN_SUITE,
						.changes = { in->test, proof_patch(in, side) },
						.n_changes = 2 };
	k = testrun_batch(in->world, jobs, 2, 2, note_suite, &s, e);
	if (k == 0)
		k = judge_suite(&s, r, e);
	strlist_release(&s.broken[0]);
	strlist_release(&s.broken[1]);
	return k;
}
