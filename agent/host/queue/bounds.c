/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/queue/bounds.h"

#include <string.h>

#include "agent/host/case/candidates.h"
#include "agent/host/case/case.h"
#include "agent/host/case/decide.h"

/* What closes a pull request: afterwards it is no longer a person's to look at. */
static bool closes(const json_t *decision)
{
	const char *word = json_string_value(json_object_get(decision, "decision"));

	switch (word ? decision_from_name(word) : -1) {
	case DECISION_MERGED:
	case DECISION_MERGED_EDITED:
	case DECISION_CLOSED_WRONG:
	case DECISION_EXPECTED:
	case DECISION_DUPLICATE:
	case DECISION_REVERTED:
		return true;
	default:
		return false;
	}
}

int case_is_open(const struct kase *k, bool *open, struct err *e)
{
	AUTO_JSON json_t *end = NULL;
	AUTO_JSON json_t *decisions = NULL;
	const char *word;
	json_t *one;
	size_t at;

	*open = false;
	if (case_stage(k) != STAGE_N)
		return 0;
	if (case_record(k, STAGE_OUTCOME, &end, e) < 0)
		return -e->code;
	word = json_string_value(json_object_get(end, "outcome"));
	if (!word || outcome_from_name(word) != OUTCOME_PROPOSED)
		return 0;
	if (case_decisions(k, &decisions, e) < 0)
		return -e->code;
	*open = true;
	json_array_foreach(decisions, at, one)
		*open = *open && !closes(one);
	return 0;
}

struct count {
	uint64_t service, fingerprint, file;
	char first[96]; /* a case to look at, for each */
	char of_fingerprint[96], of_file[96];
	const char *replaces; /* not counted */
};

static const char *text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/* The place that was reported, or one that the patch changes. */
static int touches(const struct kase *k, const json_t *incident, const char *file, struct err *e)
{
	AUTO_JSON json_t *patch = NULL;
	AUTO_JSON json_t *proof = NULL;
	struct err none = ERR_INIT;
	const json_t *one;
	size_t at;
	int r;

	if (same(text(json_object_get(incident, "coordinate"), "file"), file))
		return 1;
	r = case_record(k, STAGE_PATCH, &patch, &none);
	if (r == 0)
		r = case_record(k, STAGE_PROOF, &proof, &none);
	if (r < 0 && (r != -ENOENT || !patch))
		return r == -ENOENT ? 0 : err_set(e, -r, "%s", none.msg);
	json_array_foreach(json_object_get(candidate_chosen(patch, proof), "changes"), at, one)
		if (same(text(one, "path"), file))
			return 1;
	return 0;
}

/* A case that has not ended, and is about to be a pull request, counts like one. */
static int counts(const struct kase *k, bool *out, struct err *e)
{
	const int stage = case_stage(k);

	if (stage == STAGE_N)
		return case_is_open(k, out, e);
	*out = stage > STAGE_INCIDENT;
	return 0;
}

static int add(const struct kase *k, const struct service *s, const struct group *g,
	       struct count *c, struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	const json_t *incident;
	bool open;
	int r = counts(k, &open, e);

	if (r < 0 || !open || same(case_id(k), c->replaces))
		return r;
	r = case_record(k, STAGE_INCIDENT, &v, e);
	if (r < 0)
		return r;
	incident = json_object_get(v, "incident");
	if (!same(text(json_object_get(v, "service"), "name"), s->name))
		return 0;
	if (c->service++ == 0)
		(void)snprintf(c->first, sizeof(c->first), "%s", case_id(k));
	if (same(text(incident, "fingerprint"), g->fingerprint) && c->fingerprint++ == 0)
		(void)snprintf(c->of_fingerprint, sizeof(c->of_fingerprint), "%s", case_id(k));
	r = g->file ? touches(k, incident, g->file, e) : 0;
	if (r == 1 && c->file++ == 0)
		(void)snprintf(c->of_file, sizeof(c->of_file), "%s", case_id(k));
	return r < 0 ? r : 0;
}

static int count_all(const struct queue *q, const struct service *s, const struct group *g,
		     struct count *c, struct err *e)
{
	AUTO_JSON json_t *ids = NULL;
	int r = case_list(q->state, &ids, e);

	for (size_t i = 0; i < json_array_size(ids) && r == 0; i++) {
		struct kase *k = NULL;

		r = case_open(q->state, json_string_value(json_array_get(ids, i)), false, &k, e);
		if (r == 0)
			r = add(k, s, g, c, e);
		else if (r == -ENOENT) /* it never began, and was cleared */
			r = 0;
		case_close(k);
	}
	return r;
}

int bounds_reached(const struct queue *q, const struct bounds_ask *ask, char why[512],
		   struct err *e)
{
	const struct service *s = ask->service;
	const struct group *g = ask->group;
	struct count c = { .replaces = ask->replaces };
	const int r = count_all(q, s, g, &c, e);

	if (r < 0)
		return r;
	if (c.fingerprint >= s->limits.open_fingerprint)
		(void)snprintf(why, 512,
			       "%llu open pull requests of this incident are its bound: decide on "
			       "case '%s' first (sickbay case decide)",
			       (unsigned long long)c.fingerprint, c.of_fingerprint);
	else if (c.file >= s->limits.open_file)
		(void)snprintf(why, 512,
			       "%llu open pull requests that touch '%.200s' are its bound: decide "
			       "on case '%s' first (sickbay case decide)",
			       (unsigned long long)c.file, g->file, c.of_file);
	else if (c.service >= s->limits.open)
		(void)snprintf(why, 512,
			       "%llu open pull requests of service '%s' are its bound: decide on "
			       "case '%s' first (sickbay case decide)",
			       (unsigned long long)c.service, s->name, c.first);
	else
		return 0;
	return 1;
}
