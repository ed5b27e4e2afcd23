/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "policy/glob.h"
#include "policy/source.h"

/*
 * The policy as a spec of the sandbox.  Lists are intersected here, once the
 * places are known: a path rule stays where every source that states the list
 * covers it.  Everything that the spec points to is held by the result.
 */
struct policy_compiled {
	struct seccomp_spec seccomp;
	struct sandbox_path_rule *rules;
	size_t n_rules;
	struct sandbox_tmpfs *tmpfs;
	size_t n_tmpfs;
	struct strlist hidden, devices, env;
};

void policy_compiled_free(struct policy_compiled *c)
{
	if (!c)
		return;
	policy_seccomp_release(&c->seccomp);
	for (size_t i = 0; i < c->n_rules; i++)
		free(c->rules[i].path);
	for (size_t i = 0; i < c->n_tmpfs; i++)
		free(c->tmpfs[i].path);
	free(c->rules);
	free(c->tmpfs);
	strlist_release(&c->hidden);
	strlist_release(&c->devices);
	strlist_release(&c->env);
	free(c);
}

static int no_memory(struct err *e)
{
	return err_set(e, ENOMEM, "policy: out of memory");
}

/* ---- places ---- */

static const char *place_of(const struct policy_places *at, const char *path, size_t *skip)
{
	const struct {
		const char *name, *root;
	} rows[] = {
		{ "@image", at->image },
		{ "@repo", at->repo },
		{ "@build", at->build },
		{ "@tmp", at->tmp },
	};

	for (size_t i = 0; i < 4; i++) {
		*skip = strlen(rows[i].name);
		if (strncmp(path, rows[i].name, *skip) == 0)
			return rows[i].root;
	}
	*skip = 0;
	return "";
}

/* The absolute path behind a rule; for "DIR" with all beneath it, DIR.  NULL in *out: the place is
 * not there. */
static int resolve(const struct policy_places *at, const char *rule, char **out, bool *tree)
{
	size_t skip, n;
	const char *const root = place_of(at, rule, &skip);
	char *path;

	*out = NULL;
	*tree = glob_is_tree(rule) || strcmp(fs_plain(rule), "/**") == 0;
	if (!root)
		return 0;
	if (asprintf(&path, "%s%s", strcmp(root, "/") == 0 ? "" : root, rule + skip) < 0)
		return -ENOMEM;
	n = strlen(path);
	if (*tree)
		path[n -= 3] = '\0';
	if (n == 0)
		memcpy(path, "/", 2); /* at least "/" and "**" stood there */
	*out = path;
	return 0;
}

static bool beneath(const char *dir, const char *path)
{
	const size_t n = strlen(dir);

	if (strcmp(dir, "/") == 0)
		return true;
	return strncmp(dir, path, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* Whether a list of one source covers the path (and, for a tree, all beneath it). */
static int covers(const struct policy_places *at, const struct objlist *l, const char *path,
		  bool tree, bool *yes)
{
	*yes = false;
	for (size_t i = 0; !*yes && i < l->n; i++) {
		AUTO_FREE char *dir = NULL;
		bool whole;

		if (resolve(at, OBJ(struct path_rule, *l, i)->path, &dir, &whole) < 0)
			return -ENOMEM;
		if (!dir)
			continue;
		*yes = whole ? beneath(dir, path) : !tree && strcmp(dir, path) == 0;
	}
	return 0;
}

/* ---- Landlock ---- */

static const struct access_list {
	unsigned access;
	size_t list, has;
} access_lists[] = {
	{ SANDBOX_READ, offsetof(struct doc_filesystem, read),
	  offsetof(struct doc_filesystem, has_read) },
	{ SANDBOX_WRITE, offsetof(struct doc_filesystem, write),
	  offsetof(struct doc_filesystem, has_write) },
	{ SANDBOX_EXEC, offsetof(struct doc_filesystem, exec),
	  offsetof(struct doc_filesystem, has_exec) },
};

static const struct objlist *list_of(const struct source *s, const struct access_list *a)
{
	const char *const f = (const char *)&s->doc.fs;

	return *(const bool *)(f + a->has) ? (const void *)(f + a->list) : NULL;
}

static int add_rule(struct policy_compiled *c, const char *path, unsigned access)
{
	struct sandbox_path_rule *v;

	for (size_t i = 0; i < c->n_rules; i++) {
		if (strcmp(c->rules[i].path, path) == 0) {
			c->rules[i].access |= access;
			return 0;
		}
	}
	v = realloc(c->rules, (c->n_rules + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	c->rules = v;
	v[c->n_rules].path = strdup(path);
	v[c->n_rules].access = access;
	return v[c->n_rules].path ? (c->n_rules++, 0) : -ENOMEM;
}

static int add_path(const struct policy *p, const struct policy_places *at,
		    const struct access_list *a, const char *rule, struct policy_compiled *c)
{
	AUTO_FREE char *path = NULL;
	bool tree, all = true;

	if (resolve(at, rule, &path, &tree) < 0)
		return -ENOMEM;
	for (size_t i = 0; path && all && i < p->n; i++) {
		const struct objlist *const l = list_of(p->v[i], a);

		if (l && covers(at, l, path, tree, &all) < 0)
			return -ENOMEM;
	}
	return path && all ? add_rule(c, path, a->access) : 0;
}

static bool has_access(const struct policy_compiled *c, unsigned access)
{
	for (size_t i = 0; i < c->n_rules; i++)
		if (c->rules[i].access & access)
			return true;
	return false;
}

/* A dynamic program starts through these, and writes to its devices. */
static int add_needed(struct policy_compiled *c)
{
	static const char *const loaders[] = { "/lib64/ld-linux-x86-64.so.2",
					       "/lib/ld-musl-x86_64.so.1" };
	int r = c->devices.n ? add_rule(c, "/dev", SANDBOX_READ | SANDBOX_WRITE) : 0;

	for (size_t i = 0; r == 0 && i < 2; i++)
		r = add_rule(c, loaders[i], SANDBOX_READ | SANDBOX_EXEC);
	return r;
}

static int fill_rules(const struct policy *p, const struct policy_places *at,
		      struct policy_compiled *c, struct err *e)
{
	int r = 0;

	for (size_t k = 0; k < 3; k++) {
		for (size_t i = 0; i < p->n; i++) {
			const struct objlist *const l = list_of(p->v[i], &access_lists[k]);

			for (size_t j = 0; r == 0 && l && j < l->n; j++)
				r = add_path(p, at, &access_lists[k],
					     OBJ(struct path_rule, *l, j)->path, c);
		}
	}
	/* An empty list of rules would mean no Landlock at all: the opposite of what such a policy
	 * says. */
	if (r == 0 && (!has_access(c, SANDBOX_READ) || !has_access(c, SANDBOX_EXEC)))
		return source_error(p->v[0], "/filesystem", e,
				    "nothing may be %s: no program can run under this policy",
				    has_access(c, SANDBOX_READ) ? "executed" : "read");
	if (r == 0)
		r = add_needed(c);
	return r < 0 ? no_memory(e) : 0;
}

/* ---- mounts ---- */

static int fill_hidden(const struct policy *p, const struct policy_places *at,
		       struct policy_compiled *c, struct err *e)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct objlist *const l = &p->v[i]->doc.fs.deny;

		for (size_t j = 0; j < l->n; j++) {
			AUTO_FREE char *path = NULL;
			bool tree;

			if (resolve(at, OBJ(struct path_rule, *l, j)->path, &path, &tree) < 0 ||
			    (path && !strlist_has(&c->hidden, path) &&
			     strlist_add(&c->hidden, path) < 0))
				return no_memory(e);
		}
	}
	return 0;
}

/* The same path in two sources: the smaller size, executable only where both say so. */
static int put_tmpfs(struct policy_compiled *c, char **path, const struct tmpfs_rule *t)
{
	struct sandbox_tmpfs *v;

	for (size_t i = 0; i < c->n_tmpfs; i++) {
		v = &c->tmpfs[i];
		if (strcmp(v->path, *path) != 0)
			continue;
		v->size = t->size < v->size ? t->size : v->size;
		v->exec = v->exec && t->exec;
		return 0;
	}
	v = realloc(c->tmpfs, (c->n_tmpfs + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	c->tmpfs = v;
	v[c->n_tmpfs++] = (struct sandbox_tmpfs){ take_ptr(*path), t->size, t->exec };
	return 0;
}

static int fill_tmpfs(const struct policy *p, const struct policy_places *at,
		      struct policy_compiled *c, struct err *e)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct objlist *const l = &p->v[i]->doc.fs.tmpfs;

		for (size_t j = 0; j < l->n; j++) {
			const struct tmpfs_rule *const t = OBJ(struct tmpfs_rule, *l, j);
			AUTO_FREE char *path = NULL;
			bool tree;

			if (resolve(at, t->path, &path, &tree) < 0 ||
			    (path && put_tmpfs(c, &path, t) < 0))
				return no_memory(e);
		}
	}
	return 0;
}

static int fill_devices(const struct policy *p, struct policy_compiled *c, struct err *e)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct strlist *const l = &p->v[i]->doc.devices;

		for (size_t j = 0; j < l->n; j++) {
			bool all = !strlist_has(&c->devices, l->v[j]);

			for (size_t k = 0; all && k < p->n; k++)
				all = !p->v[k]->doc.has_devices ||
				      strlist_has(&p->v[k]->doc.devices, l->v[j]);
			if (all && strlist_add(&c->devices, l->v[j]) < 0)
				return no_memory(e);
		}
	}
	return 0;
}

/* ---- environment ---- */

static bool names_variable(const char *pair, const char *name)
{
	const size_t n = strlen(name);

	return strncmp(pair, name, n) == 0 && pair[n] == '=';
}

static bool has_variable(const struct strlist *env, const char *name)
{
	for (size_t i = 0; i < env->n; i++)
		if (names_variable(env->v[i], name))
			return true;
	return false;
}

static int add_variable(struct strlist *env, const char *name, const char *value)
{
	AUTO_FREE char *pair = NULL;

	if (has_variable(env, name))
		return 0;
	if (asprintf(&pair, "%s=%s", name, value) < 0) {
		pair = NULL;
		return -ENOMEM;
	}
	return strlist_add(env, pair);
}

/* Whether every source that states `pass` names the variable, and one does. */
static bool passes(const struct policy *p, const char *pair)
{
	bool named = false;

	for (size_t i = 0; i < p->n; i++) {
		const struct doc_environment *const v = &p->v[i]->doc.env;
		bool here = false;

		for (size_t j = 0; j < v->pass.n; j++)
			here = here || strcmp(v->pass.v[j], "*") == 0 ||
			       names_variable(pair, v->pass.v[j]);
		if (v->has_pass && !here)
			return false;
		named = named || here;
	}
	return named;
}

/* The nearest source's value stands, then the image's; then, beside an image's, what no program
 * does without. */
static int fill_env(const struct policy *p, const struct policy_places *at, char *const *image,
		    struct policy_compiled *c, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct strmap *const set = &p->v[i]->doc.env.set;

		for (size_t j = 0; r == 0 && j < set->n; j++)
			r = add_variable(&c->env, set->v[j].key, set->v[j].value);
	}
	for (; r == 0 && image && *image; image++) {
		const size_t n = strcspn(*image, "=");
		AUTO_FREE char *name = strndup(*image, n);

		if (!name)
			r = -ENOMEM;
		else if ((*image)[n] == '=' && passes(p, *image))
			r = add_variable(&c->env, name, *image + n + 1);
	}
	if (r == 0)
		r = add_variable(&c->env, "PATH",
				 "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	if (r == 0)
		r = add_variable(&c->env, "HOME", at->tmp ? at->tmp : "/tmp");
	if (r == 0)
		r = add_variable(&c->env, "LANG", "C.UTF-8");
	return r < 0 ? no_memory(e) : 0;
}

/* ---- limits ---- */

static void fill_limits(const struct policy *p, struct sandbox_limits *l)
{
	double cpus = 0;
	uint64_t n;

#define AMOUNT(member, to)                                                \
	if (STRICT(p, u64, resources.member, resources.has_##member, &n)) \
	(l)->to = n
	AMOUNT(memory, memory);
	AMOUNT(swap, swap);
	AMOUNT(disk, disk);
	AMOUNT(inodes, inodes);
	AMOUNT(output, output);
	AMOUNT(wall, wall_ms);
	AMOUNT(idle, idle_ms);
#undef AMOUNT
	if (STRICT(p, u64, resources.pids, resources.has_pids, &n))
		l->pids = (uint32_t)n;
	if (STRICT(p, u64, resources.open_files, resources.has_open_files, &n))
		l->open_files = (uint32_t)n;
	for (size_t i = 0; i < p->n; i++) {
		const struct doc_resources *const r = &p->v[i]->doc.resources;

		if (r->has_cpus && (cpus <= 0 || r->cpus < cpus))
			cpus = r->cpus;
	}
	if (cpus > 0)
		l->cpu_milli = (uint32_t)(cpus * 1000 + 0.5);
}

static bool loopback_of(const struct policy *p)
{
	bool loopback = false;

	(void)STRICT(p, bool, net.loopback, net.has_loopback, &loopback);
	return loopback;
}

static int fill(const struct policy *p, const struct policy_places *at, char *const *image_env,
		struct policy_compiled *c, struct err *e)
{
	int r = policy_seccomp(p, &c->seccomp, e);

	if (r == 0)
		r = fill_devices(p, c, e);
	if (r == 0)
		r = fill_rules(p, at, c, e);
	if (r == 0)
		r = fill_hidden(p, at, c, e);
	if (r == 0)
		r = fill_tmpfs(p, at, c, e);
	if (r == 0)
		r = fill_env(p, at, image_env, c, e);
	return r;
}

int policy_compile(const struct policy *p, const struct policy_places *at,
		   struct sandbox_spec *spec, struct policy_compiled **keep, struct err *e)
{
	static const char *const none[] = { NULL };
	struct policy_compiled *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return no_memory(e);
	r = fill(p, at, spec->envp, c, e);
	if (r < 0) {
		policy_compiled_free(c);
		return r;
	}
	fill_limits(p, &spec->limits);
	spec->seccomp = c->seccomp;
	spec->rules = c->rules;
	spec->n_rules = c->n_rules;
	spec->tmpfs = c->tmpfs;
	spec->n_tmpfs = c->n_tmpfs;
	spec->hidden = c->hidden.n ? (const char *const *)c->hidden.v : NULL;
	spec->devices = c->devices.n ? (const char *const *)c->devices.v : none;
	spec->envp = c->env.v;
	spec->loopback = loopback_of(p);
	*keep = c;
	return 0;
}
