/* SPDX-License-Identifier: Apache-2.0 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/incident/incident.h"
#include "runtime/base/id.h"

#define PATH_BYTES 4096

/* Removes "." and "x/.." in place, as far as that is possible by name alone. */
static void path_tidy(char *path)
{
	const bool absolute = *path == '/';
	char *to = path + absolute;
	char *base = to; /* nothing before it may be removed */

	for (const char *p = path + absolute; *p;) {
		const size_t n = strcspn(p, "/");
		const char *next = p + n + (p[n] == '/');

		if (n == 2 && memcmp(p, "..", 2) == 0 && to > base) {
			for (to--; to > base && to[-1] != '/'; to--)
				;
		} else if (n == 2 && memcmp(p, "..", 2) == 0 && absolute) {
			; /* above the root is the root */
		} else if (n && !(n == 1 && *p == '.')) {
			memmove(to, p, n);
			to += n;
			if (n == 2 && to[-1] == '.' && to[-2] == '.')
				base = to + 1;
			if (*next || p[n] == '/')
				*to++ = '/';
		}
		p = next;
	}
	*to = '\0';
}

/* Length of the production prefix if it leads to the path's component boundary, else 0. */
static size_t prefix_len(const char *prefix, const char *path)
{
	const size_t n = strlen(prefix);

	if (n == 0 || strncmp(prefix, path, n) != 0)
		return 0;
	return prefix[n - 1] == '/' || path[n] == '/' || path[n] == '\0' ? n : 0;
}

/* The repository path of a production path: the longest prefix wins. NULL: not mapped. */
static char *path_map(const char *path, const struct strmap *paths)
{
	const struct strpair *best = NULL;
	char out[2 * PATH_BYTES];
	size_t len = 0, n;

	for (size_t i = 0; paths && i < paths->n; i++) {
		n = prefix_len(paths->v[i].key, path);
		if (n > len) {
			len = n;
			best = &paths->v[i];
		}
	}
	if (!best)
		return NULL;
	path += len;
	path += strspn(path, "/");
	n = strlen(best->value);
	(void)snprintf(out, sizeof(out), "%s%s%s", best->value,
		       n && best->value[n - 1] != '/' && *path ? "/" : "", path);
	return strdup(out);
}

/* Could it be a path at all? "node:fs", "<string>" and "webpack://x" are not. */
static bool is_path(const char *s)
{
	return *s != '<' && strncmp(s, "node:", 5) != 0 && !strstr(s, "://");
}

/* Folders into which other people's code is installed. */
static bool is_foreign(const char *path)
{
	static const char *const names[] = { "node_modules", "dist-packages", "site-packages" };

	if (strncmp(path, "usr/", 4) == 0)
		return true;
	for (const char *p = path; *p;) {
		const size_t n = strcspn(p, "/");

		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (strlen(names[i]) == n && memcmp(p, names[i], n) == 0)
				return true;
		p += n + (p[n] == '/');
	}
	return false;
}

static bool is_in_app(const char *path, const struct strlist *globs)
{
	if (!globs || globs->n == 0)
		return !is_foreign(path);
	for (size_t i = 0; i < globs->n; i++)
		if (fnmatch(globs->v[i], path, 0) ==
		    0) /* '*' crosses '/': "lib/" followed by "**" works, too */
			return true;
	return false;
}

static int frame_resolve(struct frame *f, const struct incident_paths *p, struct err *e)
{
	char *mapped;

	f->in_app = false;
	if (!f->file || !is_path(f->file) || strlen(f->file) >= PATH_BYTES)
		return 0;
	path_tidy(f->file);
	mapped = path_map(f->file, p ? p->paths : NULL);
	if (!mapped && f->file[0] == '/')
		return 0;
	if (!mapped)
		mapped = strdup(f->file); /* relative: as compiled in the repository's root */
	if (!mapped)
		return err_set(e, ENOMEM, "incident: out of memory");
	if (!path_is_clean(mapped)) {
		free(mapped);
		return 0;
	}
	free(f->file);
	f->file = mapped;
	f->in_app = is_in_app(mapped, p ? p->in_app : NULL);
	return 0;
}

int chain_resolve(struct objlist *chain, const struct incident_paths *p, struct err *e)
{
	const struct exception *x = chain->v;

	for (size_t c = 0; c < chain->n; c++) {
		struct frame *f = x[c].frames.v;

		for (size_t n = 0; n < x[c].frames.n; n++)
			if (frame_resolve(&f[n], p, e) < 0)
				return -e->code;
	}
	return 0;
}

/* ---- the coordinate ---- */

static const struct frame *innermost(const struct exception *x, bool in_app)
{
	const struct frame *f = x->frames.v;

	for (size_t n = 0; n < x->frames.n; n++)
		if (in_app ? f[n].in_app : f[n].file && f[n].line)
			return &f[n];
	return NULL;
}

static char *copy(const char *s)
{
	return s ? strdup(s) : NULL;
}

static int coordinate_fill(const struct exception *x, const struct frame *f, const char *rule,
			   struct coordinate *out, struct err *e)
{
	struct coordinate c = { .type = copy(x->type), .rule = copy(rule) };

	if (f) {
		c.file = copy(f->file);
		c.function = copy(f->function);
		c.line = c.line_first = c.line_last = f->line;
	}
	if (!c.type || !c.rule || (f && ((f->file && !c.file) || (f->function && !c.function)))) {
		jmap_release(coordinate_map, &c);
		return err_set(e, ENOMEM, "coordinate: out of memory");
	}
	*out = c;
	return 0;
}

int coordinate_choose(const struct objlist *chain, struct coordinate *out, struct err *e)
{
	static const char *const rules[] = {
		"innermost in-app frame of the root cause",
		"innermost in-app frame of the exception around the root cause, which has none",
		"innermost frame that has a place: no frame is in the repository",
		"type alone: no frame has a place",
	};
	const struct exception *x = chain->v;
	const struct frame *f;

	for (int in_app = 1; in_app >= 0; in_app--) {
		for (size_t c = 0; c < chain->n; c++) {
			f = innermost(&x[c], in_app);
			if (f)
				return coordinate_fill(&x[c], f, rules[in_app ? c > 0 : 2], out, e);
		}
	}
	if (chain->n == 0)
		return err_set(e, EINVAL, "/chain: an incident without one has no coordinate");
	return coordinate_fill(&x[0], NULL, rules[3], out, e);
}

/* A reporter that knows the extent of an inlined function has said so: keep its range. */
static void keep_range(const struct coordinate *old, struct coordinate *c)
{
	if (!old->file || !c->file || strcmp(old->file, c->file) != 0)
		return;
	if (old->line_first && old->line_first <= c->line && c->line <= old->line_last) {
		c->line_first = old->line_first;
		c->line_last = old->line_last;
	}
}

int incident_resolve(struct incident *i, const struct incident_paths *p, struct err *e)
{
	struct coordinate c = { 0 };

	if (chain_resolve(&i->chain, p, e) < 0)
		return -e->code;
	if (i->chain.n == 0) /* a timeout, or a trace that nobody could read */
		return 0;
	if (coordinate_choose(&i->chain, &c, e) < 0)
		return -e->code;
	keep_range(&i->coordinate, &c);
	jmap_release(coordinate_map, &i->coordinate);
	i->coordinate = c;
	return 0;
}
