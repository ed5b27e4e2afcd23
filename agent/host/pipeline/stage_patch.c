/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/host/pipeline/agents.h"
#include "agent/host/pipeline/candidate.h"
#include "agent/host/pr/pr.h"

/* Stage 4: agents change the code behind the gate; nothing of it is believed yet. */

static int no_memory(struct err *e)
{
	return err_set(e, ENOMEM, "out of memory");
}

/* What the agents brought, in their order. */
struct patches {
	json_t *candidates, *also;
	json_t *last; /* of one that brought nothing */
	struct agents_end end;
};

static int add_nothing(struct patches *p, json_t *brought, struct err *e)
{
	json_t *one = json_pack("{s:s,s:O}", "why", pr_str(brought, "why"), "agent",
				json_object_get(brought, "agent"));

	agents_end_none(&p->end, brought, OUTCOME_NO_FIX);
	json_decref(p->last);
	p->last = json_incref(brought);
	return one && json_array_append_new(p->also, one) == 0 ? 0 : no_memory(e);
}

/* 1: it is a candidate. */
static int add_patch(struct patches *p, json_t *brought, struct err *e)
{
	json_t *candidate;

	if (!brought_submitted(brought))
		return add_nothing(p, brought, e);
	candidate = brought_candidate(brought);
	return candidate && json_array_append_new(p->candidates, candidate) == 0 ? 1 : no_memory(e);
}

/* Is the next agent's turn needed?  One that costs is asked where the whole proof refuses what the
 * one before brought. */
static int holds(struct work *w, const struct patches *p, bool *out, struct err *e)
{
	const size_t i = json_array_size(p->candidates) - 1;
	struct trial t = { 0 };
	int r = candidate_try(w, json_array_get(p->candidates, i), i, true, &t, e);

	*out = r == 0 && t.outcome < 0;
	trial_release(&t);
	return r;
}

static int search_patches(struct work *w, struct patches *p, struct err *e)
{
	struct agent_plan plan;
	struct gate_session session = { .world = &w->world,
					.role = ROLE_PATCH,
					.incident = &w->incident,
					.test = &w->test,
					.test_path = w->test_path,
					.baseline = &w->baseline[SIDE_BASE],
					.values = w->values };
	int r = 0;
	bool done = false;

	agents_plan(&w->p->service->agents.patch, &plan);
	p->end.several = plan.n > 1;
	for (size_t i = 0; r == 0 && !done && i < plan.n; i++) {
		AUTO_JSON json_t *brought = NULL;

		r = agents_run(w, &plan, i, &session, &brought, e);
		if (r == 0)
			r = add_patch(p, brought, e);
		if (r == 1)
			r = plan.race || i + 1 == plan.n ? 0 : holds(w, p, &done, e);
	}
	return r;
}

static int record_patches(struct work *w, struct patches *p, struct err *e)
{
	AUTO_JSON json_t *record = json_copy(json_array_get(p->candidates, 0));
	int r = 0;

	if (!record) {
		work_end(w, p->end.outcome, "%s", p->end.reason);
		(void)json_array_remove(p->also, json_array_size(p->also) - 1); /* the last one's */
		return work_publish(w, STAGE_PATCH, agents_nothing(w, p->last, p->also), e);
	}
	(void)json_array_remove(p->candidates, 0);
	if (json_array_size(p->candidates))
		r |= json_object_set(record, "more", p->candidates);
	if (json_array_size(p->also))
		r |= json_object_set(record, "also", p->also);
	return r ? no_memory(e) : work_publish(w, STAGE_PATCH, json_incref(record), e);
}

int stage_patch(struct work *w, struct err *e)
{
	struct patches p = { .candidates = json_array(),
			     .also = json_array(),
			     .end = { .outcome = -1 } };
	AUTO_JSON json_t *reused = NULL;
	int r = p.candidates && p.also ? work_load_test(w, e) : no_memory(e);

	if (r == 0)
		r = work_load_replica(w, e);
	if (r == 0)
		r = work_reuse_patch(w, &reused, e);
	if (r == 1)
		r = add_patch(&p, reused, e);
	else if (r == 0)
		r = search_patches(w, &p, e);
	if (r >= 0)
		r = record_patches(w, &p, e);
	json_decref(p.candidates);
	json_decref(p.also);
	json_decref(p.last);
	return r;
}
