/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/host/pipeline/stages.h"
#include "runtime/base/log.h"

/*
 * The new test passes at the target's head: what is missing is a deployment.
 * Which commit?  The first one after the deployed commit at which the test
 * passes, where that is cheap to find: along the first parents, by bisection,
 * with one run of the test at each commit that is tried and all N at the one
 * that is named.  Otherwise the head, where all N passed already.
 */
#define BETWEEN_MAX 255 /* 8 probes */

struct search {
	struct work *w;
	struct strlist line;
	size_t probes;
};

/* All of `runs` passed with the source of that commit in place of the head's. */
static int passes(struct search *s, size_t at, uint64_t runs, bool *yes, struct err *e)
{
	AUTO_JSON json_t *seen = NULL;
	struct proof_input in;
	size_t exact = 0, green = 0;
	int r;

	log_progress("the new test at %.12s", s->line.v[at]);
	r = world_set_source(&s->w->world, SIDE_HEAD, s->line.v[at], e);
	if (r < 0)
		return r;
	work_proof_input(s->w, &in);
	in.repeat = runs;
	r = proof_isolate(&in, SIDE_HEAD, &seen, &exact, &green, e);
	s->probes++;
	*yes = green == runs;
	return r;
}

/* *found: index into the line, or its end when nothing but the head is known. */
static int bisect(struct search *s, size_t *found, struct err *e)
{
	const uint64_t runs = s->w->p->service->proof.repeat;
	size_t low = 0, high = s->line.n - 1; /* the head, which passes */
	bool yes = true;
	int r = 0;

	while (r == 0 && low < high) {
		const size_t middle = low + (high - low) / 2;

		r = passes(s, middle, 1, &yes, e);
		if (r == 0 && yes)
			high = middle;
		else
			low = middle + 1;
	}
	if (r == 0 && high + 1 < s->line.n)
		r = passes(s, high, runs, &yes, e);
	*found = yes || high + 1 == s->line.n ? high : s->line.n;
	return r;
}

static const char *why_head(const struct search *s, bool more, size_t found)
{
	if (more)
		return "more than 255 commits lie between: none of them was tried";
	if (s->line.n == 0)
		return "the deployed commit is not among its ancestors";
	return found == s->line.n ? "the test passes only now and then at the commits before"
				  : NULL; /* the head is the first one */
}

static json_t *fixed_json(const struct search *s, const char *commit, bool found, const char *why)
{
	return json_pack("{s:s,s:s,s:I,s:I,s:s*}", "commit", commit, "how",
			 found ? "bisection" : "head", "between", (json_int_t)s->line.n, "tried",
			 (json_int_t)s->probes, "why", why);
}

int work_already_fixed(struct work *w, json_t **out, struct err *e)
{
	const char *target = w->p->service->repository.target;
	struct search s = { .w = w };
	bool more = false;
	size_t found = 0;
	const char *why, *commit = w->head;
	int r = git_line(w->world.git, w->base, w->head, BETWEEN_MAX, &s.line, &more, e);

	if (r == 0 && s.line.n)
		r = bisect(&s, &found, e);
	if (r < 0) {
		strlist_release(&s.line);
		return r;
	}
	why = why_head(&s, more, found);
	if (!why)
		commit = s.line.v[found];
	*out = fixed_json(&s, commit, !why, why);
	if (!why)
		work_end(w, OUTCOME_ALREADY_FIXED,
			 "the new test passes since %.12s, the first of %zu commits after the "
			 "deployed one at which it does: deploy it or a later one of %.100s",
			 commit, s.line.n, target);
	else
		work_end(w, OUTCOME_ALREADY_FIXED,
			 "the new test passes at %.12s, the head of %.100s: deploy it (%s)", commit,
			 target, why);
	strlist_release(&s.line);
	return *out ? 0 : err_set(e, ENOMEM, "out of memory");
}
