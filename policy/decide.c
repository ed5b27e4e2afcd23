/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "policy/glob.h"
#include "policy/source.h"

/*
 * Theory of operation: a question is put to every source.  A source answers
 * with its own strictest matching rule, refuses when it states the list in
 * question and nothing in it matches, or says nothing.  The strictest answer
 * stands; when no source says anything, the answer is no.
 */
static const char *const decision_names[] = { "deny", "needs-scope", "notify", "allow" };
static const char *const role_names[] = { "reproduce", "patch", "verify" };

const char *policy_decision_name(int decision)
{
	return decision >= POLICY_DENY && decision <= POLICY_ALLOW ? decision_names[decision]
								   : "unknown";
}

const char *policy_role_name(int role)
{
	return role >= 0 && role < ROLE_N ? role_names[role] : "unknown";
}

int strict_decision(int strict)
{
	static const int map[] = { POLICY_DENY, POLICY_NEEDS_SCOPE, POLICY_ALLOW };

	return map[strict];
}

void verdict_set(struct policy_verdict *v, int decision, const struct source *s,
		 const char *pointer, const char *reason)
{
	const char *const mechanism = policy_mechanism(pointer);

	memset(v, 0, sizeof(*v));
	v->decision = decision;
	(void)snprintf(v->rule, sizeof(v->rule), "%s", pointer);
	(void)snprintf(v->reason, sizeof(v->reason), "%s", reason ? reason : "");
	(void)snprintf(v->mechanism, sizeof(v->mechanism), "%s", mechanism ? mechanism : "");
	if (s)
		source_place(s, pointer, v->place, sizeof(v->place));
}

/* No rule matched: the place is the list that would have had to name it. */
static void verdict_default(struct policy_verdict *v, const struct source *s, const char *list,
			    const char *reason)
{
	verdict_set(v, POLICY_DENY, s, list, reason);
	v->rule[0] = '\0';
}

void verdict_strictest(struct policy_verdict *best, const struct policy_verdict *v)
{
	if (v->decision != VERDICT_NONE &&
	    (best->decision == VERDICT_NONE || v->decision < best->decision))
		*best = *v;
}

int path_list_find(const struct objlist *l, const char *path)
{
	for (size_t i = 0; i < l->n; i++)
		if (glob_match(OBJ(struct path_rule, *l, i)->path, path))
			return (int)i;
	return -1;
}

bool strlist_glob(const struct strlist *l, const char *path, size_t *which)
{
	for (size_t i = 0; i < l->n; i++) {
		if (glob_match(l->v[i], path)) {
			*which = i;
			return true;
		}
	}
	return false;
}

static void rule_verdict(struct policy_verdict *v, int decision, const struct source *s,
			 const char *list, size_t i, const char *reason)
{
	char pointer[128];

	(void)snprintf(pointer, sizeof(pointer), "%s/%zu", list, i);
	verdict_set(v, decision, s, pointer, reason);
}

/* ---- the replica's file system ---- */

/* The whole root holds the other places too, wherever they stand in it. */
static bool fs_match(const char *pattern, const char *path)
{
	pattern = fs_plain(pattern);
	return strcmp(pattern, "/**") == 0 || glob_match(pattern, fs_plain(path));
}

static int fs_find(const struct objlist *l, const char *path)
{
	for (size_t i = 0; i < l->n; i++)
		if (fs_match(OBJ(struct path_rule, *l, i)->path, path))
			return (int)i;
	return -1;
}

static const struct fs_list {
	const char *what, *pointer;
	size_t list, has;
} fs_lists[] = {
	{ "read", "/filesystem/read", offsetof(struct doc_filesystem, read),
	  offsetof(struct doc_filesystem, has_read) },
	{ "write", "/filesystem/write", offsetof(struct doc_filesystem, write),
	  offsetof(struct doc_filesystem, has_write) },
	{ "exec", "/filesystem/exec", offsetof(struct doc_filesystem, exec),
	  offsetof(struct doc_filesystem, has_exec) },
};

static const struct fs_list *fs_list_of(const char *what)
{
	for (size_t i = 0; i < 3; i++)
		if (strcmp(fs_lists[i].what, what) == 0)
			return &fs_lists[i];
	return NULL;
}

static void fs_ask_source(const struct source *s, const struct fs_list *k, const char *path,
			  struct policy_verdict *v)
{
	const char *const f = (const char *)&s->doc.fs;
	const struct objlist *const list = (const void *)(f + k->list);
	int i = fs_find(&s->doc.fs.deny, path);

	v->decision = VERDICT_NONE;
	if (i >= 0) {
		rule_verdict(v, POLICY_DENY, s, "/filesystem/deny", (size_t)i,
			     OBJ(struct path_rule, s->doc.fs.deny, i)->reason);
		return;
	}
	if (!*(const bool *)(f + k->has))
		return;
	i = fs_find(list, path);
	if (i >= 0)
		rule_verdict(v, POLICY_ALLOW, s, k->pointer, (size_t)i,
			     OBJ(struct path_rule, *list, i)->reason);
	else
		verdict_default(v, s, k->pointer, "no rule of this list names the path");
}

static void fs_ask(const struct policy *p, const struct fs_list *k, const char *path,
		   struct policy_verdict *out)
{
	for (size_t i = 0; k && i < p->n; i++) {
		struct policy_verdict v;

		fs_ask_source(p->v[i], k, path, &v);
		verdict_strictest(out, &v);
	}
}

void fs_exec_ask(const struct policy *p, const char *path, struct policy_verdict *out)
{
	out->decision = VERDICT_NONE;
	fs_ask(p, fs_list_of("exec"), path, out);
	if (out->decision == VERDICT_NONE)
		verdict_set(out, POLICY_DENY, NULL, "", "no source allows it");
}

/* ---- changes of the code, by path ---- */

/* A file that lists the tests: it may gain the line of a new one. */
static bool register_ask(const struct source *s, const char *path, struct policy_verdict *v)
{
	const struct objlist *const reg = &s->doc.code.tests.reg;

	for (size_t i = 0; i < reg->n; i++) {
		if (!glob_match(OBJ(struct register_rule, *reg, i)->path, path))
			continue;
		rule_verdict(v, POLICY_ALLOW, s, "/code/tests/register", i,
			     "lines may be added to register the new test");
		return true;
	}
	return false;
}

static void tests_flag(const struct source *s, bool allowed, const char *rule, const char *yes,
		       const char *no, struct policy_verdict *v)
{
	verdict_set(v, allowed ? POLICY_ALLOW : POLICY_DENY, s, rule, allowed ? yes : no);
}

static bool tests_ask(const struct source *s, const char *path, int kind, struct policy_verdict *v)
{
	static const char *const modify[] = {
		[TESTS_NEVER] = "existing tests stay as they are",
		[TESTS_ADDITIONS] = "lines may be added to tests",
		[TESTS_ANY] = "tests may be changed",
	};
	const struct doc_tests *const t = &s->doc.code.tests;
	size_t which;

	if (!strlist_glob(&t->paths, path, &which))
		return false;
	if (kind == CHANGE_ADD && t->has_add)
		tests_flag(s, t->add, "/code/tests/add", "new tests may be added",
			   "no test may be added", v);
	else if (kind == CHANGE_MODIFY && t->has_modify)
		tests_flag(s, t->modify != TESTS_NEVER, "/code/tests/modify", modify[t->modify],
			   modify[TESTS_NEVER], v);
	else if (kind == CHANGE_DELETE && t->has_delete)
		tests_flag(s, t->delete, "/code/tests/delete", "tests may be deleted",
			   "no test may be deleted", v);
	else
		return false;
	return true;
}

static void code_ask_source(const struct source *s, const char *path, int kind, bool own_test,
			    struct policy_verdict *v)
{
	const struct doc_code *const c = &s->doc.code;
	int i;

	v->decision = VERDICT_NONE;
	i = path_list_find(&c->deny, path);
	if (i >= 0) {
		rule_verdict(v, POLICY_DENY, s, "/code/deny", (size_t)i,
			     OBJ(struct path_rule, c->deny, i)->reason);
		return;
	}
	i = path_list_find(&c->sensitive, path);
	if (i >= 0) {
		rule_verdict(v, POLICY_DENY, s, "/code/sensitive", (size_t)i,
			     OBJ(struct path_rule, c->sensitive, i)->reason);
		return;
	}
	if (kind == CHANGE_MODIFY && register_ask(s, path, v))
		return;
	if (tests_ask(s, path, kind, v) && v->decision == POLICY_DENY)
		return;
	if (own_test && kind == CHANGE_ADD && c->tests.has_add) {
		verdict_set(v, c->tests.add ? POLICY_ALLOW : POLICY_DENY, s, "/code/tests/add",
			    c->tests.add ? "the case's new test" : "no test may be added");
		return;
	}
	if (!c->has_allow || own_test)
		return;
	i = path_list_find(&c->allow, path);
	if (i >= 0)
		rule_verdict(v, POLICY_ALLOW, s, "/code/allow", (size_t)i,
			     OBJ(struct path_rule, c->allow, i)->reason);
	else
		verdict_default(v, s, "/code/allow", "no rule of this list names the path");
}

void code_ask(const struct policy *p, const char *path, int kind, bool own_test,
	      struct policy_verdict *out)
{
	for (size_t i = 0; i < p->n; i++) {
		struct policy_verdict v;

		code_ask_source(p->v[i], path, kind, own_test, &v);
		verdict_strictest(out, &v);
	}
}

/* A dependency file or a public interface, when only its path is known: the strictest of what may
 * happen in it. */
static void contents_ask(const struct policy *p, const char *path, int kind,
			 struct policy_verdict *out)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct doc_code *const c = &p->v[i]->doc.code;
		const struct doc_dependencies *const d = &c->dependencies;
		struct policy_verdict v;
		size_t which;

		if (strlist_glob(&d->manifests, path, &which)) {
			const bool any = kind == CHANGE_MODIFY;

			if (d->has_add && (any || kind == CHANGE_ADD)) {
				verdict_set(&v, strict_decision(d->add), p->v[i],
					    "/code/dependencies/add", "a dependency file");
				verdict_strictest(out, &v);
			}
			if (d->has_upgrade && any) {
				verdict_set(&v, strict_decision(d->upgrade), p->v[i],
					    "/code/dependencies/upgrade", "a dependency file");
				verdict_strictest(out, &v);
			}
			if (d->has_remove && (any || kind == CHANGE_DELETE)) {
				verdict_set(&v, strict_decision(d->remove), p->v[i],
					    "/code/dependencies/remove", "a dependency file");
				verdict_strictest(out, &v);
			}
		}
		if (c->api.has_change && strlist_glob(&c->api.paths, path, &which)) {
			const bool deny = c->api.change == API_DENY ||
					  (c->api.change == API_ADDITIVE && kind == CHANGE_DELETE);

			verdict_set(&v, deny ? POLICY_DENY : POLICY_ALLOW, p->v[i],
				    "/code/public_api/change", "part of the public interface");
			verdict_strictest(out, &v);
		}
	}
}

/* ---- commands, network ---- */

static void command_ask(const struct policy *p, const char *const *argv, size_t n,
			struct policy_verdict *out)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct doc *const d = &p->v[i]->doc;
		struct policy_verdict best = { .decision = VERDICT_NONE }, v;

		for (size_t k = 0; k < d->commands.n; k++) {
			const struct command_rule *const rule =
				OBJ(struct command_rule, d->commands, k);

			if (!command_matches(rule, argv, n))
				continue;
			rule_verdict(&v, strict_decision(rule->decision), p->v[i], "/commands", k,
				     rule->reason);
			verdict_strictest(&best, &v);
		}
		if (best.decision == VERDICT_NONE && d->has_commands_default)
			verdict_set(&best, strict_decision(d->commands_default), p->v[i],
				    "/commands_default", "no rule names this command");
		else if (best.decision == VERDICT_NONE && d->has_commands)
			verdict_default(&best, p->v[i], "/commands", "no rule names this command");
		verdict_strictest(out, &best);
	}
}

void commands_ask(const struct policy *p, const char *const *argv, size_t n,
		  struct policy_verdict *out)
{
	out->decision = VERDICT_NONE;
	command_ask(p, argv, n, out);
	if (out->decision == VERDICT_NONE)
		verdict_set(out, POLICY_DENY, NULL, "", "no source allows it");
}

static bool is_loopback(const char *host, size_t n)
{
	static const char *const names[] = { "localhost", "127.0.0.1", "[::1]" };

	for (size_t i = 0; i < 3; i++)
		if (strlen(names[i]) == n && strncmp(names[i], host, n) == 0)
			return true;
	return false;
}

static void reach_source(const struct source *s, const char *host, size_t n,
			 struct policy_verdict *v)
{
	const struct doc_network *const net = &s->doc.net;

	v->decision = VERDICT_NONE;
	if (is_loopback(host, n)) {
		if (net->has_loopback)
			verdict_set(v, net->loopback ? POLICY_ALLOW : POLICY_DENY, s,
				    "/network/loopback", "the replica's own loopback");
		return;
	}
	if (!net->has_backing)
		return;
	for (size_t i = 0; i < net->backing.n; i++) {
		if (strlen(net->backing.v[i]) != n || strncmp(net->backing.v[i], host, n) != 0)
			continue;
		rule_verdict(v, POLICY_ALLOW, s, "/network/backing", i, "a backing service");
		return;
	}
	verdict_default(v, s, "/network/backing", "not a backing service of this list");
}

static void reach_ask(const struct policy *p, const char *target, struct policy_verdict *out)
{
	const char *const colon = strrchr(target, ':');
	const size_t n = colon ? (size_t)(colon - target) : strlen(target);

	for (size_t i = 0; i < p->n; i++) {
		struct policy_verdict v;

		reach_source(p->v[i], target, n, &v);
		verdict_strictest(out, &v);
	}
}

/* ---- questions ---- */

static int one_argument(const char *what, size_t n, struct err *e)
{
	return n == 1 ? 0 : err_set(e, EINVAL, "'%s' takes one argument, not %zu", what, n);
}

static int change_kind_of(const char *what)
{
	static const char *const names[] = { "add", "patch", "delete" };
	static const int kinds[] = { CHANGE_ADD, CHANGE_MODIFY, CHANGE_DELETE };

	for (size_t i = 0; i < 3; i++)
		if (strcmp(names[i], what) == 0)
			return kinds[i];
	return -1;
}

static int ask_one(const struct policy *p, const char *what, const char *arg,
		   struct policy_verdict *out, struct err *e)
{
	const struct fs_list *const list = fs_list_of(what);
	const int kind = change_kind_of(what);
	const char *why = NULL;

	if (list) {
		if (arg[0] != '/' && arg[0] != '@')
			return err_set(e, EINVAL,
				       "'%.128s': a path begins with '/', '@image', "
				       "'@repo', '@build' or '@tmp'",
				       arg);
		why = glob_check(arg);
		if (why || !glob_is_literal(arg))
			return err_set(e, EINVAL, "'%.128s': %s", arg,
				       why ? why : "ask about one path, without wildcards");
		fs_ask(p, list, arg, out);
	} else if (kind >= 0) {
		if (!path_is_clean(arg))
			return err_set(e, EINVAL, "'%.128s' is not a path within the repository",
				       arg);
		code_ask(p, arg, kind, false, out);
		contents_ask(p, arg, kind, out);
	} else if (strcmp(what, "syscall") == 0) {
		return syscall_ask(p, arg, out, e);
	} else if (strcmp(what, "reach") == 0) {
		reach_ask(p, arg, out);
	} else {
		return err_set(e, EINVAL,
			       "'%.32s' is not a question; ask read, write, exec, "
			       "syscall, patch, add, delete or reach",
			       what);
	}
	return 0;
}

int policy_ask(const struct policy *p, const char *what, const char *const *args, size_t n,
	       struct policy_verdict *out, struct err *e)
{
	struct policy_verdict best = { .decision = VERDICT_NONE };
	int r;

	if (strcmp(what, "exec") == 0) {
		if (n == 0)
			return err_set(e, EINVAL, "'exec' takes a command");
		command_ask(p, args, n, &best);
		if (args[0][0] == '/' || args[0][0] == '@')
			fs_ask(p, fs_list_of("exec"), args[0], &best);
	} else {
		r = one_argument(what, n, e);
		if (r == 0)
			r = ask_one(p, what, args[0], &best, e);
		if (r < 0)
			return r;
	}
	if (best.decision == VERDICT_NONE) {
		verdict_set(&best, POLICY_DENY, NULL, "", "no source allows it");
		(void)snprintf(best.place, sizeof(best.place), "%s", jsonc_name(p->v[0]->json));
	}
	*out = best;
	return 0;
}
