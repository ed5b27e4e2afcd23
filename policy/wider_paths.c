/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "policy/globset.h"
#include "policy/wider_impl.h"

/*
 * Theory of operation: what a policy allows of a path is a list of clauses
 * over sets of patterns, all of which must hold: no source refuses it, each
 * list that a source states names it, some source says yes.  B allows what A
 * does not where all of B's clauses hold and one of A's does not, so each of
 * A's clauses is one search.  What a clause shares with B is left out first:
 * policies that stand on the same presets differ in few patterns.
 */
#define GROUPS_MAX 128

struct group {
	struct strlist l;
	struct globset *s;
};

struct clause {
	struct group *no, *yes;
};

struct form {
	struct group g[GROUPS_MAX];
	struct clause c[GROUPS_MAX];
	size_t n, n_clauses;
	struct group *refused, *named; /* by any source */
	int failed;		       /* -errno */
};

struct question_kind {
	const char *what;
	int kind;	  /* enum change_kind; -1: a file of the replica */
	bool own;	  /* the case's own new test */
	bool asked;	  /* policy_ask() knows it; else it is put as a change of text */
	bool loses_lines; /* of the text that was there */
	const char *old_text, *new_text;
};

static const struct question_kind kinds[] = {
	{ .what = "read", .kind = -1, .asked = true },
	{ .what = "write", .kind = -1, .asked = true },
	{ .what = "exec", .kind = -1 },
	{ .what = "patch", .kind = CHANGE_MODIFY, .asked = true },
	{ .what = "add", .kind = CHANGE_ADD, .asked = true },
	{ .what = "delete", .kind = CHANGE_DELETE, .asked = true },
	{ .what = "add the case's test", .kind = CHANGE_ADD, .own = true, .new_text = "x\n" },
	{ .what = "rewrite",
	  .kind = CHANGE_MODIFY,
	  .loses_lines = true,
	  .old_text = "x\n",
	  .new_text = "y\n" },
	{ .what = "drop an assertion",
	  .kind = CHANGE_MODIFY,
	  .loses_lines = true,
	  .old_text = "assert\n",
	  .new_text = "x\n" },
	{ .what = "add a dependency",
	  .kind = CHANGE_MODIFY,
	  .old_text = "#\n",
	  .new_text = "#\nx 1\n" },
	{ .what = "upgrade a dependency",
	  .kind = CHANGE_MODIFY,
	  .loses_lines = true,
	  .old_text = "x 1\n",
	  .new_text = "x 2\n" },
	{ .what = "remove a dependency",
	  .kind = CHANGE_MODIFY,
	  .loses_lines = true,
	  .old_text = "#\nx 1\n",
	  .new_text = "#\n" },
};
enum {
	K_READ,
	K_WRITE,
	K_EXEC,
	K_PATCH,
	K_ADD,
	K_DELETE,
	K_OWN,
	K_REWRITE,
	K_DROP,
	K_DEP_ADD,
	K_DEP_UPGRADE,
	K_DEP_REMOVE,
	K_N
};

/* ---- forms ---- */

static struct group *group_new(struct form *f)
{
	if (f->n == GROUPS_MAX) {
		f->failed = -E2BIG;
		return &f->g[GROUPS_MAX - 1];
	}
	return &f->g[f->n++];
}

static void group_add(struct form *f, struct group *g, const char *pattern)
{
	if (!strlist_has(&g->l, pattern) && strlist_add(&g->l, pattern) < 0)
		f->failed = -ENOMEM;
}

static void group_add_strs(struct form *f, struct group *g, const struct strlist *l)
{
	for (size_t i = 0; i < l->n; i++)
		group_add(f, g, l->v[i]);
}

static void group_add_rules(struct form *f, struct group *g, const struct objlist *l)
{
	for (size_t i = 0; i < l->n; i++)
		group_add(f, g, OBJ(struct path_rule, *l, i)->path);
}

static void group_add_registers(struct form *f, struct group *g, const struct objlist *l)
{
	for (size_t i = 0; i < l->n; i++)
		group_add(f, g, OBJ(struct register_rule, *l, i)->path);
}

/* Both spellings of the image's root are one, and the whole root holds the other places, too. */
static void group_add_places(struct form *f, struct group *g, const struct objlist *l)
{
	for (size_t i = 0; i < l->n; i++) {
		const char *const plain = fs_plain(OBJ(struct path_rule, *l, i)->path);

		group_add(f, g, strcmp(plain, "/**") == 0 ? "**" : plain);
	}
}

static void clause_add(struct form *f, struct group *no, struct group *yes)
{
	if (f->n_clauses == GROUPS_MAX)
		f->failed = -E2BIG;
	else
		f->c[f->n_clauses++] = (struct clause){ no, yes };
}

static void form_release(struct form *f)
{
	for (size_t i = 0; i < f->n; i++) {
		strlist_release(&f->g[i].l);
		globset_free(f->g[i].s);
	}
	free(f);
}
DEFINE_CLEANUP(struct form, form_release);
#define AUTO_FORM CLEANUP(cleanup_form_release)

static void form_files(struct form *f, const struct source *s, int k)
{
	const struct doc_filesystem *const d = &s->doc.fs;
	const struct {
		bool has;
		const struct objlist *l;
	} list[] = { { d->has_read, &d->read },
		     { d->has_write, &d->write },
		     { d->has_exec, &d->exec } };

	group_add_places(f, f->refused, &d->deny);
	if (list[k].has) {
		struct group *const g = group_new(f);

		group_add_places(f, g, list[k].l);
		group_add_places(f, f->named, list[k].l);
		clause_add(f, NULL, g);
	}
}

/* What the source's tests allow of their paths: 1 yes, 0 no, -1 nothing is said. */
static int tests_say(const struct doc_tests *t, int kind)
{
	if (kind == CHANGE_ADD)
		return t->has_add ? t->add : -1;
	if (kind == CHANGE_DELETE)
		return t->has_delete ? t->delete : -1;
	return t->has_modify ? t->modify != TESTS_NEVER : -1;
}

static void form_tests(struct form *f, const struct source *s, int k)
{
	const struct doc_tests *const t = &s->doc.code.tests;
	const int says = tests_say(t, kinds[k].kind);
	struct group *paths, *reg;

	if (says == 1)
		group_add_strs(f, f->named, &t->paths);
	if (kinds[k].own && t->has_add)
		group_add(f, t->add ? f->named : f->refused, "**");
	if (k == K_PATCH && t->reg.n) {
		/* a file that lists tests may gain a line, whatever else is said of tests */
		reg = group_new(f);
		group_add_registers(f, reg, &t->reg);
		group_add_registers(f, f->named, &t->reg);
		if (says == 0) {
			paths = group_new(f);
			group_add_strs(f, paths, &t->paths);
			clause_add(f, paths, reg);
		}
		return;
	}
	if (says == 0)
		group_add_strs(f, f->refused, &t->paths);
	if (!kinds[k].asked && kinds[k].kind == CHANGE_MODIFY)
		group_add_registers(f, f->refused, &t->reg);
	if (kinds[k].loses_lines && t->has_modify && t->modify == TESTS_ADDITIONS)
		group_add_strs(f, f->refused, &t->paths);
	if (k == K_DROP && t->has_min_assertions && t->min_assertions == 0)
		group_add_strs(f, f->refused, &t->paths);
}

static void form_dependencies(struct form *f, const struct doc_dependencies *d, int k)
{
	const struct {
		bool has, applies;
		int rule;
	} row[] = {
		{ d->has_add, k == K_PATCH || k == K_ADD || k == K_OWN || k == K_DEP_ADD, d->add },
		{ d->has_upgrade,
		  k == K_PATCH || k == K_DEP_UPGRADE || k == K_REWRITE || k == K_DROP, d->upgrade },
		{ d->has_remove,
		  k == K_PATCH || k == K_DELETE || k == K_DEP_REMOVE || k == K_REWRITE ||
			  k == K_DROP,
		  d->remove },
	};

	for (size_t i = 0; i < 3; i++) {
		if (!row[i].applies || (kinds[k].asked && !row[i].has))
			continue;
		if (!row[i].has || row[i].rule != STRICT_ALLOW)
			group_add_strs(f, f->refused, &d->manifests);
		else if (kinds[k].asked)
			group_add_strs(f, f->named, &d->manifests);
	}
	/* a rewritten line may be about a new dependency as well */
	if ((k == K_REWRITE || k == K_DROP) && !(d->has_add && d->add == STRICT_ALLOW))
		group_add_strs(f, f->refused, &d->manifests);
}

static void form_contents(struct form *f, const struct source *s, int k)
{
	const struct doc_api *const api = &s->doc.code.api;
	const bool loses = kinds[k].loses_lines || k == K_DELETE;

	form_dependencies(f, &s->doc.code.dependencies, k);
	if (kinds[k].asked && !api->has_change)
		return;
	if (api->change == API_DENY || (api->change == API_ADDITIVE && loses))
		group_add_strs(f, f->refused, &api->paths);
	else if (kinds[k].asked)
		group_add_strs(f, f->named, &api->paths);
}

static void form_masks(struct form *f, const struct source *s)
{
	for (size_t i = 0; i < s->doc.fs.mask.n; i++)
		group_add(f, f->refused,
			  OBJ(struct mask_rule, s->doc.fs.mask, i)->path + strlen("@repo/"));
}

static void form_code(struct form *f, const struct source *s, int k)
{
	const struct doc_code *const c = &s->doc.code;

	group_add_rules(f, f->refused, &c->deny);
	group_add_rules(f, f->refused, &c->sensitive);
	form_tests(f, s, k);
	form_contents(f, s, k);
	if (!kinds[k].asked)
		form_masks(f, s);
	if (c->has_allow && !kinds[k].own) {
		struct group *const g = group_new(f);

		group_add_rules(f, g, &c->allow);
		group_add_rules(f, f->named, &c->allow);
		if (k == K_PATCH)
			group_add_registers(f, g, &c->tests.reg);
		clause_add(f, NULL, g);
	}
}

static int group_compile(struct group *g)
{
	int r = 0;

	g->s = globset_new();
	for (size_t i = 0; g->s && r == 0 && i < g->l.n; i++)
		r = globset_add(g->s, g->l.v[i]);
	return g->s ? r : -ENOMEM;
}

static int form_of(const struct policy *p, int k, struct form **out, struct err *e)
{
	AUTO_FORM struct form *f = calloc(1, sizeof(*f));

	if (!f)
		return err_set(e, ENOMEM, "out of memory");
	f->refused = group_new(f);
	f->named = group_new(f);
	clause_add(f, f->refused, NULL);
	clause_add(f, NULL, f->named);
	for (size_t i = 0; i < p->n; i++) {
		if (kinds[k].kind < 0)
			form_files(f, p->v[i], k);
		else
			form_code(f, p->v[i], k);
	}
	for (size_t i = 0; f->failed == 0 && i < f->n; i++)
		f->failed = group_compile(&f->g[i]);
	if (f->failed)
		return err_set(e, -f->failed, "comparing policies: %s",
			       f->failed == -ENOMEM ? "out of memory" : "too many patterns");
	*out = take_ptr(f);
	return 0;
}

/* ---- an answer, as the rest of the floor gives it ---- */

static int probe_change(const struct policy *p, int k, const char *path, struct policy_verdict *v,
			struct err *e)
{
	const struct question_kind *const q = &kinds[k];
	struct change ch = {
		.path = (char *)(uintptr_t)path,
		.kind = q->kind,
		.type = CHANGE_FILE,
		.old_type = q->old_text ? CHANGE_FILE : -1,
		.old_data = (char *)(uintptr_t)q->old_text,
		.old_len = q->old_text ? strlen(q->old_text) : 0,
		.new_data = (char *)(uintptr_t)q->new_text,
		.new_len = strlen(q->new_text),
	};
	const struct changes c = { .v = &ch, .n = 1 };

	return policy_check_changes(p, &c, q->own ? path : NULL, v, e);
}

static int probe(const struct policy *p, int k, const char *path, struct policy_verdict *v,
		 struct err *e)
{
	if (kinds[k].asked)
		return policy_ask(p, kinds[k].what, &path, 1, v, e);
	if (kinds[k].kind >= 0)
		return probe_change(p, k, path, v, e);
	fs_exec_ask(p, path, v);
	return 0;
}

/* ---- comparing ---- */

static bool all_within(const struct strlist *l, const struct strlist *in)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strlist_has(in, l->v[i]))
			return false;
	return true;
}

/* A's clause holds wherever B's do, by the text of the patterns alone. */
static bool implied(const struct form *b, const struct clause *c)
{
	for (size_t i = 0; i < b->n_clauses; i++) {
		const struct clause *const o = &b->c[i];

		if (!c->no && !o->no && all_within(&o->yes->l, &c->yes->l))
			return true;
		if (c->no && o->no && all_within(&c->no->l, &o->no->l) &&
		    (!o->yes || (c->yes && all_within(&o->yes->l, &c->yes->l))))
			return true;
	}
	return false;
}

/* What A refuses and B does not refuse by the very same pattern. */
static int only_in(const struct group *a, const struct group *b, struct group *out)
{
	for (size_t i = 0; i < a->l.n; i++)
		if (!strlist_has(&b->l, a->l.v[i]) && strlist_add(&out->l, a->l.v[i]) < 0)
			return -ENOMEM;
	return group_compile(out);
}

/* A path where B's clauses hold and this one of A does not. */
static int search_clause(const struct form *b, const struct clause *c, int domain, char *path,
			 struct err *e)
{
	struct globset_clause all[GROUPS_MAX + 2];
	struct group rest = { 0 };
	size_t n = 0;
	int r = 0;

	for (; n < b->n_clauses; n++)
		all[n] = (struct globset_clause){ b->c[n].no ? b->c[n].no->s : NULL,
						  b->c[n].yes ? b->c[n].yes->s : NULL };
	if (c->no) {
		if (only_in(c->no, b->refused, &rest) < 0)
			r = err_set(e, ENOMEM, "out of memory");
		all[n++] = (struct globset_clause){ .yes = rest.s };
	}
	if (c->yes)
		all[n++] = (struct globset_clause){ .no = c->yes->s };
	if (r == 0)
		r = globset_search(all, n, domain, path, e);
	strlist_release(&rest.l);
	globset_free(rest.s);
	return r;
}

/* The search and the decisions are two pieces of code: a row needs the word of both. */
static int report(const struct comparison *c, int k, const char *path, struct err *e)
{
	struct policy_verdict in_a, in_b;
	int r = probe(c->a, k, path, &in_a, e);

	if (r == 0)
		r = probe(c->b, k, path, &in_b, e);
	if (r < 0)
		return r;
	if (wider_rank(&in_b) > wider_rank(&in_a))
		return wider_verdicts(c, e, kinds[k].what, path, &in_a, &in_b) < 0 ? -e->code : 1;
	/* limits of size are compared as numbers: no change at all may fit in them */
	if (strncmp(in_b.rule, "/code/max_", 10) == 0)
		return 0;
	return err_set(e, EPROTO, "comparing policies: '%.200s' of '%s' is decided in two ways",
		       path, kinds[k].what);
}

static int compare_kind(const struct comparison *c, int k, struct err *e)
{
	const int domain = kinds[k].kind < 0 ? GLOBSET_REPLICA : GLOBSET_CODE;
	AUTO_FORM struct form *a = NULL;
	AUTO_FORM struct form *b = NULL;
	char path[GLOBSET_PATH_MAX];
	int r = form_of(c->a, k, &a, e);

	if (r == 0)
		r = form_of(c->b, k, &b, e);
	for (size_t i = 0; r == 0 && i < a->n_clauses; i++) {
		if (implied(b, &a->c[i]))
			continue;
		r = search_clause(b, &a->c[i], domain, path, e);
		if (r == 1)
			r = report(c, k, path, e);
	}
	return r < 0 ? r : 0;
}

/* ---- masks ---- */

static int compare_mask(const struct comparison *c, const struct mask_rule *m, struct err *e)
{
	AUTO_FORM struct form *f = calloc(1, sizeof(*f));
	struct globset_clause all[2];
	char path[GLOBSET_PATH_MAX], in_a[300];
	struct group *theirs, *ours;
	int r;

	if (!f)
		return err_set(e, ENOMEM, "out of memory");
	theirs = group_new(f);
	ours = group_new(f);
	group_add(f, ours, m->path + strlen("@repo/"));
	for (size_t i = 0; i < c->b->n; i++) {
		const struct objlist *const l = &c->b->v[i]->doc.fs.mask;

		for (size_t k = 0; k < l->n; k++)
			if (strcmp(OBJ(struct mask_rule, *l, k)->pattern, m->pattern) == 0)
				group_add(f, theirs,
					  OBJ(struct mask_rule, *l, k)->path + strlen("@repo/"));
	}
	if (f->failed || group_compile(theirs) < 0 || group_compile(ours) < 0)
		return err_set(e, ENOMEM, "out of memory");
	all[0] = (struct globset_clause){ .yes = ours->s };
	all[1] = (struct globset_clause){ .no = theirs->s };
	r = globset_search(all, 2, GLOBSET_CODE, path, e);
	(void)snprintf(in_a, sizeof(in_a), "hides %.256s", m->pattern);
	if (r == 1)
		r = wider_row(c, e, "/filesystem/mask", path, in_a, "does not hide it");
	return r;
}

int wider_paths(const struct comparison *c, struct err *e)
{
	int r = 0;

	for (int k = 0; r == 0 && k < K_N; k++)
		r = compare_kind(c, k, e);
	for (size_t i = 0; r == 0 && i < c->a->n; i++)
		for (size_t k = 0; r == 0 && k < c->a->v[i]->doc.fs.mask.n; k++)
			r = compare_mask(c, OBJ(struct mask_rule, c->a->v[i]->doc.fs.mask, k), e);
	return r;
}
