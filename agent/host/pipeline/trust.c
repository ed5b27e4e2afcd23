/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <stdio.h>

#include "agent/host/case/candidates.h"
#include "agent/host/case/depth.h"
#include "agent/host/case/facts.h"
#include "agent/host/case/stop.h"
#include "agent/host/pipeline/stages.h"
#include "agent/host/queue/queue.h"
#include "runtime/base/clock.h"
#include "runtime/base/log.h"

/*
 * What keeps a service from being repaired more than people look at: leases of
 * the paths that a patch changes, budgets of changes per place, and proposals
 * that wait until a person looked at them in depth.
 */
#define WAIT_MS	   600000u /* for another repair of the same paths */
#define WAIT_STEP  250
#define AUDIT_HINT "'sickbay case audit ID --by-note TEXT' records that"

/* What the patch changes, as paths of the repository: services may share one. */
static int changed_paths(const struct work *w, struct strlist *out, struct err *e)
{
	const char *root = w->p->service->repository.root;
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->patch.n; i++) {
		AUTO_FREE char *path = NULL;

		if (asprintf(&path, "%s%s%s", root, *root ? "/" : "", w->patch.v[i].path) < 0 ||
		    strlist_add(out, path) < 0)
			r = err_set(e, ENOMEM, "out of memory");
	}
	return r;
}

/* Waits for a while, since a repair ends by itself; then a person has to decide on the order. */
static int hold_paths(struct work *w, struct err *e)
{
	const uint64_t until = clock_mono_ns() / 1000000 + WAIT_MS;
	struct strlist paths = { 0 };
	char why[256] = "";
	int r = w->p->claim ? changed_paths(w, &paths, e)
			    : err_set(e, EINVAL, "case '%s' has no lease of its incident",
				      case_id(w->p->kase));

	while (r == 0) {
		r = queue_lock(w->p->claim, w->p->service->repository.url, &paths, why, e);
		if (r <= 0)
			break;
		if (clock_mono_ns() / 1000000 >= until) {
			work_end(w, OUTCOME_NEEDS_PERSON,
				 "%s: two repairs do not change one place at a time", why);
			r = 0;
			break;
		}
		log_progress("waits: %s", why);
		(void)poll(NULL, 0, WAIT_STEP);
		r = stop_point(e);
	}
	strlist_release(&paths);
	return r;
}

static struct drift_change change_of(struct work *w, const json_t *agent)
{
	const char *op = facts_operator(agent);

	return (struct drift_change){ .service = w->p->service->name,
				      .case_id = case_id(w->p->kase),
				      .operator_name = op ? op : "",
				      .patch = &w->patch };
}

int trust_before_proof(struct work *w, const json_t *agent, struct err *e)
{
	const struct drift_change c = change_of(w, agent);
	int r;

	json_decref(w->drift.reasons);
	w->drift = (struct drift_view){ 0 };
	r = drift_weigh(w->p->state, w->p->service, &c, &w->drift, e);
	if (r < 0)
		return r;
	if (w->drift.over) {
		work_end(w, OUTCOME_NEEDS_PERSON, "%s", w->drift.why);
		return 0;
	}
	return hold_paths(w, e);
}

static int may_propose(struct work *w, struct err *e)
{
	char first[128] = "", old[128];
	size_t n = 0;
	int r = refresh_of(w->p, old, e);

	if (r >= 0)
		r = depth_due(w->p->state, w->p->service->name, r ? old : NULL, &n, first, e);
	if (r == 0 && n)
		work_end(w, OUTCOME_NEEDS_PERSON,
			 "%zu proposal%s of %s wait%s until a person looked at %s in depth, first "
			 "%s: " AUDIT_HINT,
			 n, n == 1 ? "" : "s", w->p->service->name, n == 1 ? "s" : "",
			 n == 1 ? "it" : "them", first);
	return r;
}

int trust_before_proposal(struct work *w, struct err *e)
{
	int r = may_propose(w, e);

	if (r < 0 || w->outcome >= 0)
		return r;
	r = work_load_patch(w, e);
	return r < 0 ? r : hold_paths(w, e);
}

int trust_record(struct work *w, json_t *measured, struct err *e)
{
	json_t *audit = NULL;
	const int r = depth_judge(w->p->state, w->p->service, w->p->kase, &audit, e);

	if (r < 0)
		return r;
	return json_object_set_new(measured, "audit", audit) < 0
		       ? err_set(e, ENOMEM, "out of memory")
		       : 0;
}

int trust_after_push(struct work *w, struct err *e)
{
	AUTO_JSON json_t *patch = NULL;
	AUTO_JSON json_t *proof = NULL;
	struct drift_change c;
	int r = case_record(w->p->kase, STAGE_PATCH, &patch, e);

	if (r == 0)
		r = case_record(w->p->kase, STAGE_PROOF, &proof, e);
	if (r < 0)
		return r;
	c = change_of(w, json_object_get(candidate_chosen(patch, proof), "agent"));
	return drift_append(w->p->state, &c, w->p->audit, e);
}
