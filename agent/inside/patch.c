/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inside/patch.h"

#include <stdlib.h>
#include <string.h>

#include "agent/inside/locate.h"
#include "agent/inside/rank.h"

/*
 * Rounds of a fixed size: a round of quick evaluations in order of rank, then
 * full ones of its survivors, two at a time, until one passes.  What is asked
 * depends on earlier answers only round by round, never on which answer came
 * first nor on how many replicas run at once; so the same case gives the same
 * patch on any machine.
 */
#define QUICK_ROUND    4
#define BUILT_ROUND    2 /* where each evaluation is a build */
#define FULL_ROUND     2
#define MAX_CANDIDATES 200

enum seen {
	SEEN_NOT,
	SEEN_REFUSED,
	SEEN_UNBUILT,
	SEEN_FAILS,
	SEEN_SURVIVES,
	SEEN_BREAKS,
	SEEN_PASSES
};

struct trial {
	enum seen seen;
	char *why_not;
};

struct search {
	struct gate_client *gate;
	const struct gate_task *task;
	struct locate where;
	struct candidates found;
	struct trial *trials; /* one a candidate */
	size_t next;	      /* first that was not tried */
	uint64_t spent;
};

static char *why_fails(const struct gate_verdict *v, bool full)
{
	AUTO_BUF struct buf b = BUF_INIT(1024);

	if (!v->built)
		buf_puts(&b, "does not build");
	else if (full && v->broken.n > 0)
		buf_printf(&b, "%zu test%s that passed %s now, first '%.200s'", v->broken.n,
			   v->broken.n == 1 ? "" : "s", v->broken.n == 1 ? "fails" : "fail",
			   v->broken.v[0]);
	else if (v->match && strcmp(v->match, "none") != 0)
		buf_printf(&b, "the new test still fails (%s)", v->match);
	else
		buf_puts(&b, full ? "the tests do not pass" : "the new test still fails");
	return buf_take(&b);
}

static void judge(struct trial *t, const struct gate_answer *a, bool full)
{
	free(t->why_not);
	t->why_not = NULL;
	if (a->refused) {
		AUTO_BUF struct buf b = BUF_INIT(1024);

		t->seen = SEEN_REFUSED;
		buf_printf(&b, "refused by %.100s: %.400s",
			   a->refusal.rule ? a->refusal.rule : "the gate",
			   a->refusal.reason ? a->refusal.reason : "");
		t->why_not = buf_take(&b);
		return;
	}
	if (a->verdict.passed) {
		t->seen = full ? SEEN_PASSES : SEEN_SURVIVES;
		return;
	}
	if (!a->verdict.built)
		t->seen = SEEN_UNBUILT;
	else
		t->seen = full ? SEEN_BREAKS : SEEN_FAILS;
	t->why_not = why_fails(&a->verdict, full);
}

static int ask(struct search *s, size_t i, int kind, uint64_t *id, struct err *e)
{
	const struct candidate *c = &s->found.v[i];
	struct gate_change change = { .path = c->src->path, .content = c->after };
	struct gate_evaluate req = { .kind = kind,
				     .changes = { .v = &change, .n = 1 },
				     .note = c->summary };

	s->spent++;
	return gate_ask(s->gate, &req, id, e);
}

/* Takes the next answer and files it under the candidate that it is about. */
static int take(struct search *s, const size_t *which, const uint64_t *ids, size_t n, bool full,
		struct err *e)
{
	struct gate_answer a = { 0 };
	const int got = gate_next(s->gate, &a, e);

	if (got == 0)
		return err_set(e, EPROTO, "the gate owes an answer");
	for (size_t k = 0; got > 0 && k < n; k++)
		if (ids[k] == a.id)
			judge(&s->trials[which[k]], &a, full);
	if (got > 0)
		gate_answer_release(&a);
	return got < 0 ? got : 0;
}

/* Evaluates the listed candidates, at most task->parallel at one time. */
static int evaluate(struct search *s, const size_t *which, size_t n, int kind, struct err *e)
{
	const uint64_t width = s->task->parallel > 0 ? s->task->parallel : 1;
	const bool full = kind == GATE_KIND_FULL;
	uint64_t ids[QUICK_ROUND] = { 0 };
	int r = 0;

	for (size_t k = 0; r == 0 && k < n; k++) {
		while (r == 0 && gate_outstanding(s->gate) >= width)
			r = take(s, which, ids, k, full, e);
		if (r == 0)
			r = ask(s, which[k], kind, &ids[k], e);
	}
	while (r == 0 && gate_outstanding(s->gate) > 0)
		r = take(s, which, ids, n, full, e);
	return r;
}

/* The best-ranked candidates of a kind, at most max. */
static size_t those_seen(const struct search *s, enum seen seen, size_t *which, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < s->found.n && n < max; i++)
		if (s->trials[i].seen == seen)
			which[n++] = i;
	return n;
}

/* One step of the search: full runs of survivors, else a round of quick ones; 0 when spent. */
static int search_step(struct search *s, struct err *e)
{
	const uint64_t left = s->task->evaluations - s->spent;
	const size_t round = s->where.lang->compiled ? BUILT_ROUND : QUICK_ROUND;
	size_t which[QUICK_ROUND], n;
	int r;

	n = those_seen(s, SEEN_SURVIVES, which, left < FULL_ROUND ? (size_t)left : FULL_ROUND);
	if (n > 0) {
		r = evaluate(s, which, n, GATE_KIND_FULL, e);
		return r < 0 ? r : 1;
	}
	/* the last evaluations are for full runs: a survivor never run in full is no fix */
	while (n < round && s->next < s->found.n && n + FULL_ROUND < left)
		which[n++] = s->next++;
	if (n == 0)
		return 0;
	r = evaluate(s, which, n, GATE_KIND_QUICK, e);
	return r < 0 ? r : 1;
}

/* 1 and *best: the best-ranked candidate that passed everything; 0: there is none. */
static int search_next(struct search *s, size_t *best, struct err *e)
{
	for (;;) {
		int r;

		if (those_seen(s, SEEN_PASSES, best, 1) == 1)
			return 1;
		r = search_step(s, e);
		if (r <= 0)
			return r;
	}
}

/* ---- what the reviewer reads ---- */

static char *tell_cause(const struct search *s)
{
	AUTO_BUF struct buf b = BUF_INIT(4096);
	const char *what = fault_words(s->where.fault.classes);

	if (s->where.n_hops == 0)
		buf_printf(&b, "The code meets %s that it does not handle.", what);
	for (size_t i = 0; i < s->where.n_hops; i++) {
		buf_printf(&b, "%s%s", i > 0 ? ". " : "", s->where.hops[i]);
		if (i == 0 && s->where.suspected)
			buf_printf(&b, " without a check for %s", what);
		else if (i == 0)
			buf_printf(&b, ", meeting %s that it does not handle", what);
	}
	if (s->where.n_hops > 0)
		buf_putc(&b, '.');
	return buf_take(&b);
}

static char *tell_title(const struct search *s, const struct candidate *c)
{
	AUTO_BUF struct buf b = BUF_INIT(512);
	const char *file = strrchr(c->src->path, '/');
	AUTO_FREE char *name = NULL;
	const TSNode function = function_at_line(c->src, c->line);

	if (!ts_node_is_null(function))
		name = function_name(c->src, function);
	buf_printf(&b, "%s: handle %s",
		   name && *name ? name
		   : file	 ? file + 1
				 : c->src->path,
		   fault_words(s->where.fault.classes));
	return buf_take(&b);
}

static char *tell_change(const struct candidate *c)
{
	AUTO_BUF struct buf b = BUF_INIT(4096);

	buf_printf(&b, "The change at %s:%u %s (operator %s).", c->src->path, c->line, c->summary,
		   c->op->name);
	return buf_take(&b);
}

static void tell_candidates(const struct search *s, size_t best, struct gate_candidate *out,
			    size_t *n)
{
	static const char ranked_lower[] = "passes, but ranks below the one chosen";
	static const char quick_only[] = "passes the new test; ranks below the one chosen";

	*n = 0;
	for (size_t i = 0; i < s->found.n && *n < GATE_MAX_CANDIDATES; i++) {
		const struct candidate *c = &s->found.v[i];
		const struct trial *t = &s->trials[i];
		const char *why = t->why_not;

		if (t->seen == SEEN_NOT)
			continue;
		if (i != best && t->seen == SEEN_PASSES)
			why = ranked_lower;
		if (t->seen == SEEN_SURVIVES)
			why = quick_only;
		out[(*n)++] = (struct gate_candidate){
			.operator_name = strdup(c->op->name),
			.file = strdup(c->src->path),
			.summary = strdup(c->summary),
			.why_not = why ? strdup(why) : NULL,
			.line = c->line,
			.plausible = t->seen == SEEN_PASSES || t->seen == SEEN_SURVIVES,
		};
	}
}

static int submit(struct search *s, size_t best, struct gate_refusal *why, struct err *e)
{
	const struct candidate *c = &s->found.v[best];
	struct gate_change change = { .path = c->src->path, .content = c->after };
	AUTO_FREE struct gate_candidate *tried =
		calloc(s->found.n, sizeof(*tried)); /* never 0: best is one */
	AUTO_FREE char *title = tell_title(s, c), *cause = tell_cause(s), *text = tell_change(c);
	struct gate_submit sub = { .changes = { .v = &change, .n = 1 },
				   .candidates = { .v = tried },
				   .title = title,
				   .cause = cause,
				   .change = text,
				   .test_name = s->task->test_path };
	int r;

	if (!tried || !title || !cause || !text)
		return err_set(e, ENOMEM, "out of memory");
	tell_candidates(s, best, tried, &sub.candidates.n);
	r = gate_submit(s->gate, &sub, why, e);
	for (size_t i = 0; i < sub.candidates.n; i++) {
		free(tried[i].operator_name);
		free(tried[i].file);
		free(tried[i].summary);
		free(tried[i].why_not);
	}
	return r;
}

static int abstain(struct search *s, const char *why, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(2048);
	unsigned fails = 0, breaks = 0, unbuilt = 0;

	for (size_t i = 0; s->trials && i < s->found.n; i++) {
		fails += s->trials[i].seen == SEEN_FAILS;
		breaks += s->trials[i].seen == SEEN_BREAKS;
		unbuilt += s->trials[i].seen == SEEN_UNBUILT;
	}
	buf_puts(&b, why);
	if (s->found.n > 0)
		buf_printf(&b,
			   "; %zu candidates, %llu evaluations: %u left the new test failing, "
			   "%u broke other tests, %u did not build",
			   s->found.n, (unsigned long long)s->spent, fails, breaks, unbuilt);
	return gate_give_up(s->gate, b.p ? b.p : why, e);
}

static void set_aside(struct trial *t, struct gate_refusal *why)
{
	AUTO_BUF struct buf b = BUF_INIT(1024);

	buf_printf(&b, "passes all tests, but is refused by %.100s: %.400s",
		   why->rule ? why->rule : "the gate", why->reason ? why->reason : "");
	free(t->why_not);
	t->why_not = buf_take(&b);
	t->seen = SEEN_REFUSED;
	jmap_release(gate_refusal_map, why);
}

/* Submits the best; what the gate refuses then is set aside, and the next one takes its place. */
static int conclude(struct search *s, struct err *e)
{
	unsigned refused = 0;
	size_t best = 0;
	int r;

	while ((r = search_next(s, &best, e)) == 1) {
		struct gate_refusal why = { 0 };

		r = submit(s, best, &why, e);
		if (r != -EPERM)
			return r;
		*e = (struct err)ERR_INIT;
		set_aside(&s->trials[best], &why);
		refused++;
	}
	if (r < 0)
		return r;
	return abstain(s,
		       refused	    ? "every change that passes all tests was refused"
		       : s->found.n ? "no candidate passes the new test and the existing ones"
				    : "no operator fits what was reported",
		       e);
}

static void search_release(struct search *s)
{
	for (size_t i = 0; s->trials && i < s->found.n; i++)
		free(s->trials[i].why_not);
	free(s->trials);
	candidates_release(&s->found);
	locate_release(&s->where);
}

static int search_prepare(struct search *s, struct err *e)
{
	AUTO_BUF struct buf note = BUF_INIT(512);

	for (size_t i = 0; i < s->where.n_sites; i++)
		operators_run(&s->where.sites[i], &s->found);
	if (s->found.failed.code && s->found.n == 0) {
		*e = s->found.failed;
		return -e->code;
	}
	rank_sort(&s->found);
	s->trials = calloc(s->found.n + 1, sizeof(*s->trials));
	if (!s->trials)
		return err_set(e, ENOMEM, "out of memory");
	buf_printf(&note, "%zu places, %zu candidates", s->where.n_sites, s->found.n);
	return gate_note(s->gate, note.p ? note.p : "", e);
}

int patch_run(struct gate_client *gate, const struct gate_task *task, struct err *e)
{
	struct search s = { .gate = gate, .task = task, .found = { .max = MAX_CANDIDATES } };
	int r = locate(task, &s.where, e);

	if (r < 0) {
		AUTO_BUF struct buf b = BUF_INIT(1024);

		buf_puts(&b, e->msg);
		*e = (struct err)ERR_INIT;
		r = abstain(&s, b.p ? b.p : "nowhere to look", e);
		search_release(&s);
		return r;
	}
	r = search_prepare(&s, e);
	if (r == 0)
		r = conclude(&s, e);
	search_release(&s);
	return r;
}
