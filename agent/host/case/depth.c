/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/depth.h"

#include <stdlib.h>
#include <string.h>

#include "agent/host/case/candidates.h"
#include "agent/host/case/decide.h"
#include "runtime/base/jmap.h"

/* What is to be known of one proposal of the service before this one. */
struct proposal_seen {
	char policy[80]; /* digest of the patch agent's */
	bool required, audited;
	int verdict;	  /* enum decision, -1: none yet */
	char decided[40]; /* RFC 3339, in UTC: compares as text */
};

typedef int seen_fn(void *ctx, const char *id, const struct proposal_seen *p, struct err *e);

static const char *text_of(const json_t *v, const char *key)
{
	const char *s = json_string_value(json_object_get(v, key));

	return s ? s : "";
}

static int policy_of(const struct kase *k, char out[80], struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	int r = case_record(k, STAGE_REPLICA, &v, e);

	(void)snprintf(out, 80, "%s",
		       text_of(json_object_get(json_object_get(v, "policies"), "patch"), "digest"));
	return r;
}

static int decisions_of(const struct kase *k, struct proposal_seen *p, struct err *e)
{
	AUTO_JSON json_t *list = NULL;
	int r = case_decisions(k, &list, e);

	p->verdict = -1;
	for (size_t i = 0; r == 0 && i < json_array_size(list); i++) {
		const json_t *line = json_array_get(list, i);
		const int d = decision_from_name(text_of(line, "decision"));

		p->audited = p->audited || d == DECISION_AUDITED;
		if (d < 0 || !decision_judges(d))
			continue;
		p->verdict = d;
		(void)snprintf(p->decided, sizeof(p->decided), "%s", text_of(line, "at"));
	}
	return r;
}

/* 1: it is a proposal of the service. */
static int look_at(const struct kase *k, const char *service, struct proposal_seen *p,
		   struct err *e)
{
	AUTO_JSON json_t *first = NULL;
	AUTO_JSON json_t *own = NULL;
	int r = case_record(k, STAGE_PULLREQ, &own, e);

	if (r == -ENOENT) {
		*e = (struct err)ERR_INIT;
		return 0;
	}
	r = r < 0 ? r : case_record(k, STAGE_INCIDENT, &first, e);
	if (r < 0)
		return r;
	if (strcmp(text_of(json_object_get(first, "service"), "name"), service) != 0)
		return 0;
	p->required = json_is_true(json_object_get(
		json_object_get(json_object_get(own, "measured"), "audit"), "required"));
	r = policy_of(k, p->policy, e);
	r = r < 0 ? r : decisions_of(k, p, e);
	return r < 0 ? r : 1;
}

static int each_proposal(const char *state, const char *service, seen_fn *fn, void *ctx,
			 struct err *e)
{
	AUTO_JSON json_t *ids = NULL;
	int r = case_list(state, &ids, e);

	for (size_t i = 0; r >= 0 && i < json_array_size(ids); i++) {
		struct proposal_seen p = { 0 };
		struct kase *k = NULL;

		r = case_open(state, json_string_value(json_array_get(ids, i)), false, &k, e);
		if (r == 0)
			r = look_at(k, service, &p, e);
		if (r == 1)
			r = fn(ctx, case_id(k), &p, e);
		case_close(k);
	}
	return r < 0 ? r : 0;
}

/* ---- what waits ---- */

struct due {
	size_t n;
	char *first;
	const char *except;
};

static int add_due(void *ctx, const char *id, const struct proposal_seen *p, struct err *e)
{
	struct due *d = ctx;

	(void)e;
	if (!p->required || p->audited || (d->except && strcmp(id, d->except) == 0))
		return 0;
	if (d->n++ == 0)
		(void)snprintf(d->first, 128, "%s", id);
	return 0;
}

int depth_due(const char *state, const char *service, const char *except, size_t *n,
	      char first[128], struct err *e)
{
	struct due d = { .first = first, .except = except };
	const int r = each_proposal(state, service, add_due, &d, e);

	*n = d.n;
	return r;
}

/* ---- whether this one does ---- */

struct judging {
	const char *id;
	char policy[80];
	bool policy_known;
	char touched[40]; /* when a person last did anything but merge */
	json_t *merged;	  /* when proposals were merged as they were */
};

static int add_seen(void *ctx, const char *id, const struct proposal_seen *p, struct err *e)
{
	struct judging *j = ctx;

	if (strcmp(id, j->id) == 0)
		return 0;
	j->policy_known = j->policy_known || strcmp(p->policy, j->policy) == 0;
	if (p->verdict == DECISION_MERGED)
		return json_array_append_new(j->merged, json_string(p->decided)) < 0
			       ? err_set(e, ENOMEM, "out of memory")
			       : 0;
	if (p->verdict >= 0 && strcmp(p->decided, j->touched) > 0)
		(void)snprintf(j->touched, sizeof(j->touched), "%s", p->decided);
	return 0;
}

static size_t untouched_run(const struct judging *j)
{
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(j->merged); i++)
		n += strcmp(json_string_value(json_array_get(j->merged, i)), j->touched) > 0;
	return n;
}

static int refusals_of(const struct kase *k, size_t *n, struct err *e)
{
	static const int of[] = { STAGE_MATCH, STAGE_PATCH };
	int r = 0;

	*n = 0;
	for (size_t i = 0; r == 0 && i < sizeof(of) / sizeof(of[0]); i++) {
		AUTO_JSON json_t *v = NULL;
		AUTO_JSON json_t *refusals = NULL;

		r = case_record(k, of[i], &v, e);
		refusals = candidate_refusals(v);
		*n += json_array_size(refusals);
	}
	return r;
}

/* 0..99, from the first 32 bits of the proof's digest. */
static int draw(const struct kase *k, unsigned *out, struct err *e)
{
	char hex[65];
	int r = case_record_digest(k, STAGE_PROOF, hex, e);

	hex[8] = '\0';
	*out = r < 0 ? 0 : (unsigned)(strtoul(hex, NULL, 16) % 100);
	return r;
}

static uint64_t share_after(const struct service *s, size_t run)
{
	const uint64_t share = s->audit.share * (1 + run / s->audit.untouched);

	return share > 100 ? 100 : share;
}

static void say(json_t *why, json_t *text)
{
	if (text)
		(void)json_array_append_new(why, text);
}

static int judge(const struct service *s, const struct kase *k, const struct judging *j,
		 json_t **out, struct err *e)
{
	const size_t run = untouched_run(j);
	const uint64_t share = share_after(s, run);
	AUTO_JSON json_t *why = json_array();
	size_t refusals;
	unsigned ticket;
	int r = refusals_of(k, &refusals, e);

	r = r < 0 ? r : draw(k, &ticket, e);
	if (r < 0)
		return r;
	if (!j->policy_known)
		say(why, json_string("the first proposal under its policy"));
	if (refusals)
		say(why, json_sprintf("an agent was refused something %zu time%s", refusals,
				      refusals == 1 ? "" : "s"));
	if (ticket < share)
		say(why, json_sprintf("drawn: %llu of 100 are, after %zu merges that nobody "
				      "touched",
				      (unsigned long long)share, run));
	*out = json_pack("{s:b,s:O,s:I}", "required", json_array_size(why) > 0, "why", why, "share",
			 (json_int_t)share);
	return *out ? 0 : err_set(e, ENOMEM, "out of memory");
}

int depth_judge(const char *state, const struct service *s, const struct kase *k, json_t **out,
		struct err *e)
{
	struct judging j = { .id = case_id(k), .merged = json_array() };
	int r = j.merged ? policy_of(k, j.policy, e) : err_set(e, ENOMEM, "out of memory");

	if (r == 0)
		r = each_proposal(state, s->name, add_seen, &j, e);
	if (r == 0)
		r = judge(s, k, &j, out, e);
	json_decref(j.merged);
	return r;
}
