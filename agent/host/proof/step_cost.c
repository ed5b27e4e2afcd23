/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "agent/host/proof/steps.h"

/*
 * Step 7: what the suite costs with the patch, against the base.  The runs of
 * step 3 are the first look, and mostly the only one.  Where they took more than
 * the baseline, the suite is run again, at the base and with the patch in turn
 * and alone; the least of each counts, since what disturbs a run only adds to
 * it.  At the base the files of the patch are written anew as they are, so that
 * a build has the same to do.
 */
#define RUNS	   3
#define RUNS_BUILT 1 /* each brings a build with it: more only before it refuses */
#define NOTED	   1.5
#define REFUSED	   3.0

static const struct {
	const char *name, *unit;
	double per_unit;
	uint64_t floor; /* differences below are the host's, not the patch's */
} measures[COST_N] = {
	[COST_CPU] = { "processor time", "s", 1e6, 250000 },
	[COST_WALL] = { "wall time", "s", 1e6, 1000000 },
	[COST_MEMORY] = { "memory at its peak", "MiB", 1048576, 32u << 20 },
};

void suite_cost_add(struct suite_cost *c, const struct test_report *r, bool complete)
{
	const uint64_t now[COST_N] = { [COST_CPU] = r->exit.cpu_us,
				       [COST_WALL] = r->exit.wall_us,
				       [COST_MEMORY] = r->exit.peak_memory };

	if (!r->built || (complete && !r->complete))
		return;
	for (int m = 0; m < COST_N; m++)
		if (!c->runs || now[m] < c->least[m])
			c->least[m] = now[m];
	c->runs++;
}

/* 0: not more, or by less than can be told. */
static double times_more(const struct suite_cost *before, const struct suite_cost *after, int m)
{
	const uint64_t a = before->least[m], b = after->least[m];

	if (!a || b <= a + measures[m].floor)
		return 0;
	return (double)b / (double)a;
}

static double worst_of(const struct suite_cost *before, const struct suite_cost *after, int *which)
{
	double worst = 0;

	for (int m = 0; m < COST_N; m++) {
		const double t = times_more(before, after, m);

		if (t > worst) {
			worst = t;
			*which = m;
		}
	}
	return worst;
}

/* ---- both, again ---- */

struct both {
	struct suite_cost cost[2]; /* at the base, with the patch */
	bool complete;		   /* the reporter sees the end of this suite */
};

static int note_cost(void *ctx, size_t index, const struct test_report *r, struct err *e)
{
	struct both *b = ctx;

	(void)e;
	suite_cost_add(&b->cost[index % 2], r, b->complete);
	return 0;
}

/* Borrows the texts of the patch; free v. */
static int as_they_are(const struct changes *patch, struct changes *out, struct err *e)
{
	out->v = calloc(patch->n + 1, sizeof(*out->v));
	if (!out->v)
		return err_set(e, ENOMEM, "out of memory");
	for (size_t i = 0; i < patch->n; i++) {
		struct change *to = &out->v[out->n];

		if (patch->v[i].kind != CHANGE_MODIFY)
			continue;
		*to = patch->v[i];
		to->type = to->old_type;
		to->new_data = to->old_data;
		to->new_len = to->old_len;
		out->n++;
	}
	return 0;
}

static int run_both(const struct proof_input *in, size_t runs, struct both *out, struct err *e)
{
	const size_t n = 2 * runs;
	struct testrun_job jobs[2 * RUNS];
	struct changes same = { 0 };
	int k = as_they_are(in->patch, &same, e);

	for (size_t i = 0; i < n; i++)
		jobs[i] = (struct testrun_job){ .purpose = "proof 7",
						.side = SIDE_BASE,
						.role = ROLE_VERIFY,
						.what = RUN_SUITE,
						.changes = { i % 2 ? in->patch : &same },
						.n_changes = 1 };
	if (k == 0)
		k = testrun_batch(in->world, jobs, n, 1, note_cost, out, e);
	free(same.v);
	return k;
}

/* ---- the step ---- */

static json_t *cost_json(const struct suite_cost *c)
{
	return json_pack("{s:I,s:I,s:I,s:I}", "runs", (json_int_t)c->runs, "cpu_us",
			 (json_int_t)c->least[COST_CPU], "wall_us", (json_int_t)c->least[COST_WALL],
			 "peak_memory", (json_int_t)c->least[COST_MEMORY]);
}

/* What holds is said without numbers: they are the host's of that day, and stand in `measured`. */
int step_cost_judge(const struct suite_cost *before, const struct suite_cost *after,
		    struct step_result *r, struct err *e)
{
	int m = 0;
	const double worst = worst_of(before, after, &m);

	r->holds = worst < REFUSED && after->runs > 0;
	if (worst >= NOTED) {
		r->risk = 2;
		(void)snprintf(r->risk_reason, sizeof(r->risk_reason),
			       "the suite takes %.1f times the base's %s: %.1f %s against %.1f",
			       worst, measures[m].name,
			       (double)after->least[m] / measures[m].per_unit, measures[m].unit,
			       (double)before->least[m] / measures[m].per_unit);
	}
	if (after->runs == 0)
		(void)snprintf(r->says, sizeof(r->says),
			       "with the patch no run of the suite came to its end");
	else if (!r->holds)
		(void)snprintf(r->says, sizeof(r->says), "%s", r->risk_reason);
	else
		(void)snprintf(r->says, sizeof(r->says), "%s",
			       worst >= NOTED ? "the suite takes more than at the base: see the "
						"risk"
					      : "the suite takes no more than half as much again "
						"of processor time, wall time and memory");
	r->measured =
		json_pack("{s:o,s:o}", "before", cost_json(before), "after", cost_json(after));
	return r->measured ? 0 : err_set(e, ENOMEM, "out of memory");
}

int step_cost(const struct proof_input *in, int side, struct step_result *r, struct err *e)
{
	const struct baseline *b = in->baseline[side];
	const struct suite_cost before = { .least = { [COST_CPU] = b->cpu_us,
						      [COST_WALL] = b->wall_us,
						      [COST_MEMORY] = b->peak_memory },
					   .runs = b->runs };
	const size_t runs = testrun_builds(in->world) ? RUNS_BUILT : RUNS;
	struct both again = { .complete = b->complete };
	double worst = REFUSED;
	int m, k = 0;

	if (before.least[COST_MEMORY] && worst_of(&before, in->suite, &m) < NOTED)
		return step_cost_judge(&before, in->suite, r, e);
	for (size_t done = 0; k == 0 && done < RUNS && worst >= REFUSED; done += runs) {
		k = run_both(in, runs, &again, e);
		worst = worst_of(&again.cost[0], &again.cost[1], &m);
	}
	if (k < 0)
		return k;
	return step_cost_judge(again.cost[0].runs ? &again.cost[0] : &before, &again.cost[1], r, e);
}
