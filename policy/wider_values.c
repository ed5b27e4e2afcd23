/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "policy/wider_impl.h"
#include "runtime/sandbox/seccomp.h"

/* Names out of finite sets, asked one by one, and numbers. */

/* ---- names ---- */

static int ask_both(const struct comparison *c, const char *what, const char *name, struct err *e)
{
	struct policy_verdict in_a, in_b;
	int r = policy_ask(c->a, what, &name, 1, &in_a, e);

	if (r == 0)
		r = policy_ask(c->b, what, &name, 1, &in_b, e);
	if (r < 0 || wider_rank(&in_b) <= wider_rank(&in_a))
		return r;
	return wider_verdicts(c, e, what, name, &in_a, &in_b) < 0 ? -e->code : 1;
}

/* The first call of B's lists, or of the groups, that goes further; calls in no list and no group
 * are refused by both. */
static int compare_calls(const struct comparison *c, struct err *e)
{
	const char *const *const groups = seccomp_groups();
	int r = 0;

	for (size_t g = 0; r == 0 && groups[g]; g++) {
		const char *const *const calls = seccomp_group(groups[g]);

		for (size_t i = 0; r == 0 && calls[i]; i++)
			r = ask_both(c, "syscall", calls[i], e);
	}
	for (size_t s = 0; r == 0 && s < c->b->n; s++) {
		const struct doc_syscalls *const d = &c->b->v[s]->doc.syscalls;
		const struct strlist *const lists[] = { &d->allow, &d->notify };

		for (size_t k = 0; r == 0 && k < 2; k++)
			for (size_t i = 0; r == 0 && i < lists[k]->n; i++)
				if (lists[k]->v[i][0] != '@')
					r = ask_both(c, "syscall", lists[k]->v[i], e);
	}
	return r < 0 ? r : 0;
}

typedef bool names_fn(const struct policy *p, const char *name);

static bool has_device(const struct policy *p, const char *name)
{
	bool named = false;

	for (size_t i = 0; i < p->n; i++) {
		if (!p->v[i]->doc.has_devices)
			continue;
		if (!strlist_has(&p->v[i]->doc.devices, name))
			return false;
		named = true;
	}
	return named;
}

static bool passes_variable(const struct policy *p, const char *name)
{
	bool named = false;

	for (size_t i = 0; i < p->n; i++) {
		const struct doc_environment *const v = &p->v[i]->doc.env;

		if (!v->has_pass)
			continue;
		if (!strlist_has(&v->pass, name) && !strlist_has(&v->pass, "*"))
			return false;
		named = true;
	}
	return named;
}

static bool reaches_loopback(const struct policy *p, const char *name)
{
	struct policy_verdict v;
	struct err e = ERR_INIT;

	return policy_ask(p, "reach", &name, 1, &v, &e) == 0 && wider_rank(&v) > 0;
}

static bool weakens(const struct policy *p, const char *name)
{
	(void)name;
	return !policy_weakening_denied(p, NULL);
}

/* 1: a row was made. */
static int compare_name(const struct comparison *c, const char *what, names_fn *allowed,
			const char *name, struct err *e)
{
	if (!allowed(c->b, name) || allowed(c->a, name))
		return 0;
	return wider_row(c, e, what, name, "deny", "allow") < 0 ? -e->code : 1;
}

static int compare_names(const struct comparison *c, const char *what, names_fn *allowed,
			 size_t list, struct err *e)
{
	int r = 0;

	for (size_t s = 0; r == 0 && s < c->b->n; s++) {
		const struct strlist *const l =
			(const void *)((const char *)&c->b->v[s]->doc + list);

		for (size_t i = 0; r == 0 && i < l->n; i++) {
			/* "*" passes whatever there is: a name that no list holds stands for it */
			const bool any = strcmp(l->v[i], "*") == 0;

			r = compare_name(c, what, allowed, any ? "ANOTHER_VARIABLE" : l->v[i], e);
		}
	}
	return r < 0 ? r : 0;
}

static int compare_sets(const struct comparison *c, struct err *e)
{
	int r = compare_names(c, "/devices", has_device, offsetof(struct doc, devices), e);

	if (r == 0)
		r = compare_names(c, "/network/backing", policy_backing_allowed,
				  offsetof(struct doc, net.backing), e);
	if (r == 0)
		r = compare_names(c, "/model/allow", policy_model_allowed,
				  offsetof(struct doc, model.allow), e);
	if (r == 0)
		r = compare_names(c, "/environment/pass", passes_variable,
				  offsetof(struct doc, env.pass), e);
	if (r == 0)
		r = compare_name(c, "/network/loopback", reaches_loopback, "localhost", e);
	if (r >= 0)
		r = compare_name(c, "/code/weakening", weakens, "a check that is removed", e);
	return r < 0 ? r : 0;
}

/* ---- numbers and words with an order ---- */

enum number_kind { NUMBER_U64, NUMBER_INT, NUMBER_REAL };

#define NUMBER(k, path, member, has)                                                         \
	{                                                                                    \
		path, k, offsetof(struct doc, member), offsetof(struct doc, has), NULL, NULL \
	}
#define WORD(path, member, has, strict, loose)                                                     \
	{                                                                                          \
		path, NUMBER_INT, offsetof(struct doc, member), offsetof(struct doc, has), strict, \
			loose                                                                      \
	}
static const struct number {
	const char *path;
	int kind;
	size_t at, has;
	const char *strict, *loose; /* the words of NUMBER_INT; unstated is the strict one */
} numbers[] = {
	NUMBER(NUMBER_U64, "/code/max_files", code.max_files, code.has_max_files),
	NUMBER(NUMBER_U64, "/code/max_changed_lines", code.max_changed_lines,
	       code.has_max_changed_lines),
	NUMBER(NUMBER_U64, "/code/max_file_bytes", code.max_file_bytes, code.has_max_file_bytes),
	WORD("/code/file_types/symlinks", code.types.symlinks, code.types.has_symlinks, "deny",
	     "allow-inside"),
	WORD("/code/file_types/binaries", code.types.binaries, code.types.has_binaries, "deny",
	     "allow"),
	WORD("/code/file_types/mode_changes", code.types.mode_changes, code.types.has_mode_changes,
	     "deny", "allow"),
	WORD("/code/file_types/renames", code.types.renames, code.types.has_renames, "deny",
	     "allow"),
	WORD("/syscalls/default", syscalls.action, syscalls.has_action, "kill", "errno"),
	NUMBER(NUMBER_REAL, "/resources/cpus", resources.cpus, resources.has_cpus),
	NUMBER(NUMBER_U64, "/resources/memory", resources.memory, resources.has_memory),
	NUMBER(NUMBER_U64, "/resources/swap", resources.swap, resources.has_swap),
	NUMBER(NUMBER_U64, "/resources/pids", resources.pids, resources.has_pids),
	NUMBER(NUMBER_U64, "/resources/disk", resources.disk, resources.has_disk),
	NUMBER(NUMBER_U64, "/resources/inodes", resources.inodes, resources.has_inodes),
	NUMBER(NUMBER_U64, "/resources/open_files", resources.open_files, resources.has_open_files),
	NUMBER(NUMBER_U64, "/resources/wall", resources.wall, resources.has_wall),
	NUMBER(NUMBER_U64, "/resources/idle", resources.idle, resources.has_idle),
	NUMBER(NUMBER_U64, "/resources/output", resources.output, resources.has_output),
	NUMBER(NUMBER_U64, "/model/max_input_tokens", model.max_input_tokens, model.has_input),
	NUMBER(NUMBER_U64, "/model/max_output_tokens", model.max_output_tokens, model.has_output),
	NUMBER(NUMBER_U64, "/model/max_turns", model.max_turns, model.has_turns),
	NUMBER(NUMBER_U64, "/model/max_tool_calls", model.max_tool_calls, model.has_calls),
};
#undef NUMBER
#undef WORD

/* The least value that a source states, in thousandths where it is a real number. */
static bool least(const struct policy *p, const struct number *n, uint64_t *out)
{
	bool stated = false;

	for (size_t i = 0; i < p->n; i++) {
		const char *const doc = (const char *)&p->v[i]->doc;
		const void *const at = doc + n->at;
		uint64_t v;

		if (!*(const bool *)(doc + n->has))
			continue;
		v = n->kind == NUMBER_U64   ? *(const uint64_t *)at
		    : n->kind == NUMBER_INT ? (uint64_t) * (const int *)at
					    : (uint64_t)(*(const double *)at * 1000 + 0.5);
		if (!stated || v < *out)
			*out = v;
		stated = true;
	}
	return stated;
}

static void number_words(const struct number *n, bool stated, uint64_t v, char *out, size_t size)
{
	if (n->kind == NUMBER_INT)
		(void)snprintf(out, size, "%s", v ? n->loose : n->strict);
	else if (!stated)
		(void)snprintf(out, size, "unlimited");
	else if (n->kind == NUMBER_REAL)
		(void)snprintf(out, size, "%" PRIu64 ".%03" PRIu64, v / 1000, v % 1000);
	else
		(void)snprintf(out, size, "%" PRIu64, v);
}

static int compare_number(const struct comparison *c, const struct number *n, struct err *e)
{
	uint64_t a = 0, b = 0;
	const bool in_a = least(c->a, n, &a), in_b = least(c->b, n, &b);
	char as[64], bs[64], witness[64];
	bool wider;

	if (n->kind == NUMBER_INT)
		wider = b > a;
	else
		wider = in_a && (!in_b || b > a);
	if (!wider)
		return 0;
	number_words(n, in_a, a, as, sizeof(as));
	number_words(n, in_b, b, bs, sizeof(bs));
	/* what B allows: its own bound, or the next number after A's */
	number_words(n, true, in_b ? b : a + 1, witness, sizeof(witness));
	return wider_row(c, e, n->path, witness, as, bs);
}

static int compare_cost(const struct comparison *c, struct err *e)
{
	struct policy_budget a, b;

	policy_budget(c->a, &a);
	policy_budget(c->b, &b);
	if (!a.max_cost_usd[0] ||
	    (b.max_cost_usd[0] && strtod(b.max_cost_usd, NULL) <= strtod(a.max_cost_usd, NULL)))
		return 0;
	return wider_row(c, e, "/model/max_cost_usd", b.max_cost_usd[0] ? b.max_cost_usd : "any",
			 a.max_cost_usd, b.max_cost_usd[0] ? b.max_cost_usd : "unlimited");
}

/* ---- what a document adds to hide or to bound ---- */

static bool redacts(const struct policy *p, const char *regex)
{
	for (size_t i = 0; i < p->n; i++)
		for (size_t k = 0; k < p->v[i]->doc.env.redact.n; k++)
			if (strcmp(OBJ(struct redact_rule, p->v[i]->doc.env.redact, k)->regex,
				   regex) == 0)
				return true;
	return false;
}

static bool has_marker(const struct policy *p, const char *marker)
{
	for (size_t i = 0; i < p->n; i++)
		if (strlist_has(&p->v[i]->doc.code.tests.skip_markers, marker))
			return true;
	return false;
}

static int compare_hidden(const struct comparison *c, const struct doc *d, struct err *e)
{
	int r = 0;

	for (size_t k = 0; r == 0 && k < d->env.redact.n; k++) {
		const char *const regex = OBJ(struct redact_rule, d->env.redact, k)->regex;

		if (redacts(c->b, regex))
			continue;
		r = wider_row(c, e, "/environment/redact", regex, "hides it", "does not hide it");
		break;
	}
	for (size_t k = 0; r == 0 && k < d->code.tests.skip_markers.n; k++) {
		const char *const marker = d->code.tests.skip_markers.v[k];

		if (has_marker(c->b, marker))
			continue;
		r = wider_row(c, e, "/code/tests/skip_markers", marker, "deny", "allow");
		break;
	}
	return r;
}

static const struct tmpfs_rule *find_tmpfs(const struct policy *p, const char *path,
					   struct tmpfs_rule *out)
{
	bool found = false;

	for (size_t i = 0; i < p->n; i++) {
		for (size_t k = 0; k < p->v[i]->doc.fs.tmpfs.n; k++) {
			const struct tmpfs_rule *const t =
				OBJ(struct tmpfs_rule, p->v[i]->doc.fs.tmpfs, k);

			if (strcmp(fs_plain(t->path), fs_plain(path)) != 0)
				continue;
			out->size = found && out->size < t->size ? out->size : t->size;
			out->exec = t->exec && (!found || out->exec);
			found = true;
		}
	}
	return found ? out : NULL;
}

/* A place in memory bounds what is written there, and whether it is executed. */
static int compare_tmpfs(const struct comparison *c, const struct doc *d, struct err *e)
{
	for (size_t k = 0; k < d->fs.tmpfs.n; k++) {
		const char *const path = OBJ(struct tmpfs_rule, d->fs.tmpfs, k)->path;
		struct tmpfs_rule a, b;
		const struct tmpfs_rule *const in_a = find_tmpfs(c->a, path, &a);
		const struct tmpfs_rule *const in_b = find_tmpfs(c->b, path, &b);

		if (!in_a || (in_b && b.size <= a.size && (a.exec || !b.exec)))
			continue;
		if (wider_row(c, e, "/filesystem/tmpfs", path, "bounded here",
			      in_b ? "a larger or executable one" : "not a place of its own") < 0)
			return -e->code;
		break;
	}
	return 0;
}

int wider_values(const struct comparison *c, struct err *e)
{
	int r = compare_calls(c, e);

	if (r == 0)
		r = compare_sets(c, e);
	for (size_t i = 0; r == 0 && i < sizeof(numbers) / sizeof(numbers[0]); i++)
		r = compare_number(c, &numbers[i], e);
	if (r == 0)
		r = compare_cost(c, e);
	for (size_t i = 0; r == 0 && i < c->a->n; i++) {
		r = compare_hidden(c, &c->a->v[i]->doc, e);
		if (r == 0)
			r = compare_tmpfs(c, &c->a->v[i]->doc, e);
	}
	return r;
}
