/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/facts.h"

#include <string.h>

#include "agent/host/case/candidates.h"
#include "agent/host/case/decide.h"
#include "runtime/base/clock.h"
#include "runtime/base/jmap.h"

static const char *text_of(const json_t *v, const char *key)
{
	const char *s = json_string_value(json_object_get(v, key));

	return s ? s : "";
}

/* ---- one case ---- */

/* The record of a stage, or NULL where there is none. */
static int record_of(const struct kase *k, int stage, json_t **out, struct err *e)
{
	const int r = case_record(k, stage, out, e);

	if (r == -ENOENT)
		*e = (struct err)ERR_INIT;
	return r == -ENOENT ? 0 : r;
}

static void put(json_t *o, const char *key, json_t *v)
{
	if (v)
		(void)json_object_set(o, key, v);
}

static int of_incident(const struct kase *k, json_t *o, struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	int r = record_of(k, STAGE_INCIDENT, &v, e);

	put(o, "service", json_object_get(json_object_get(v, "service"), "name"));
	put(o, "fingerprint", json_object_get(json_object_get(v, "incident"), "fingerprint"));
	put(o, "created", json_object_get(json_object_get(v, "measured"), "created"));
	return r;
}

static int of_replica(const struct kase *k, json_t *o, struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	int r = record_of(k, STAGE_REPLICA, &v, e);

	put(o, "policies", json_object_get(v, "policies"));
	return r;
}

static void add_paths(json_t *list, const json_t *changes)
{
	for (size_t i = 0; i < json_array_size(changes); i++) {
		json_t *path = json_object_get(json_array_get(changes, i), "path");

		if (path)
			(void)json_array_append(list, path);
	}
}

/* The candidate that was submitted: the one without a reason why not. */
static json_t *operator_of(const json_t *agent)
{
	const json_t *list = json_object_get(agent, "candidates");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *c = json_array_get(list, i);

		if (json_is_true(json_object_get(c, "plausible")) && !*text_of(c, "why_not"))
			return json_object_get(c, "operator");
	}
	return NULL;
}

const char *facts_operator(const json_t *agent)
{
	return json_string_value(operator_of(agent));
}

static void put_author(json_t *o, const char *key, const json_t *agent)
{
	const char *author = candidate_author(agent);

	if (author)
		(void)json_object_set_new(o, key, json_string(author));
}

static int of_agents(const struct kase *k, json_t *o, struct err *e)
{
	AUTO_JSON json_t *match = NULL;
	AUTO_JSON json_t *patch = NULL;
	AUTO_JSON json_t *proof = NULL;
	AUTO_JSON json_t *refusals = NULL;
	AUTO_JSON json_t *of_patch = NULL;
	const json_t *chosen, *agent;
	json_t *touched = json_array();
	int r = record_of(k, STAGE_MATCH, &match, e);

	r = r < 0 ? r : record_of(k, STAGE_PATCH, &patch, e);
	r = r < 0 ? r : record_of(k, STAGE_PROOF, &proof, e);
	chosen = candidate_chosen(patch, proof);
	agent = json_object_get(chosen ? chosen : patch, "agent");
	refusals = candidate_refusals(match);
	of_patch = candidate_refusals(patch);
	add_paths(touched, json_object_get(match, "test"));
	add_paths(touched, json_object_get(chosen, "changes"));
	(void)json_object_set_new(o, "touched", touched);
	(void)json_object_set_new(o, "refusals",
				  json_integer((json_int_t)json_array_size(refusals) +
					       (json_int_t)json_array_size(of_patch)));
	if (json_object_get(match, "test"))
		put_author(o, "test_by", json_object_get(match, "agent"));
	put_author(o, "patch_by", json_object_get(chosen, "agent"));
	put_author(o, "model", agent ? agent : json_object_get(match, "agent"));
	put(o, "operator", operator_of(json_object_get(chosen, "agent")));
	return r;
}

static int of_end(const struct kase *k, json_t *o, struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	int r = record_of(k, STAGE_OUTCOME, &v, e);

	put(o, "outcome", json_object_get(v, "outcome"));
	put(o, "reason", json_object_get(v, "reason"));
	put(o, "ended", json_object_get(json_object_get(v, "measured"), "ended"));
	return r;
}

static int of_people(const struct kase *k, json_t *o, struct err *e)
{
	AUTO_JSON json_t *list = NULL;
	int r = case_decisions(k, &list, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *line = json_array_get(list, i);
		const int d = decision_from_name(text_of(line, "decision"));

		if (d < 0 || !decision_judges(d))
			continue;
		put(o, "decision", json_object_get(line, "decision"));
		put(o, "decided", json_object_get(line, "at"));
	}
	put(o, "decisions", list);
	return 0;
}

int case_facts(const struct kase *k, json_t **out, struct err *e)
{
	static int (*const parts[])(const struct kase *, json_t *,
				    struct err *) = { of_incident, of_replica, of_agents, of_end,
						      of_people };
	AUTO_JSON json_t *o =
		json_pack("{s:s,s:s}", "case", case_id(k), "stage", stage_name(case_stage(k)));
	json_t *spent = NULL;
	int r = o ? 0 : err_set(e, ENOMEM, "out of memory");

	for (size_t i = 0; r == 0 && i < sizeof(parts) / sizeof(parts[0]); i++)
		r = parts[i](k, o, e);
	if (r == 0)
		r = case_spent(k, &spent, e);
	if (r < 0)
		return r;
	(void)json_object_set_new(o, "spent", spent);
	*out = take_ptr(o);
	return 0;
}

/* ---- which ---- */

int facts_since(const char *text, uint64_t *ns, struct err *e)
{
	char day[CLOCK_RFC3339];
	uint64_t age;

	(void)snprintf(day, sizeof(day), "%.10sT00:00:00Z", text);
	if (clock_parse_rfc3339(text, ns) == 0 ||
	    (strlen(text) == 10 && clock_parse_rfc3339(day, ns) == 0))
		return 0;
	if (parse_duration(text, &age) < 0)
		return err_set(e, EINVAL,
			       "'%s' is neither a date (2026-11-01, RFC 3339) nor an age (7d, 12h)",
			       text);
	*ns = clock_real_ns() - age * 1000000u;
	return 0;
}

static bool is(const char *want, const char *got)
{
	return !want || strcmp(want, got) == 0;
}

static bool has_policy(const json_t *facts, const char *want)
{
	json_t *policies = json_object_get(facts, "policies"), *p;
	const char *role;

	json_object_foreach(policies, role, p) {
		const char *digest = text_of(p, "digest");

		if (strcmp(text_of(p, "name"), want) == 0 ||
		    (strlen(want) >= 8 && (strncmp(digest, want, strlen(want)) == 0 ||
					   strncmp(digest + strcspn(digest, ":") + (*digest != 0),
						   want, strlen(want)) == 0)))
			return true;
	}
	return false;
}

static bool has_touched(const json_t *facts, const char *want)
{
	const json_t *list = json_object_get(facts, "touched");
	size_t n = strlen(want);

	while (n && want[n - 1] == '/')
		n--;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *path = json_string_value(json_array_get(list, i));

		if (strncmp(path, want, n) == 0 && (path[n] == '\0' || path[n] == '/'))
			return true;
	}
	return false;
}

/* What the first record alone decides: most cases are left out before the large ones are read. */
static bool begins(const json_t *facts, const struct case_filter *f)
{
	uint64_t created;

	if (f->since &&
	    (clock_parse_rfc3339(text_of(facts, "created"), &created) < 0 || created < f->since))
		return false;
	return is(f->service, text_of(facts, "service"));
}

static bool matches(const json_t *facts, const struct case_filter *f)
{
	return is(f->outcome, text_of(facts, "outcome")) &&
	       is(f->operator_name, text_of(facts, "operator")) &&
	       is(f->model, text_of(facts, "model")) &&
	       (!f->policy || has_policy(facts, f->policy)) &&
	       (!f->touched || has_touched(facts, f->touched));
}

static int find_one(const struct kase *k, const struct case_filter *f, json_t *found, struct err *e)
{
	AUTO_JSON json_t *first = json_object();
	AUTO_JSON json_t *facts = NULL;
	int r = first ? of_incident(k, first, e) : err_set(e, ENOMEM, "out of memory");

	if (r < 0 || !begins(first, f))
		return r;
	r = case_facts(k, &facts, e);
	if (r == 0 && matches(facts, f) && json_array_append(found, facts) < 0)
		r = err_set(e, ENOMEM, "out of memory");
	return r;
}

int facts_find(const char *state, const struct case_filter *f, json_t **out, struct err *e)
{
	AUTO_JSON json_t *ids = NULL;
	AUTO_JSON json_t *found = json_array();
	int r = case_list(state, &ids, e);

	for (size_t i = 0; r == 0 && i < json_array_size(ids); i++) {
		struct kase *k = NULL;

		r = case_open(state, json_string_value(json_array_get(ids, i)), false, &k, e);
		if (r == 0)
			r = find_one(k, f, found, e);
		case_close(k);
	}
	if (r < 0)
		return r;
	*out = take_ptr(found);
	return 0;
}
