/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "policy/globset_impl.h"
#include "runtime/base/buf.h"
#include "runtime/base/id.h"

/*
 * Theory of operation: a point of the search is, for each set, the states it
 * can be in, and where in a path one stands.  Two prefixes of the same point
 * have the same futures, so each point is entered once, by its shortest
 * prefix.  Bytes that no pattern names are alike: one stands for all.  A point
 * is left out when a clause can no longer hold.
 */
#define SETS_MAX  64
#define POINT_MAX 400000

enum phase { AT_START, DOT, DOTS, DOT_G, DOT_GI, DOT_GIT, IN_NAME, AT_ROOT, AT_PLACE, NOWHERE };

struct where {
	uint8_t phase, pending; /* pending: bytes of a character that are still to come */
};

struct point {
	size_t at, n; /* its key in the arena: states of each set, then where */
	uint32_t parent;
	char c; /* the byte that led here; of a first point the index of its prefix */
	struct where where;
};

struct search {
	const struct globset_clause *clause;
	size_t n_clauses;
	int domain;
	struct set_state set[SETS_MAX];
	size_t n_sets;
	char symbol[256];
	size_t n_symbols;
	struct buf arena;
	struct point *point;
	size_t n, cap, done;
	uint32_t *table; /* point + 1, 0: free */
	size_t table_size;
	uint32_t now;
};

static const char *const prefixes[] = { "/", "@repo", "@build", "@tmp" };

/* ---- where in a path ---- */

static bool step_character(struct where *w, unsigned char c)
{
	if (w->pending) {
		w->pending--;
		return (c & 0xc0) == 0x80;
	}
	if (c >= 0x80)
		w->pending = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
	return c < 0x80 || (c >= 0xc2 && c <= 0xf4);
}

static bool is_end(int domain, struct where w)
{
	if (w.pending)
		return false;
	if (w.phase == DOT_GIT)
		return domain == GLOBSET_REPLICA;
	return w.phase == DOT_G || w.phase == DOT_GI || w.phase == IN_NAME || w.phase == AT_ROOT ||
	       w.phase == AT_PLACE;
}

static struct where step_where(int domain, struct where w, char c)
{
	static const char git[] = "git";
	const struct where no = { .phase = NOWHERE };
	const bool end = is_end(domain, w);

	if (!step_character(&w, (unsigned char)c))
		return no;
	if (c == '/') {
		if (!end || w.phase == AT_ROOT)
			return no;
		w.phase = AT_START;
		return w;
	}
	if (w.phase == AT_PLACE)
		return no;
	if (w.phase == AT_START || w.phase == AT_ROOT)
		w.phase = c == '.' ? DOT : IN_NAME;
	else if (w.phase == DOT && c == '.')
		w.phase = DOTS;
	else if (w.phase == DOT && (c | 0x20) == git[0])
		w.phase = DOT_G;
	else if ((w.phase == DOT_G || w.phase == DOT_GI) && (c | 0x20) == git[w.phase - DOT_G + 1])
		w.phase++;
	else
		w.phase = IN_NAME;
	return w;
}

/* ---- points ---- */

static size_t set_index(const struct search *f, const struct globset *s)
{
	size_t i = 0;

	while (i < f->n_sets && f->set[i].s != s)
		i++;
	return i;
}

/* Whether every clause holds here (now), or can still come to hold. */
static bool clauses_hold(const struct search *f, bool now)
{
	for (size_t i = 0; i < f->n_clauses; i++) {
		const struct globset_clause *const c = &f->clause[i];
		const struct set_state *const no = c->no ? &f->set[set_index(f, c->no)] : NULL;
		const struct set_state *const yes = c->yes ? &f->set[set_index(f, c->yes)] : NULL;

		if (now ? (no && !set_matches(no)) || (yes && set_matches(yes))
			: (no && !no->all) || (yes && yes->n > 0))
			continue;
		return false;
	}
	return true;
}

static void begin_point(struct search *f)
{
	f->now++;
	for (size_t i = 0; i < f->n_sets; i++) {
		f->set[i].n = 0;
		f->set[i].all = f->set[i].rest = false;
	}
}

static size_t hash(const char *p, size_t n)
{
	uint64_t h = 1469598103934665603u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)p[i]) * 1099511628211u;
	return (size_t)(h ^ h >> 29);
}

static int grow(struct search *f)
{
	const size_t cap = f->cap ? 2 * f->cap : 1024, size = 4 * cap;
	struct point *const v = reallocarray(f->point, cap, sizeof(*v));
	uint32_t *table;

	if (!v)
		return -ENOMEM;
	f->point = v;
	f->cap = cap;
	table = calloc(size, sizeof(*table));
	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < f->n; i++) {
		size_t h = hash(f->arena.p + v[i].at, v[i].n) % size;

		while (table[h])
			h = (h + 1) % size;
		table[h] = (uint32_t)i + 1;
	}
	free(f->table);
	f->table = table;
	f->table_size = size;
	return 0;
}

/* The point that the sets stand at: queued unless it was seen or leads nowhere. */
static int add_point(struct search *f, uint32_t parent, char c, struct where w)
{
	const size_t at = f->arena.n;
	size_t h, n;

	for (size_t i = 0; i < f->n_sets; i++)
		set_normalise(&f->set[i]);
	if (!clauses_hold(f, false))
		return 0;
	if (f->n == POINT_MAX)
		return -E2BIG;
	if (f->n == f->cap && grow(f) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < f->n_sets; i++) {
		const uint16_t count = (uint16_t)f->set[i].n;

		buf_put(&f->arena, &count, sizeof(count));
		buf_put(&f->arena, f->set[i].v, count * sizeof(uint16_t));
	}
	buf_put(&f->arena, &w, sizeof(w));
	if (f->arena.failed)
		return -f->arena.failed;
	n = f->arena.n - at;
	for (h = hash(f->arena.p + at, n) % f->table_size; f->table[h];
	     h = (h + 1) % f->table_size) {
		const struct point *const old = &f->point[f->table[h] - 1];

		if (old->n == n && memcmp(f->arena.p + old->at, f->arena.p + at, n) == 0) {
			f->arena.n = at;
			return 0;
		}
	}
	f->table[h] = (uint32_t)f->n + 1;
	f->point[f->n++] = (struct point){ .at = at, .n = n, .parent = parent, .c = c, .where = w };
	return 0;
}

/* Puts the sets back to where a point left them. */
static void load_point(struct search *f, const struct point *p, size_t offset[SETS_MAX])
{
	size_t at = p->at;

	for (size_t i = 0; i < f->n_sets; i++) {
		uint16_t count;

		memcpy(&count, f->arena.p + at, sizeof(count));
		offset[i] = at;
		at += sizeof(count) * (1u + count);
	}
}

static uint16_t number_at(const struct search *f, size_t at)
{
	uint16_t v;

	memcpy(&v, f->arena.p + at, sizeof(v));
	return v;
}

/* The states of one set after a byte; c 0: as they stand. */
static void step_set(struct search *f, size_t i, size_t at, char c)
{
	struct set_state *const t = &f->set[i];
	const size_t count = number_at(f, at);

	for (size_t k = 0; k < count; k++) {
		const uint16_t q = number_at(f, at + sizeof(q) * (k + 1));

		if (q == GS_ALL)
			t->all = true;
		else if (q == GS_REST)
			t->rest = t->rest || c != '/';
		else if (c)
			set_step(t, f->now, q, c);
		else
			t->v[t->n++] = q;
	}
}

/* What a prefix leads to from the beginning of a set. */
static int read_prefix(struct search *f, struct set_state *t, const char *prefix)
{
	set_enter(t, f->now, 0);
	for (const char *c = prefix; *c; c++) {
		uint16_t *const from = calloc(t->n + 1, sizeof(*from));
		size_t m = t->n;

		if (!from)
			return -ENOMEM;
		memcpy(from, t->v, m * sizeof(*from));
		t->n = 0;
		t->rest = t->rest && *c != '/';
		f->now++;
		while (m)
			set_step(t, f->now, from[--m], *c);
		free(from);
	}
	return 0;
}

static int first_points(struct search *f)
{
	const size_t n = f->domain == GLOBSET_REPLICA ? 4 : 1;
	int r = 0;

	for (size_t k = 0; r == 0 && k < n; k++) {
		const char *const prefix = n == 1 ? "" : prefixes[k];
		const uint8_t phase = n == 1 ? AT_START : k == 0 ? AT_ROOT : AT_PLACE;

		begin_point(f);
		for (size_t i = 0; r == 0 && i < f->n_sets; i++)
			r = read_prefix(f, &f->set[i], prefix);
		if (r == 0)
			r = add_point(f, UINT32_MAX, (char)k, (struct where){ .phase = phase });
	}
	return r;
}

static int path_to(const struct search *f, size_t i, char path[GLOBSET_PATH_MAX])
{
	char back[GLOBSET_PATH_MAX];
	const char *prefix;
	size_t n = 0, k;

	for (; f->point[i].parent != UINT32_MAX; i = f->point[i].parent) {
		if (n + 8 >= GLOBSET_PATH_MAX)
			return -E2BIG;
		back[n++] = f->point[i].c;
	}
	prefix = f->domain == GLOBSET_REPLICA ? prefixes[(int)f->point[i].c] : "";
	k = strlen(prefix);
	memcpy(path, prefix, k);
	while (n)
		path[k++] = back[--n];
	path[k] = '\0';
	return 0;
}

/* 1: every clause holds at this point, and the path to it is one. */
static int try_point(struct search *f, size_t i, const size_t *offset, char path[GLOBSET_PATH_MAX])
{
	int r;

	if (!is_end(f->domain, f->point[i].where))
		return 0;
	begin_point(f);
	for (size_t k = 0; k < f->n_sets; k++)
		step_set(f, k, offset[k], 0);
	if (!clauses_hold(f, true))
		return 0;
	r = path_to(f, i, path);
	return r < 0 ? r : f->domain == GLOBSET_REPLICA || path_is_clean(path);
}

static int walk(struct search *f, char path[GLOBSET_PATH_MAX])
{
	int r = first_points(f);

	for (; r == 0 && f->done < f->n; f->done++) {
		const struct where here = f->point[f->done].where;
		size_t offset[SETS_MAX] = { 0 };

		load_point(f, &f->point[f->done], offset);
		r = try_point(f, f->done, offset, path);
		for (size_t k = 0; r == 0 && k < f->n_symbols; k++) {
			const struct where w = step_where(f->domain, here, f->symbol[k]);

			if (w.phase == NOWHERE)
				continue;
			begin_point(f);
			for (size_t i = 0; i < f->n_sets; i++)
				step_set(f, i, offset[i], f->symbol[k]);
			r = add_point(f, (uint32_t)f->done, f->symbol[k], w);
		}
	}
	return r;
}

/* ---- the whole ---- */

static int add_set(struct search *f, const struct globset *s)
{
	if (!s || set_index(f, s) < f->n_sets)
		return 0;
	if (f->n_sets == SETS_MAX)
		return -E2BIG;
	return set_open(&f->set[f->n_sets++], s);
}

/* What some pattern names, what paths are made of, and one byte for all others. */
static void find_symbols(struct search *f)
{
	static const char others[] = "xyzabcdefghijklmnopqrstuvwxyz0123456789"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZ_-~+,=@%!#$&'();<>^`|:\" ";
	bool used[256] = { ['/'] = true, ['.'] = true };
	const char *other = others;

	for (size_t i = 0; i < f->n_sets; i++)
		for (size_t k = 0; k < f->set[i].s->n_edges; k++)
			if (f->set[i].s->edge[k].kind == EDGE_CHAR)
				used[(unsigned char)f->set[i].s->edge[k].c] = true;
	while (*other && used[(unsigned char)*other])
		other++;
	if (*other)
		f->symbol[f->n_symbols++] = *other;
	for (int c = 1; c < 256; c++)
		if (used[c])
			f->symbol[f->n_symbols++] = (char)c;
}

static void search_release(struct search *f)
{
	for (size_t i = 0; i < f->n_sets; i++)
		set_close(&f->set[i]);
	buf_release(&f->arena);
	free(f->point);
	free(f->table);
	free(f);
}

int globset_search(const struct globset_clause *clauses, size_t n, int domain,
		   char path[GLOBSET_PATH_MAX], struct err *e)
{
	struct search *f = calloc(1, sizeof(*f));
	int r = 0;

	if (!f)
		return err_set(e, ENOMEM, "out of memory");
	f->clause = clauses;
	f->n_clauses = n;
	f->domain = domain;
	f->arena.max = 512u << 20;
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = add_set(f, clauses[i].no);
		if (r == 0)
			r = add_set(f, clauses[i].yes);
	}
	if (r == 0) {
		find_symbols(f);
		r = walk(f, path);
	}
	search_release(f);
	if (r == -E2BIG)
		return err_set(e, E2BIG,
			       "the patterns are too many to compare exactly; name fewer of them");
	return r < 0 ? err_set(e, -r, "comparing patterns: out of memory") : r;
}
