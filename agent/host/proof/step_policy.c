/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/host/proof/steps.h"

/* Step 4: the diff obeys the policy, textually here and syntactically by an inspection in a fresh
 * replica. */

static void refuse(struct step_result *r, const struct policy_verdict *v, const char *whose)
{
	r->holds = false;
	r->needs_scope = v->decision == POLICY_NEEDS_SCOPE;
	(void)snprintf(r->says, sizeof(r->says), "%s: %.250s (rule %.100s at %.120s)", whose,
		       v->reason, v->rule, v->place);
}

/* 1: allowed; 0: refused, r says why. */
static int check(const struct proof_input *in, int role, const struct changes *c, const char *own,
		 struct step_result *r, struct err *e)
{
	struct policy_verdict v;
	const int k = policy_check_changes(in->world->policy[role], c, own, &v, e);

	if (k < 0)
		return k;
	if (v.decision == POLICY_ALLOW || v.decision == POLICY_NOTIFY)
		return 1;
	refuse(r, &v, role == ROLE_PATCH ? "patch" : "new test");
	return 0;
}

/* The accepted test is evidence: a patch that touches it changes the question. */
static bool touches_test(const struct proof_input *in, struct step_result *r)
{
	for (size_t i = 0; i < in->test->n; i++) {
		if (!changes_find(in->patch, in->test->v[i].path))
			continue;
		r->holds = false;
		(void)snprintf(r->says, sizeof(r->says),
			       "patch: it changes the accepted test '%.200s'", in->test->v[i].path);
		return true;
	}
	return false;
}

/* The old text stands in the tree; the new one comes along under a name of its own. */
static int inspect_one(const struct proof_input *in, int side, const struct change *ch,
		       json_t **findings, struct err *e)
{
	const char *const args[] = {
		"weakening", ch->path, "sickbay-new-text", "--lang", in->world->service->language,
		NULL
	};
	struct change copy = { .path = (char[]){ "sickbay-new-text" },
			       .kind = CHANGE_ADD,
			       .old_type = -1,
			       .new_data = ch->new_data,
			       .new_len = ch->new_len };
	const struct changes files = { .v = &copy, .n = 1 };

	return proof_inspect(in, side, args, &files, findings, e);
}

/*
 * A handler that now also names the very type that production reported, and no
 * type above it, is how such an error is usually meant to be handled: it is a
 * risk for the reviewer to weigh, not a weakening.
 */
static bool names_reported_type(const struct proof_input *in, const json_t *finding)
{
	const char *what = json_string_value(json_object_get(finding, "what"));
	const char *kind = json_string_value(json_object_get(finding, "kind"));
	const char *type = in->incident->coordinate.type;

	return kind && what && type && strcmp(kind, "catch-widened") == 0 && strstr(what, type) &&
	       !strstr(what, "Exception");
}

static void add_risk(struct step_result *r, unsigned points, const char *what,
		     const struct change *ch, const json_t *f)
{
	r->risk += points;
	(void)snprintf(r->risk_reason, sizeof(r->risk_reason), "%.100s (%.80s:%lld)", what,
		       ch->path, (long long)json_integer_value(json_object_get(f, "line")));
}

/* What a reviewer has to weigh, and no policy can. */
static bool is_risk(const struct proof_input *in, const struct change *ch, const json_t *f,
		    struct step_result *r)
{
	const char *kind = json_string_value(json_object_get(f, "kind"));
	char what[128];

	if (names_reported_type(in, f)) {
		(void)snprintf(what, sizeof(what), "a handler now catches %.80s too",
			       in->incident->coordinate.type);
		add_risk(r, 2, what, ch, f);
		return true;
	}
	if (!kind || strcmp(kind, "guard-narrowed") != 0)
		return false;
	add_risk(r, 1, "what is raised here is raised for fewer values", ch, f);
	return true;
}

/* 1: nothing is weakened; 0: refused, r says why, by which rule. */
static int weigh(const struct proof_input *in, const struct change *ch, const json_t *findings,
		 struct step_result *r)
{
	struct policy_verdict rule;

	for (size_t i = 0; i < json_array_size(findings); i++) {
		const json_t *f = json_array_get(findings, i);

		if (is_risk(in, ch, f, r))
			continue;
		(void)policy_weakening_denied(in->world->policy[ROLE_PATCH], &rule);
		r->holds = false;
		(void)snprintf(r->says, sizeof(r->says),
			       "patch: it weakens the code (%.60s, %.100s:%lld): %.120s "
			       "(rule %.60s at %.120s)",
			       json_string_value(json_object_get(f, "kind")), ch->path,
			       (long long)json_integer_value(json_object_get(f, "line")),
			       json_string_value(json_object_get(f, "what")), rule.rule,
			       rule.place);
		return 0;
	}
	return 1;
}

static int check_weakening(const struct proof_input *in, int side, struct step_result *r,
			   struct err *e)
{
	const struct changes *patch = proof_patch(in, side);
	int k = 1;

	if (!policy_weakening_denied(in->world->policy[ROLE_PATCH], NULL))
		return 1;
	for (size_t i = 0; k == 1 && i < patch->n; i++) {
		const struct change *ch = &patch->v[i];
		AUTO_JSON json_t *found = NULL;

		if (ch->kind != CHANGE_MODIFY || ch->type == CHANGE_SYMLINK)
			continue;
		k = inspect_one(in, side, ch, &found, e);
		k = k < 0 ? k : weigh(in, ch, json_object_get(found, "findings"), r);
		k = k != 1 ? k : weigh(in, ch, json_object_get(found, "notes"), r);
	}
	return k;
}

int step_policy(const struct proof_input *in, int side, struct step_result *r, struct err *e)
{
	size_t added = 0, removed = 0;
	int k;

	(void)side;
	if (touches_test(in, r))
		return 0;
	k = check(in, ROLE_REPRODUCE, in->test, in->test_path, r, e);
	if (k == 1)
		k = check(in, ROLE_PATCH, in->patch, NULL, r, e);
	if (k == 1)
		k = check_weakening(in, SIDE_BASE, r, e);
	if (k == 1 && in->patch_head != in->patch)
		k = check(in, ROLE_PATCH, in->patch_head, NULL, r, e);
	if (k == 1 && in->patch_head != in->patch)
		k = check_weakening(in, SIDE_HEAD, r, e);
	if (k != 1)
		return k;
	for (size_t i = 0; i < in->patch->n; i++) {
		size_t a, d;

		change_line_counts(&in->patch->v[i], &a, &d);
		added += a;
		removed += d;
	}
	r->holds = true;
	(void)snprintf(
		r->says, sizeof(r->says),
		"%zu file%s, +%zu -%zu lines, all in scope of policy %.80s; no weakening found",
		in->patch->n, in->patch->n == 1 ? "" : "s", added, removed,
		policy_name(in->world->policy[ROLE_PATCH]));
	r->detail = json_pack("{s:I,s:I,s:I}", "files", (json_int_t)in->patch->n, "added",
			      (json_int_t)added, "removed", (json_int_t)removed);
	return r->detail ? 0 : err_set(e, ENOMEM, "out of memory");
}
