/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/host/incident/values.h"
#include "agent/host/pipeline/report.h"
#include "runtime/base/log.h"

/* Stages 3 and 4: an agent works behind the gate; what it says is then checked without it. */

#define HISTORY_MAX 65536

static int collect_history(struct work *w, struct buf *out, struct err *e)
{
	const struct exception *root = w->incident.chain.v;
	const struct frame *f = w->incident.chain.n ? root->frames.v : NULL;
	struct strlist paths = { 0 };
	int r = 0;

	for (size_t i = 0; f && i < root->frames.n && paths.n < 8; i++)
		if (f[i].in_app && f[i].file && !strlist_has(&paths, f[i].file) &&
		    strlist_add(&paths, f[i].file) < 0)
			r = err_set(e, ENOMEM, "out of memory");
	if (r == 0)
		r = git_history(w->world.git, w->base, &paths, HISTORY_MAX, out, e);
	strlist_release(&paths);
	return r;
}

static const char *attempts_folder(const struct work *w)
{
	return case_stage(w->p->kase) == STAGE_MATCH ? "attempts/reproduce" : "attempts/patch";
}

static int keep_attempt(void *ctx, size_t number, const struct changes *c, const char *note,
			const json_t *verdict, struct err *e)
{
	struct work *w = ctx;
	AUTO_BUF struct buf whole = BUF_INIT(16u << 20);
	AUTO_BUF struct buf diff = BUF_INIT(32u << 20);
	AUTO_JSON json_t *masked = values_mask(w->values, verdict, e);
	AUTO_FREE char *text =
		masked ? json_dumps(masked, JSON_INDENT(1) | JSON_ENSURE_ASCII) : NULL;
	char name[96];
	int r = masked ? changes_unified(c, &whole, e) : -e->code;

	if (r == 0)
		r = redact_mask(w->values, false, whole.p ? whole.p : "", whole.n, &diff, NULL, e);
	if (r < 0)
		return r;
	log_progress("candidate %zu: %s", number, note);
	(void)snprintf(name, sizeof(name), "%s-%03zu.diff", attempts_folder(w), number);
	r = case_write(w->p->kase, name, diff.p ? diff.p : "", diff.n, e);
	if (r < 0)
		return r;
	(void)snprintf(name, sizeof(name), "%s-%03zu.json", attempts_folder(w), number);
	if (!text)
		return err_set(e, ENOMEM, "out of memory");
	r = case_write(w->p->kase, name, text, strlen(text), e);
	return r < 0 ? r
		     : case_spend(w->p->kase,
				  json_pack("{s:s,s:i}", "what", "evaluation", "evaluations", 1),
				  e);
}

static json_t *agent_json(const struct gate_outcome *o)
{
	return json_pack("{s:s,s:I,s:O,s:O,s:O}", "author", o->author, "evaluations",
			 (json_int_t)o->evaluations, "refusals", o->refusals, "notes", o->notes,
			 "candidates", o->candidates);
}

/* ---- stage 3 ---- */

static int record_match(struct work *w, const struct gate_outcome *o, const char *match,
			json_t *isolate, struct err *e)
{
	json_t *record =
		json_pack("{s:s,s:o,s:s,s:o,s:s*,s:s*,s:o}", "match", match, "isolate", isolate,
			  "test_path", w->test_path, "test", changes_to_json(&w->test), "test_name",
			  o->test_name, "title", o->title, "agent", agent_json(o));

	return work_publish(w, STAGE_MATCH, record, e);
}

static const char *main_match(size_t exact, size_t runs, const json_t *isolate)
{
	const char *name;
	json_t *n;

	if (exact == runs)
		return match_name(MATCH_EXACT);
	if (exact > 0)
		return match_name(MATCH_FLAKY);
	json_object_foreach(json_object_get(isolate, "match"), name, n)
		return name;
	return match_name(MATCH_NONE);
}

static int judge_match(struct work *w, const struct gate_outcome *o, struct err *e)
{
	const size_t runs = (size_t)w->p->service->proof.repeat;
	size_t exact = 0, green = 0;
	struct proof_input in;
	json_t *isolate = NULL;
	const char *match;
	int r;

	work_proof_input(w, &in);
	log_progress("the new test, %zu times in fresh replicas", runs);
	r = proof_isolate(&in, SIDE_BASE, &isolate, &exact, &green, e);
	if (r < 0)
		return r;
	match = main_match(exact, runs, isolate);
	if (exact != runs) {
		work_end(w, OUTCOME_NOT_REPRODUCED,
			 "match %s: %zu of %zu runs failed at the coordinate", match, exact, runs);
	} else if (!w->same_head) {
		json_t *head = NULL;

		r = proof_isolate(&in, SIDE_HEAD, &head, &exact, &green, e);
		if (r == 0)
			(void)json_object_set_new(isolate, "head", head);
		if (r == 0 && green == runs) {
			json_t *fixed = NULL;

			r = work_already_fixed(w, &fixed, e);
			if (fixed)
				(void)json_object_set_new(isolate, "fixed", fixed);
		}
	}
	if (r < 0) {
		json_decref(isolate);
		return r;
	}
	if (w->outcome < 0 && w->p->service->mode == MODE_REPRODUCE) {
		work_end(w, OUTCOME_REPRODUCED,
			 "the failing test is " TEST_PATCH_FILE
			 " in the case, its cause in " REPORT_FILE);
		r = report_reproduced(w, o->test_name, isolate, e);
		if (r < 0) {
			json_decref(isolate);
			return r;
		}
	}
	return record_match(w, o, match, isolate, e);
}

static void end_without(struct work *w, const struct gate_outcome *o, int otherwise)
{
	work_end(w,
		 o->person		       ? OUTCOME_NEEDS_PERSON
		 : o->end == GATE_OUT_OF_SCOPE ? OUTCOME_NEEDS_SCOPE
					       : otherwise,
		 "%s", o->why ? o->why : "the agent gave no reason");
}

/* The record of a stage whose agent brought nothing. */
static int record_nothing(struct work *w, int stage, const struct gate_outcome *o, struct err *e)
{
	return work_publish(w, stage,
			    json_pack("{s:s,s:s,s:o}", "result", "none", "why", w->reason, "agent",
				      agent_json(o)),
			    e);
}

static int take_test(struct work *w, struct gate_outcome *o, struct err *e)
{
	const struct service_tests *suite = w->p->service->tests.v;
	const size_t n = strlen(suite->new_test.dir);
	const char *path = NULL;

	w->test = o->changes;
	o->changes = (struct changes){ 0 };
	for (size_t i = 0; !path && i < w->test.n; i++)
		if (w->test.v[i].kind == CHANGE_ADD &&
		    strncmp(w->test.v[i].path, suite->new_test.dir, n) == 0)
			path = w->test.v[i].path;
	if (!path) {
		work_end(w, OUTCOME_NOT_REPRODUCED, "the agent submitted no new file in '%s'",
			 suite->new_test.dir);
		return 0;
	}
	w->test_path = strdup(path);
	return w->test_path ? 0 : err_set(e, ENOMEM, "out of memory");
}

int stage_match(struct work *w, struct err *e)
{
	AUTO_BUF struct buf history = BUF_INIT(HISTORY_MAX);
	struct gate_session s = { .world = &w->world,
				  .role = ROLE_REPRODUCE,
				  .agent = &w->p->service->agents.reproduce,
				  .incident = &w->incident,
				  .values = w->values,
				  .on_attempt = keep_attempt,
				  .ctx = w };
	struct gate_outcome o = { 0 };
	int r, reused;

	if (w->p->service->mode == MODE_OBSERVE) {
		work_end(w, OUTCOME_OBSERVED,
			 "the service's mode is observe: nothing was tried; " REPORT_FILE
			 " says what would be");
		r = work_load_replica(w, e);
		return r < 0 ? r : report_observed(w, e);
	}
	reused = work_reuse_test(w, &o, e);
	r = reused < 0 ? reused : 0;
	if (reused == 0)
		r = collect_history(w, &history, e);
	s.history = history.p;
	if (r == 0 && !reused)
		r = gate_run(&s, &o, e);
	if (r < 0)
		return r;
	if (reused)
		r = 0;
	else if (o.end != GATE_SUBMITTED)
		end_without(w, &o, OUTCOME_NOT_REPRODUCED);
	else
		r = take_test(w, &o, e);
	if (r == 0)
		r = w->outcome >= 0 ? record_nothing(w, STAGE_MATCH, &o, e) : judge_match(w, &o, e);
	gate_outcome_release(&o);
	return r;
}

/* ---- stage 4 ---- */

int stage_patch(struct work *w, struct err *e)
{
	AUTO_BUF struct buf history = BUF_INIT(HISTORY_MAX);
	struct gate_session s = { .world = &w->world,
				  .role = ROLE_PATCH,
				  .agent = &w->p->service->agents.patch,
				  .incident = &w->incident,
				  .test = &w->test,
				  .values = w->values,
				  .on_attempt = keep_attempt,
				  .ctx = w };
	struct gate_outcome o = { 0 };
	int r = work_load_test(w, e);

	if (r == 0)
		r = work_load_replica(w, e);
	if (r == 0)
		r = collect_history(w, &history, e);
	if (r < 0)
		return r;
	s.test_path = w->test_path;
	s.baseline = &w->baseline[SIDE_BASE];
	s.history = history.p;
	r = work_reuse_patch(w, &o, e);
	if (r == 0)
		r = gate_run(&s, &o, e);
	if (r < 0)
		return r;
	if (o.end != GATE_SUBMITTED) {
		end_without(w, &o, OUTCOME_NO_FIX);
		r = record_nothing(w, STAGE_PATCH, &o, e);
	} else {
		r = work_publish(w, STAGE_PATCH,
				 json_pack("{s:o,s:s*,s:s*,s:s*,s:o}", "changes",
					   changes_to_json(&o.changes), "title", o.title, "cause",
					   o.cause, "change", o.change, "agent", agent_json(&o)),
				 e);
		w->patch = o.changes;
		o.changes = (struct changes){ 0 };
	}
	gate_outcome_release(&o);
	return r;
}
