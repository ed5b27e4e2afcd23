/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/host/pipeline/agents.h"
#include "agent/host/pipeline/report.h"
#include "agent/host/pr/pr.h"
#include "runtime/base/log.h"

/* Stage 3: agents write a test behind the gate; what they say is then checked without them. */

static int no_memory(struct err *e)
{
	return err_set(e, ENOMEM, "out of memory");
}

/* One agent's test, and how often it failed at the coordinate. */
struct finding {
	json_t *brought, *isolate;
	struct changes test;
	char *path;
	size_t exact;
	const char *match;
	char why[512]; /* it is none; "" */
};

static void finding_release(struct finding *f)
{
	json_decref(f->brought);
	json_decref(f->isolate);
	changes_release(&f->test);
	free(f->path);
	*f = (struct finding){ 0 };
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

/* Without a new file in the directory of new tests there is no test: `why` says so. */
static int take_test(const struct work *w, struct finding *f, struct err *e)
{
	const struct service_tests *suite = w->p->service->tests.v;
	const size_t n = strlen(suite->new_test.dir);
	const char *path = NULL;
	int r = changes_from_json(json_object_get(f->brought, "changes"), &f->test, e);

	if (r < 0)
		return r;
	for (size_t i = 0; !path && i < f->test.n; i++)
		if (f->test.v[i].kind == CHANGE_ADD &&
		    strncmp(f->test.v[i].path, suite->new_test.dir, n) == 0)
			path = f->test.v[i].path;
	if (!path) {
		(void)snprintf(f->why, sizeof(f->why), "the agent submitted no new file in '%s'",
			       suite->new_test.dir);
		return 0;
	}
	f->path = strdup(path);
	return f->path ? 0 : no_memory(e);
}

/* The work has the finding's test while it is looked at. */
static void give_test(struct work *w, struct finding *f)
{
	w->test = f->test;
	w->test_path = f->path;
	f->test = (struct changes){ 0 };
	f->path = NULL;
}

static void take_back_test(struct work *w, struct finding *f)
{
	f->test = w->test;
	f->path = w->test_path;
	w->test = (struct changes){ 0 };
	w->test_path = NULL;
}

static int isolate(struct work *w, struct finding *f, struct err *e)
{
	const size_t runs = (size_t)w->p->service->proof.repeat;
	struct proof_input in;
	size_t green = 0;
	int r;

	give_test(w, f);
	work_proof_input(w, &in);
	log_progress("the new test, %zu times in fresh replicas", runs);
	r = proof_isolate(&in, SIDE_BASE, &f->isolate, &f->exact, &green, e);
	take_back_test(w, f);
	if (r < 0)
		return r;
	f->match = main_match(f->exact, runs, f->isolate);
	if (f->exact != runs)
		(void)snprintf(f->why, sizeof(f->why),
			       "match %s: %zu of %zu runs failed at the coordinate", f->match,
			       f->exact, runs);
	return 0;
}

static int record_match(struct work *w, const struct finding *f, json_t *also, struct err *e)
{
	const json_t *b = f->brought;

	return work_publish(
		w, STAGE_MATCH,
		json_pack("{s:s,s:O,s:s,s:o,s:O*,s:O*,s:O*,s:O,s:O*}", "match", f->match, "isolate",
			  f->isolate, "test_path", w->test_path, "test", changes_to_json(&w->test),
			  "test_name", json_object_get(b, "test_name"), "input_from",
			  json_object_get(b, "input_from"), "title", json_object_get(b, "title"),
			  "agent", json_object_get(b, "agent"), "also",
			  json_array_size(also) ? also : NULL),
		e);
}

/* What the head says of a test that fails at the base as reported. */
static int judge_head(struct work *w, struct finding *f, struct err *e)
{
	const size_t runs = (size_t)w->p->service->proof.repeat;
	size_t exact = 0, green = 0;
	json_t *head = NULL, *fixed = NULL;
	struct proof_input in;
	int r;

	if (w->same_head)
		return 0;
	work_proof_input(w, &in);
	r = proof_isolate(&in, SIDE_HEAD, &head, &exact, &green, e);
	if (r == 0)
		(void)json_object_set_new(f->isolate, "head", head);
	if (r == 0 && green == runs)
		r = work_already_fixed(w, &fixed, e);
	if (fixed)
		(void)json_object_set_new(f->isolate, "fixed", fixed);
	return r;
}

static int judge_match(struct work *w, struct finding *f, struct err *e)
{
	int r = judge_head(w, f, e);

	if (r == 0 && w->outcome < 0 && w->p->service->mode == MODE_REPRODUCE) {
		const char *name = pr_str(f->brought, "test_name");
		const char *from = pr_str(f->brought, "input_from");
		const struct report_test t = { *name ? name : NULL, *from ? from : NULL,
					       f->isolate };

		work_end(w, OUTCOME_REPRODUCED,
			 "the failing test is " TEST_PATCH_FILE
			 " in the case, its cause in " REPORT_FILE);
		r = report_reproduced(w, &t, e);
	}
	return r;
}

/* The agents' tests, until one fails at the coordinate each time; a test that does not comes
 * before none at all, and the earlier one before the later. */
struct search {
	struct finding best;
	json_t *also; /* what the other agents brought */
	struct agents_end end;
	bool found;
};

static int note_also(struct search *s, const struct finding *f, struct err *e)
{
	json_t *one = json_pack("{s:s,s:O,s:s*,s:s*}", "why", f->why, "agent",
				json_object_get(f->brought, "agent"), "match", f->match,
				"test_path", f->path);

	return one && json_array_append_new(s->also, one) == 0 ? 0 : no_memory(e);
}

static int weigh(struct search *s, struct finding *f, struct err *e)
{
	const bool better = s->found || !s->best.brought || (f->path && !s->best.path) ||
			    f->exact > s->best.exact;
	struct finding worse = better ? s->best : *f;
	int r = 0;

	s->best = better ? *f : s->best;
	*f = (struct finding){ 0 };
	if (worse.brought)
		r = note_also(s, &worse, e);
	finding_release(&worse);
	return r;
}

static int look_at(struct work *w, struct search *s, json_t *brought, struct err *e)
{
	struct finding f = { .brought = brought };
	int r = 0;

	if (!brought_submitted(brought)) {
		(void)snprintf(f.why, sizeof(f.why), "%.500s", pr_str(brought, "why"));
		agents_end_none(&s->end, brought, OUTCOME_NOT_REPRODUCED);
	} else {
		r = take_test(w, &f, e);
		if (r == 0 && f.path)
			r = isolate(w, &f, e);
		if (r == 0 && f.why[0])
			agents_end_add(&s->end, json_object_get(brought, "agent"),
				       OUTCOME_NOT_REPRODUCED, f.why);
	}
	if (r == 0) {
		s->found = f.path && !f.why[0];
		r = weigh(s, &f, e);
	}
	finding_release(&f);
	return r;
}

static int search_tests(struct work *w, struct search *s, struct err *e)
{
	struct agent_plan plan;
	struct gate_session session = { .world = &w->world,
					.role = ROLE_REPRODUCE,
					.incident = &w->incident,
					.values = w->values };
	int r = 0;

	agents_plan(&w->p->service->agents.reproduce, &plan);
	s->end.several = plan.n > 1;
	for (size_t i = 0; r == 0 && !s->found && i < plan.n; i++) {
		json_t *brought = NULL;

		r = agents_run(w, &plan, i, &session, &brought, e);
		if (r == 0)
			r = look_at(w, s, brought, e);
	}
	return r;
}

static int conclude_match(struct work *w, struct search *s, struct err *e)
{
	int r = 0;

	if (!s->best.path || !s->found)
		work_end(w, s->end.outcome, "%s", s->end.reason);
	if (!s->best.path)
		return work_publish(w, STAGE_MATCH, agents_nothing(w, s->best.brought, s->also), e);
	give_test(w, &s->best);
	if (s->found)
		r = judge_match(w, &s->best, e);
	return r < 0 ? r : record_match(w, &s->best, s->also, e);
}

/* The test of a case that is begun again has its runs like any other. */
static int look_at_reused(struct work *w, struct search *s, json_t *brought, struct err *e)
{
	json_t *test = changes_to_json(&w->test);

	work_drop_test(w);
	if (!test || json_object_set_new(brought, "changes", test) < 0) {
		json_decref(brought);
		return no_memory(e);
	}
	return look_at(w, s, brought, e);
}

int stage_match(struct work *w, struct err *e)
{
	struct search s = { .also = json_array(), .end = { .outcome = -1 } };
	json_t *reused = NULL;
	int r = s.also ? 0 : no_memory(e);

	if (r == 0 && w->p->service->mode == MODE_OBSERVE) {
		work_end(w, OUTCOME_OBSERVED,
			 "the service's mode is observe: nothing was tried; " REPORT_FILE
			 " says what would be");
		r = work_load_replica(w, e);
		json_decref(s.also);
		return r < 0 ? r : report_observed(w, e);
	}
	if (r == 0)
		r = work_reuse_test(w, &reused, e);
	if (r == 1)
		r = look_at_reused(w, &s, reused, e);
	else if (r == 0)
		r = search_tests(w, &s, e);
	if (r == 0)
		r = conclude_match(w, &s, e);
	finding_release(&s.best);
	json_decref(s.also);
	return r;
}
