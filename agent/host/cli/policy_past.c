/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/cli/policy_past.h"

#include <stdlib.h>
#include <string.h>

#include "agent/host/case/candidates.h"
#include "agent/host/pipeline/stages.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/jmap.h"

static const char *text_of(const json_t *o, const char *key)
{
	const char *const s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

bool past_is_allowed(const struct policy_verdict *v)
{
	return v->decision == POLICY_ALLOW || v->decision == POLICY_NOTIFY;
}

static void ask_release(struct past_ask *a)
{
	changes_release(&a->changes);
	free(a->test_path);
	free(a->path);
}

void past_release(struct past *p)
{
	for (size_t i = 0; i < p->n; i++)
		ask_release(&p->v[i]);
	free(p->v);
	*p = (struct past){ 0 };
}

static int put(struct past *p, struct past_ask *a, struct err *e)
{
	struct past_ask *const v = reallocarray(p->v, p->n + 1, sizeof(*v));

	if (!v || !a->path) {
		p->v = v ? v : p->v;
		ask_release(a);
		return err_set(e, ENOMEM, "out of memory");
	}
	p->v = v;
	p->v[p->n++] = *a;
	return 0;
}

/* A refusal's words begin with the path that it is about: "'lib/a.js': shared helpers". */
static char *quoted_path(const char *reason, const char *otherwise)
{
	const char *const end = reason[0] == '\'' ? strchr(reason + 1, '\'') : NULL;

	return end ? strndup(reason + 1, (size_t)(end - reason - 1)) : strdup(otherwise);
}

static int decision_of(const char *name)
{
	return strcmp(name, policy_decision_name(POLICY_NEEDS_SCOPE)) == 0 ? POLICY_NEEDS_SCOPE
									   : POLICY_DENY;
}

static int put_refusal(struct past *p, int role, const json_t *row, struct err *e)
{
	struct past_ask a = { .role = role, .refused = true };

	a.v.decision = decision_of(text_of(row, "decision"));
	(void)snprintf(a.v.rule, sizeof(a.v.rule), "%s", text_of(row, "rule"));
	(void)snprintf(a.v.place, sizeof(a.v.place), "%s", text_of(row, "place"));
	(void)snprintf(a.v.reason, sizeof(a.v.reason), "%s", text_of(row, "reason"));
	a.path = quoted_path(a.v.reason, text_of(row, "path"));
	return put(p, &a, e);
}

/* The proof says it in one line: "patch: REASON (rule RULE at PLACE)". */
static bool proof_refused(const json_t *proof, int role)
{
	const json_t *const no = json_object_get(proof, "refused");
	const char *const whose = role == ROLE_PATCH ? "patch: " : "new test: ";

	return json_integer_value(json_object_get(no, "step")) == 4 &&
	       strncmp(text_of(no, "reason"), whose, strlen(whose)) == 0;
}

static int put_changes(struct past *p, int role, const json_t *record, const json_t *proof,
		       struct err *e)
{
	const json_t *const list =
		json_object_get(record, role == ROLE_REPRODUCE ? "test" : "changes");
	struct past_ask a = { .role = role, .refused = proof_refused(proof, role) };
	int r;

	if (!json_is_array(list) || json_array_size(list) == 0)
		return 0;
	r = changes_from_json(list, &a.changes, e);
	if (r < 0)
		return r;
	if (role == ROLE_REPRODUCE && text_of(record, "test_path")[0])
		a.test_path = strdup(text_of(record, "test_path"));
	a.path = strdup(a.changes.v[0].path);
	return put(p, &a, e);
}

static int optional_record(const struct kase *k, int stage, json_t **out, struct err *e)
{
	const int r = case_record(k, stage, out, e);

	if (r != -ENOENT)
		return r;
	*e = (struct err)ERR_INIT;
	return 0;
}

static int put_stage(const struct kase *k, int stage, int role, const json_t *proof,
		     struct past *out, struct err *e)
{
	AUTO_JSON json_t *record = NULL;
	AUTO_JSON json_t *refusals = NULL;
	const json_t *row;
	size_t i;
	int r = optional_record(k, stage, &record, e);

	if (r == 0 && record)
		r = put_changes(out, role,
				stage == STAGE_PATCH ? candidate_chosen(record, proof) : record,
				proof, e);
	refusals = candidate_refusals(record);
	json_array_foreach(refusals, i, row)
		if (r == 0)
			r = put_refusal(out, role, row, e);
	return r;
}

int past_load(const struct kase *k, struct past *out, struct err *e)
{
	AUTO_JSON json_t *proof = NULL;
	struct past p = { 0 };
	int r = optional_record(k, STAGE_PROOF, &proof, e);

	if (r == 0)
		r = put_stage(k, STAGE_MATCH, ROLE_REPRODUCE, proof, &p, e);
	if (r == 0)
		r = put_stage(k, STAGE_PATCH, ROLE_PATCH, proof, &p, e);
	if (r < 0) {
		past_release(&p);
		return r;
	}
	*out = p;
	return 0;
}

/* Rules that look at the path alone; others were about a text that nobody kept. */
static bool is_about_path(const char *rule)
{
	static const char *const rules[] = { "/code/deny/", "/code/sensitive/", "/code/tests/add",
					     "/code/tests/delete", "/code/allow" };

	if (rule[0] == '\0')
		return true;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (strncmp(rule, rules[i], strlen(rules[i])) == 0)
			return true;
	return false;
}

int past_ask_again(const struct past_ask *a, const struct policy *p, struct policy_verdict *v,
		   struct err *e)
{
	const char *const path = a->path;

	if (a->changes.n)
		return policy_check_changes(p, &a->changes, a->test_path, v, e);
	if (!path[0] || !is_about_path(a->v.rule))
		return 1;
	return policy_ask(p,
			  a->role == ROLE_REPRODUCE			 ? "add"
			  : strcmp(a->v.rule, "/code/tests/add") == 0	 ? "add"
			  : strcmp(a->v.rule, "/code/tests/delete") == 0 ? "delete"
									 : "patch",
			  &path, 1, v, e);
}
