/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/gate/evaluate.h"

#include <stdlib.h>
#include <string.h>

#include "agent/host/gate/shown.h"

#define BROKEN_MAX 20
#define OUTPUT_MAX 2000

struct evaluation {
	const struct gate_session *session;
	int kind;
	char *note, *test_path;
	struct changes changes;
	struct testrun *run;
	bool in_suite; /* the suite is running, the new test has passed */
	bool again;    /* a run did not count, and was done once more */
	struct gate_verdict verdict;
};

static int start_run(struct evaluation *v, struct err *e)
{
	const struct gate_session *s = v->session;
	struct testrun_job job = { .purpose = "evaluate",
				   .side = SIDE_BASE,
				   .role = ROLE_VERIFY,
				   .what = v->in_suite ? RUN_SUITE : RUN_ONE,
				   .test_path = v->test_path };

	if (s->test)
		job.changes[job.n_changes++] = s->test;
	job.changes[job.n_changes++] = &v->changes;
	return testrun_start(s->world, &job, &v->run, e);
}

/* The new test of a REPRODUCE request is the first file it adds below the tests' directory. */
static const char *find_test(const struct gate_session *s, const struct changes *c)
{
	const struct service_tests *suite = s->world->service->tests.v;
	const size_t n = strlen(suite->new_test.dir);

	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].kind == CHANGE_ADD &&
		    strncmp(c->v[i].path, suite->new_test.dir, n) == 0)
			return c->v[i].path;
	return c->n ? c->v[0].path : "";
}

int evaluation_start(const struct gate_session *s, const struct gate_evaluate *req,
		     struct changes *changes, uint64_t left, struct evaluation **out, struct err *e)
{
	struct evaluation *v = calloc(1, sizeof(*v));
	const char *path = req->kind == GATE_KIND_REPRODUCE ? find_test(s, changes) : s->test_path;
	int r;

	if (!v)
		return err_set(e, ENOMEM, "out of memory");
	v->session = s;
	v->kind = req->kind;
	v->verdict.id = req->id;
	v->verdict.left = left;
	v->changes = *changes;
	*changes = (struct changes){ 0 };
	v->note = strdup(req->note ? req->note : "");
	v->test_path = strdup(path ? path : "");
	r = v->note && v->test_path ? start_run(v, e) : err_set(e, ENOMEM, "out of memory");
	if (r < 0) {
		evaluation_free(v);
		return r;
	}
	*out = v;
	return 0;
}

struct replica *evaluation_replica(struct evaluation *v)
{
	return testrun_replica(v->run);
}

const struct gate_verdict *evaluation_verdict(const struct evaluation *v)
{
	return &v->verdict;
}

const struct changes *evaluation_changes(const struct evaluation *v)
{
	return &v->changes;
}

const char *evaluation_note(const struct evaluation *v)
{
	return v->note;
}

void evaluation_free(struct evaluation *v)
{
	if (!v)
		return;
	testrun_close(v->run);
	changes_release(&v->changes);
	jmap_release(gate_verdict_map, &v->verdict);
	free(v->note);
	free(v->test_path);
	free(v);
}

static int set_word(char **at, const char *word)
{
	free(*at);
	*at = strdup(word);
	return *at ? 0 : -ENOMEM;
}

static json_t *chain_json(const struct objlist *chain)
{
	const struct exception *x = chain->v;
	json_t *list = chain->n ? json_array() : NULL;

	for (size_t i = 0; list && i < chain->n; i++)
		(void)json_array_append_new(list, jmap_write(exception_map, &x[i]));
	return list;
}

static int record(struct evaluation *v, const struct test_report *r, struct err *e)
{
	struct gate_verdict *g = &v->verdict;
	const int m = r->chain.n ? gate_match(v->session->incident, r, NULL) : MATCH_NONE;

	g->built = r->built;
	g->tests = r->tests;
	g->failed = r->failed;
	json_decref(g->chain);
	g->chain = chain_json(&r->chain);
	if (set_word(&g->match, match_name(m)) < 0 ||
	    set_word(&g->exit, exit_kind_name(r->exit.kind)) < 0)
		return err_set(e, ENOMEM, "out of memory");
	free(g->output);
	g->output = NULL;
	if (shown_json(v->session, g->chain, e) < 0)
		return -e->code;
	return shown_text(v->session, r->output, strlen(r->output), OUTPUT_MAX, &g->output, e);
}

/* Tests that passed before and do not now; a name may be made of data. */
static int compare(struct evaluation *v, const struct test_report *r, size_t *broken, struct err *e)
{
	struct strlist *const names = &v->verdict.broken;
	int k = baseline_broken(v->session->baseline, r, BROKEN_MAX, names, broken, e);

	for (size_t i = 0; k == 0 && i < names->n; i++) {
		char *shown = NULL;

		k = shown_text(v->session, names->v[i], strlen(names->v[i]), OUTPUT_MAX, &shown, e);
		if (k < 0)
			break;
		free(names->v[i]);
		names->v[i] = shown;
	}
	return k;
}

static int judge(struct evaluation *v, const struct test_report *r, bool *more, struct err *e)
{
	struct gate_verdict *g = &v->verdict;
	size_t broken = 0;
	int k = record(v, r, e);

	*more = false;
	if (k < 0)
		return k;
	if (v->kind == GATE_KIND_REPRODUCE) {
		g->passed = strcmp(g->match, match_name(MATCH_EXACT)) == 0;
		return 0;
	}
	if (!v->in_suite) {
		g->passed = test_report_green(r);
		*more = g->passed && v->kind == GATE_KIND_FULL;
		return 0;
	}
	k = compare(v, r, &broken, e);
	g->passed = broken == 0 && (r->complete || !v->session->baseline->complete);
	return k;
}

int evaluation_next(struct evaluation *v, struct err *e)
{
	struct test_report report;
	bool more = false;
	int r = testrun_report(v->run, &report, e);

	testrun_close(v->run);
	v->run = NULL;
	if (r < 0)
		return r;
	if (report.invalid && !v->again) {
		test_report_release(&report);
		v->again = true;
		return start_run(v, e);
	}
	r = judge(v, &report, &more, e);
	test_report_release(&report);
	if (r < 0 || !more)
		return r < 0 ? r : 1;
	v->in_suite = true;
	return start_run(v, e);
}
