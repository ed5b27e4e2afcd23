/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/proof/proof.h"

#include <string.h>

#include "agent/host/proof/steps.h"
#include "runtime/base/clock.h"
#include "runtime/base/log.h"

/*
 * The table is the proof.  The policy is checked before anything of the patch
 * runs; then the cheapest question that can refuse comes first.
 */
static const struct step {
	int number;
	const char *name;
	bool per_side;
	int (*run)(const struct proof_input *in, int side, struct step_result *r, struct err *e);
} steps[] = {
	{ 4, "the diff obeys the policy", false, step_policy },
	{ 1, "the new test fails before, at the coordinate", true, step_fails_before },
	{ 2, "the new test passes after", true, step_passes_after },
	{ 3, "every test that passed still passes", true, step_suite },
	{ 7, "it costs no more than the base", false, step_cost },
	{ 5, "the new test kills mutants of the patched lines", false, step_mutants },
	{ 6, "held-out variants of the input behave", false, step_variants },
};

static const char *const side_names[SIDE_N] = { "base", "head" };
static const char *const verdict_names[] = { "accepted", "refused", "already-fixed",
					     "needs-scope" };

struct proving {
	const struct proof_input *in;
	json_t *rows, *reasons, *refused;
	unsigned risk;
	int verdict;
};

static int add_row(struct proving *p, const struct step *s, int side, struct step_result *r,
		   uint64_t us, struct err *e)
{
	json_t *row =
		json_pack("{s:i,s:s,s:s,s:s,s:b,s:s,s:o*,s:{s:I}}", "step", s->number, "name",
			  s->name, "side", side_names[side], "commit",
			  p->in->world->side[side].source.commit, "holds", r->holds, "says",
			  r->says, "detail", r->detail, "measured", "wall_us", (json_int_t)us);

	r->detail = NULL; /* given to the row */
	if (r->measured)
		(void)json_object_update(json_object_get(row, "measured"), r->measured);
	if (!row || json_array_append_new(p->rows, row) < 0)
		return err_set(e, ENOMEM, "proof: out of memory");
	if (r->risk && json_array_append_new(p->reasons, json_string(r->risk_reason)) < 0)
		return err_set(e, ENOMEM, "proof: out of memory");
	p->risk += r->risk;
	return audit_note(p->in->world->audit, "proof.step",
			  json_pack("{s:i,s:s,s:b,s:s}", "step", s->number, "side",
				    side_names[side], "holds", r->holds, "says", r->says),
			  e);
}

/* What a step says may quote an input or a message. */
static int mask_text(const struct redact *values, char *text, size_t size, struct err *e)
{
	AUTO_BUF struct buf out = BUF_INIT(65536);
	int r = values ? redact_mask(values, false, text, strlen(text), &out, NULL, e) : 0;

	if (r == 0 && values)
		(void)snprintf(text, size, "%s", out.p ? out.p : "");
	return r;
}

static int mask_result(const struct redact *values, struct step_result *r, struct err *e)
{
	int k = mask_text(values, r->says, sizeof(r->says), e);

	return k < 0 ? k : mask_text(values, r->risk_reason, sizeof(r->risk_reason), e);
}

static int run_step(struct proving *p, const struct step *s, int side, struct err *e)
{
	const uint64_t begun = clock_mono_ns();
	struct step_result r = { 0 };
	int k;

	log_progress("proof %d (%s): %s", s->number, side_names[side], s->name);
	k = s->run(p->in, side, &r, e);
	if (k == 0)
		k = mask_result(p->in->values, &r, e);
	if (k == 0)
		k = add_row(p, s, side, &r, (clock_mono_ns() - begun) / 1000, e);
	json_decref(r.detail);
	json_decref(r.measured);
	if (k < 0)
		return err_wrap(e, "proof step %d", s->number);
	if (r.holds)
		return 0;
	p->verdict = r.needs_scope ? PROOF_NEEDS_SCOPE
		     : r.fixed	   ? PROOF_ALREADY_FIXED
				   : PROOF_REFUSED;
	p->refused = json_pack("{s:i,s:s,s:s,s:s}", "step", s->number, "name", s->name, "side",
			       side_names[side], "reason", r.says);
	return p->refused ? 0 : err_set(e, ENOMEM, "proof: out of memory");
}

static const char *risk_level(unsigned points)
{
	return points >= 5 ? "high" : points >= 2 ? "medium" : "low";
}

static void size_risk(struct proving *p)
{
	size_t added = 0, removed = 0;

	for (size_t i = 0; i < p->in->patch->n; i++) {
		size_t a, d;

		change_line_counts(&p->in->patch->v[i], &a, &d);
		added += a;
		removed += d;
	}
	if (added + removed > 40 || p->in->patch->n > 2) {
		p->risk += 2;
		(void)json_array_append_new(
			p->reasons,
			json_sprintf("%zu lines in %zu files", added + removed, p->in->patch->n));
	}
	if (removed > added) {
		p->risk += 1;
		(void)json_array_append_new(p->reasons,
					    json_string("it removes more than it adds"));
	}
}

/* How often agents were there before. */
static void drift_risk(struct proving *p)
{
	const struct drift_view *d = p->in->drift;

	if (!d || !d->reasons)
		return;
	p->risk += d->risk;
	(void)json_array_extend(p->reasons, d->reasons);
}

int proof_run(const struct proof_input *in, int *verdict, json_t **out, struct err *e)
{
	struct suite_cost suite = { 0 };
	struct proof_input own = *in;
	struct proving p = { .in = &own, .rows = json_array(), .reasons = json_array() };
	int r = p.rows && p.reasons ? 0 : err_set(e, ENOMEM, "proof: out of memory");

	own.suite = &suite;
	for (size_t i = 0; r == 0 && !p.refused && i < sizeof(steps) / sizeof(steps[0]); i++) {
		r = run_step(&p, &steps[i], SIDE_BASE, e);
		if (r == 0 && !p.refused && steps[i].per_side && !in->same_head)
			r = run_step(&p, &steps[i], SIDE_HEAD, e);
	}
	if (r == 0) {
		size_risk(&p);
		drift_risk(&p);
		*out = json_pack("{s:s,s:O*,s:b,s:O,s:{s:s,s:O}}", "verdict",
				 verdict_names[p.verdict], "refused", p.refused, "same_head",
				 in->same_head, "steps", p.rows, "risk", "level",
				 risk_level(p.risk), "reasons", p.reasons);
		if (!*out)
			r = err_set(e, ENOMEM, "proof: out of memory");
		*verdict = p.verdict;
	}
	json_decref(p.rows);
	json_decref(p.reasons);
	json_decref(p.refused);
	return r;
}
