/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/service.h"
#include "agent/host/cli/cli.h"
#include "agent/host/cli/cmd_policy.h"
#include "agent/host/cli/policy_past.h"
#include "agent/host/cli/session.h"
#include "policy/suggest.h"
#include "policy/wider.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/jmap.h"
#include "runtime/base/opt.h"

/*
 * `sickbay policy suggest CASE`: what a person would have to accept so that
 * what was refused is allowed.  Rule by rule on a copy of the document, which
 * is read again after each change, until the policy says yes; nothing is
 * written anywhere.
 */
DEFINE_CLEANUP(struct policy, policy_free);
#define AUTO_POLICY CLEANUP(cleanup_policy_free)

#define STEPS_MAX 32 /* changes for one thing that was refused */

struct advice {
	char file[256];		    /* the policy of the role */
	struct policy *first, *now; /* as it is, and with what was suggested so far */
	json_t *document;
	json_t *ops;	  /* [{"op","path","value"?,"why"}] */
	json_t *hopeless; /* ["why"] */
	char *broken;	  /* the changed policy is refused: its own tests, usually */
};

static void advice_release(struct advice *a)
{
	policy_free(a->first);
	policy_free(a->now);
	json_decref(a->document);
	json_decref(a->ops);
	json_decref(a->hopeless);
	free(a->broken);
}

static int give_up(struct advice *a, const struct policy_verdict *v, const char *why, struct err *e)
{
	json_t *line = json_sprintf("%.300s (%.200s): %.300s", v->reason, v->place, why);

	if (!line || json_array_append_new(a->hopeless, line) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return 1;
}

static json_t *reason_of(const struct policy_verdict *v, const char *path)
{
	const char *const rule = v->rule[0] ? v->rule : "default";

	if (path[0] && v->reason[0] != '\'')
		return json_sprintf("'%.200s': %s (%s)", path,
				    v->reason[0] ? v->reason : "it is denied", rule);
	return json_sprintf("%s (%s)", v->reason, rule);
}

/* 0: the policy is another now; 1: it goes no further with this refusal. */
static int step(struct advice *a, const struct policy_verdict *v, const char *path, struct err *e)
{
	AUTO_FREE char *text = NULL;
	json_t *op = NULL;
	struct policy *next = NULL;
	struct err why = ERR_INIT;
	char file[256];

	if (policy_remedy(a->now, v, path, file, &op, &why) < 0)
		return why.code == ENOTSUP ? give_up(a, v, why.msg, e)
					   : err_set(e, why.code, "%s", why.msg);
	if (strcmp(file, a->file) != 0) {
		json_decref(op);
		return give_up(a, v,
			       "it is refused by a file that the policy extends: change it "
			       "there",
			       e);
	}
	if (json_object_set_new(op, "why", reason_of(v, path)) < 0 ||
	    json_array_append_new(a->ops, op) < 0)
		return err_set(e, ENOMEM, "out of memory");
	if (policy_remedy_apply(a->document, op, e) < 0)
		return -e->code;
	text = json_dumps(a->document, 0);
	if (!text)
		return err_set(e, ENOMEM, "out of memory");
	if (policy_parse_file(a->file, text, strlen(text), &next, &why) < 0) {
		free(a->broken);
		a->broken = strdup(why.msg);
		return 1;
	}
	policy_free(a->now);
	a->now = next;
	return 0;
}

/* What was not kept is taken at its word: one change for one refusal. */
static int advise_steps(struct advice *a, const struct past_ask *ask, struct err *e)
{
	struct policy_verdict v;
	int r = past_ask_again(ask, a->now, &v, e);

	if (r == 1)
		return ask->v.rule[0] == '/' ? step(a, &ask->v, ask->path, e) : 0;
	for (int i = 0; r == 0 && i < STEPS_MAX && !past_is_allowed(&v); i++) {
		r = step(a, &v, ask->path, e);
		if (r == 0)
			r = past_ask_again(ask, a->now, &v, e);
	}
	return r;
}

/* Until it is allowed; where that cannot be, nothing of what was tried for it stays. */
static int advise_on(struct advice *a, const struct past_ask *ask, struct err *e)
{
	const size_t hopeless = json_array_size(a->hopeless), ops = json_array_size(a->ops);
	AUTO_JSON json_t *document = json_deep_copy(a->document);
	AUTO_FREE char *text = document ? json_dumps(document, 0) : NULL;
	struct policy *now = NULL;
	int r = text ? advise_steps(a, ask, e) : err_set(e, ENOMEM, "out of memory");

	if (r < 0 || json_array_size(a->hopeless) == hopeless || json_array_size(a->ops) == ops)
		return r;
	while (json_array_size(a->ops) > ops)
		(void)json_array_remove(a->ops, ops);
	r = policy_parse_file(a->file, text, strlen(text), &now, e);
	if (r < 0)
		return r;
	json_decref(a->document);
	a->document = take_ptr(document);
	policy_free(a->now);
	a->now = now;
	return 0;
}

static int advice_open(struct advice *a, const struct service *s, int role, struct err *e)
{
	AUTO_FREE char *path =
		service_path(s, role == ROLE_REPRODUCE ? s->policy.reproduce : s->policy.patch);

	*a = (struct advice){ .ops = json_array(), .hopeless = json_array() };
	if (!path || !a->ops || !a->hopeless)
		return err_set(e, ENOMEM, "out of memory");
	(void)snprintf(a->file, sizeof(a->file), "%s", path);
	if (policy_load(path, &a->first, e) < 0 || policy_load(path, &a->now, e) < 0)
		return -e->code;
	a->document = policy_document(a->first, a->file);
	return a->document ? 0 : err_set(e, EINVAL, "'%s' is too long a path", path);
}

static void print_op(const json_t *op)
{
	AUTO_JSON json_t *plain = json_copy((json_t *)(uintptr_t)op);
	const char *const why = json_string_value(json_object_get(op, "why"));
	char *text;

	(void)json_object_del(plain, "why");
	text = json_dumps(plain, JSON_ENSURE_ASCII);
	(void)printf("  // %s\n  %s,\n", why ? why : "", text ? text : "");
	free(text);
}

static void print_lines(const char *head, const json_t *list)
{
	size_t i;
	const json_t *one;

	json_array_foreach(list, i, one)
		(void)printf("// %s%s\n", head, json_string_value(one));
}

static const char *member(const json_t *row, const char *key)
{
	const char *const s = json_string_value(json_object_get(row, key));

	return s ? s : "";
}

/* Kinds of questions with the same witness on one line. */
static void print_wider(const json_t *rows)
{
	const char *last = NULL;
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		const char *const witness = member(row, "witness");
		const bool same = last && strcmp(last, witness) == 0;

		if (!same)
			(void)printf("%s// allows then: %s: ", last ? "\n" : "", witness);
		(void)printf("%s%s", same ? ", " : "", member(row, "what"));
		last = witness;
	}
	if (last)
		(void)putchar('\n');
}

static void print_text(const struct advice *a, const char *role, const json_t *rows)
{
	size_t i;
	const json_t *one;

	(void)printf("// role %s, policy %s; nothing was changed\n", role, a->file);
	print_lines("no change of this file helps: ", a->hopeless);
	if (json_array_size(a->ops) == 0)
		return;
	if (a->broken)
		(void)printf("// changed so, the policy is refused: %s\n", a->broken);
	print_wider(rows);
	(void)printf("[\n");
	json_array_foreach(a->ops, i, one)
		print_op(one);
	(void)printf("]\n");
}

/* 1: there is a change that helps. */
static int advise_role(const struct service *s, const struct past *past, int role, bool json,
		       json_t *all, struct err *e)
{
	AUTO_JSON json_t *rows = NULL;
	struct advice a;
	bool any = false;
	int r = advice_open(&a, s, role, e);

	for (size_t i = 0; r >= 0 && i < past->n; i++) {
		if (past->v[i].role != role || !past->v[i].refused)
			continue;
		any = true;
		r = advise_on(&a, &past->v[i], e);
	}
	if (r >= 0 && any)
		r = policy_wider(a.first, a.now, &rows, e);
	if (r >= 0 && any && !json)
		print_text(&a, policy_role_name(role), rows);
	if (r >= 0 && any)
		(void)json_array_append_new(
			all, json_pack("{s:s,s:s,s:O,s:O,s:s*,s:O}", "role", policy_role_name(role),
				       "policy", a.file, "operations", a.ops, "hopeless",
				       a.hopeless, "refused", a.broken, "wider", rows));
	if (r >= 0)
		r = json_array_size(a.ops) > 0;
	advice_release(&a);
	return r;
}

static int suggest(const char *state, const char *id, const char *service, bool json, struct err *e)
{
	AUTO_JSON json_t *all = json_array();
	struct past past = { 0 };
	struct service s = { 0 };
	struct kase *k = NULL;
	char path[4096];
	int r, helped = 0;

	if (!service && session_service_of(state, id, path, e) < 0)
		return CLI_FAILED;
	if (case_open(state, id, false, &k, e) < 0)
		return CLI_FAILED;
	r = past_load(k, &past, e);
	case_close(k);
	if (r == 0)
		r = service_load(service ? service : path, &s, e);
	for (int role = ROLE_REPRODUCE; r >= 0 && role <= ROLE_PATCH; role++) {
		r = advise_role(&s, &past, role, json, all, e);
		helped += r > 0;
	}
	service_release(&s);
	past_release(&past);
	if (r < 0)
		return CLI_FAILED;
	if (json &&
	    policy_print_json(json_pack("{s:s,s:s,s:O}", "schema", "sickbay.policy-suggest/1",
					"case", id, "roles", all),
			      e) != CLI_OK)
		return CLI_FAILED;
	if (json_array_size(all) == 0 && !json)
		(void)printf("%s: nothing was refused\n", id);
	return helped || json_array_size(all) == 0 ? CLI_OK : CLI_CLOSED;
}

int policy_cmd_suggest(int argc, char **argv, struct err *e)
{
	const char *state = CLI_STATE_DEFAULT, *service = NULL;
	bool json = false;
	const struct opt opts[] = {
		{ "state", OPT_STR, &state, "DIR", "state directory (" CLI_STATE_DEFAULT ")" },
		{ "service", OPT_STR, &service, "FILE", "service file (default: the case's own)" },
		{ "json", OPT_FLAG, &json, NULL, "print JSON" },
		{ 0 },
	};
	int n = 0;

	if (opt_parse(opts, false, argc, argv, &n, e) < 0)
		return CLI_USAGE;
	if (n != 1)
		return cli_usage(e, "policy suggest wants one case id");
	return suggest(state, argv[1], service, json, e);
}
