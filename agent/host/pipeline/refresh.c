/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/candidates.h"
#include "agent/host/case/decide.h"
#include "agent/host/pipeline/privacy.h"
#include "agent/host/pipeline/pull.h"
#include "agent/host/pipeline/stages.h"
#include "agent/host/pr/pr.h"
#include "agent/host/queue/bounds.h"
#include "runtime/base/log.h"

/*
 * A case that begins an earlier one again, because the target's head is another
 * commit by now.  The earlier test and patch are candidates like an agent's:
 * tried once here, so that an agent is asked where they are of no use, and then
 * judged by everything that judges an agent's.  Of what the earlier case found
 * nothing is believed.
 */

/* The case that this one begins again, from the first record. */
static int old_case(const struct pipeline *p, struct kase **out, struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	const char *id;
	int r = case_record(p->kase, STAGE_INCIDENT, &v, e);

	*out = NULL;
	if (r < 0)
		return r;
	id = json_string_value(json_object_get(json_object_get(v, "refreshes"), "case"));
	return id ? case_open(p->state, id, false, out, e) : 0;
}

int refresh_of(const struct pipeline *p, char id[128], struct err *e)
{
	struct kase *k = NULL;
	const int r = old_case(p, &k, e);

	if (r < 0 || !k)
		return r;
	(void)snprintf(id, 128, "%s", case_id(k));
	case_close(k);
	return 1;
}

/* *out stays NULL where there is none. */
static int old_record(struct work *w, int stage, json_t **out, char id[96], struct err *e)
{
	struct kase *k = NULL;
	struct err none = ERR_INIT;
	int r = old_case(w->p, &k, e);

	if (r < 0 || !k)
		return r;
	(void)snprintf(id, 96, "%s", case_id(k));
	r = case_record(k, stage, out, &none);
	case_close(k);
	return r == -ENOENT || r == 0 ? 0 : err_set(e, -r, "%s", none.msg);
}

static const char *const kept[] = {
	"changes", "test_name", "input_from", "title", "cause", "change"
};

/* Who made it stays who made it; nothing was evaluated this time. */
static int fill_brought(const json_t *from, const char *id, json_t **out, struct err *e)
{
	AUTO_JSON json_t *v = json_pack("{s:s}", "end", "submitted");
	AUTO_JSON json_t *agent = json_copy(json_object_get(from, "agent"));
	int r = v && agent && json_object_get(agent, "author") ? 0 : -1;

	for (size_t i = 0; r == 0 && i < sizeof(kept) / sizeof(kept[0]); i++)
		if (json_object_get(from, kept[i]))
			r = json_object_set(v, kept[i], json_object_get(from, kept[i]));
	if (r == 0)
		r = json_object_set_new(agent, "evaluations", json_integer(0)) |
		    json_object_set_new(agent, "notes",
					json_pack("[s+]", "reused from case ", id)) |
		    json_object_set(v, "agent", agent);
	if (r)
		return err_set(e, EBADMSG, "case '%s': its record is not as it was written", id);
	*out = take_ptr(v);
	return 0;
}

static int fails_once(struct work *w, bool *exact, struct err *e)
{
	AUTO_JSON json_t *seen = NULL;
	struct proof_input in;
	size_t hits = 0, green = 0;
	int r;

	work_proof_input(w, &in);
	in.repeat = 1;
	r = proof_isolate(&in, SIDE_BASE, &seen, &hits, &green, e);
	*exact = r == 0 && hits == 1;
	return r;
}

void work_drop_test(struct work *w)
{
	changes_release(&w->test);
	free(w->test_path);
	w->test_path = NULL;
}

int work_reuse_test(struct work *w, json_t **brought, struct err *e)
{
	AUTO_JSON json_t *record = NULL;
	bool exact = false;
	char id[96];
	int r = old_record(w, STAGE_MATCH, &record, id, e);

	if (r < 0 || !json_object_get(record, "test"))
		return r;
	if (!json_object_get(record, "test_path"))
		return 0;
	w->test_path = strdup(json_string_value(json_object_get(record, "test_path")));
	if (!w->test_path)
		return err_set(e, ENOMEM, "out of memory");
	log_progress("the test of case %s", id);
	r = changes_from_json(json_object_get(record, "test"), &w->test, e);
	if (r == 0)
		r = fails_once(w, &exact, e);
	if (r == 0 && exact)
		r = fill_brought(record, id, brought, e);
	if (r < 0 || !exact) {
		work_drop_test(w);
		return r;
	}
	return 1;
}

/* ---- the patch ---- */

static int note_green(void *ctx, size_t index, const struct test_report *r, struct err *e)
{
	(void)index;
	(void)e;
	*(bool *)ctx = test_report_green(r);
	return 0;
}

static int passes_once(struct work *w, bool *green, struct err *e)
{
	const int side = w->same_head ? SIDE_BASE : SIDE_HEAD;
	const struct changes *patch = w->merged ? &w->patch_head : &w->patch;
	const struct testrun_job job = { .purpose = "refresh",
					 .side = side,
					 .role = ROLE_VERIFY,
					 .what = RUN_ONE,
					 .test_path = w->test_path,
					 .changes = { &w->test, patch },
					 .n_changes = 2 };

	return testrun_batch(&w->world, &job, 1, 1, note_green, green, e);
}

/* Does it apply, and does the test pass with it?  What it could not do is no end of the case. */
static int try_patch(struct work *w, bool *green, struct err *e)
{
	int r = work_bring_to_head(w, e);

	if (r == 0 && w->outcome < 0)
		r = passes_once(w, green, e);
	w->outcome = -1;
	w->reason[0] = '\0';
	changes_release(&w->patch_head);
	w->merged = false;
	return r;
}

int work_reuse_patch(struct work *w, json_t **brought, struct err *e)
{
	AUTO_JSON json_t *record = NULL;
	AUTO_JSON json_t *proof = NULL;
	const json_t *candidate;
	bool green = false;
	char id[96];
	int r = old_record(w, STAGE_PATCH, &record, id, e);

	if (r == 0 && record)
		r = old_record(w, STAGE_PROOF, &proof, id, e);
	candidate = candidate_chosen(record, proof);
	if (r < 0 || !candidate)
		return r;
	log_progress("the patch of case %s", id);
	r = work_take_patch(w, candidate, e);
	if (r == 0)
		r = try_patch(w, &green, e);
	changes_release(&w->patch);
	if (r == 0 && green)
		r = fill_brought(candidate, id, brought, e);
	return r < 0 ? r : green;
}

/* ---- before and after ---- */

int pipeline_incident_of(const struct pipeline *p, const struct kase *old, struct incident *out,
			 struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	int r = case_record(old, STAGE_INCIDENT, &v, e);

	r = r < 0 ? r : privacy_load(p, v, out, e);
	return r < 0 ? err_wrap(e, "case '%s'", case_id(old)) : 0;
}

static struct pull_host host_of(const struct pipeline *p)
{
	return (struct pull_host){ p->state, p->config, p->service, p->audit };
}

int refresh_pull(const struct pipeline *p, struct pull_at *out, char why[512], struct err *e)
{
	const struct pull_host h = host_of(p);
	struct kase *old = NULL;
	int r = old_case(p, &old, e);

	*out = (struct pull_at){ 0 };
	if (r < 0 || !old)
		return r;
	r = pull_standing(&h, old, out, why, e);
	case_close(old);
	return r;
}

/* What was found says something of the earlier proposal, too; a limit, an operator or what a person
 * has to do does not. */
static bool refutes(int outcome)
{
	return outcome == OUTCOME_ALREADY_FIXED || outcome == OUTCOME_NO_FIX ||
	       outcome == OUTCOME_NOT_REPRODUCED;
}

/* The earlier pull request does not hold any more: it is closed, unless somebody works on it. */
static int close_refuted(const struct pipeline *p, struct kase *old, const char *reason,
			 struct err *e)
{
	AUTO_BUF struct buf told = BUF_INIT(8192);
	const struct pull_host h = host_of(p);
	const struct decision_note d = { .decision = DECISION_DUPLICATE, .note = reason };
	struct pull_at at;
	char why[512] = "";
	int r = pull_standing(&h, old, &at, why, e);

	if (r || !at.branch[0])
		return r < 0 ? r : 0;
	if (pull_is_edited(&at)) {
		log_warn("pull request %llu of case '%s' stays open: somebody pushed to it",
			 (unsigned long long)at.number, case_id(old));
		return 0;
	}
	md_text(&told, reason); /* an agent's words may be in it */
	r = buf_check(&told, "the reason", e);
	if (r == 0)
		r = pull_refuse(p->state, old, told.p, &d, p->audit, e);
	if (r == 1)
		r = pull_pay(&h, old, why, e);
	return r == 1 ? err_set(e, EIO, "%s", why) : r;
}

static int replace_old(const struct pipeline *p, struct kase *old, struct err *e)
{
	char note[160];
	const struct decision_note d = { .decision = DECISION_DUPLICATE, .note = note };

	(void)snprintf(note, sizeof(note), "replaced by case %s, at a newer head of %s",
		       case_id(p->kase), p->service->repository.target);
	return case_decide(p->state, old, &d, p->audit, e);
}

int refresh_settle(const struct pipeline *p, const struct pipeline_end *end, struct err *e)
{
	struct err later = ERR_INIT;
	struct kase *old = NULL;
	char reason[800];
	bool open = false;
	int r = old_case(p, &old, e);

	if (r < 0 || !old)
		return r;
	r = case_is_open(old, &open, e);
	if (r == 0 && open && end->outcome == OUTCOME_PROPOSED)
		r = replace_old(p, old, e);
	if (r == 0 && open && refutes(end->outcome)) {
		(void)snprintf(reason, sizeof(reason),
			       "Closed: case %s looked at it again at a newer head of %s: %s: %s",
			       case_id(p->kase), p->service->repository.target,
			       outcome_name(end->outcome), end->reason);
		if (close_refuted(p, old, reason, &later) < 0)
			log_warn("the pull request of case '%s' is not closed yet: %s",
				 case_id(old), later.msg);
	}
	case_close(old);
	return r;
}
