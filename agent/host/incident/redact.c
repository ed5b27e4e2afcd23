/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/incident/redact.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/incident/redact_view.h"

/*
 * Theory of operation.  Values are kept in lower case with single spaces,
 * sorted; an index by their first two bytes says which of them may begin at a
 * byte of a text, and each further byte of the text narrows that range.  What
 * varies is not the values but the text: it is read as it is, and again in each
 * form it may be encoded in, and again in those (redact_view.c); each byte of
 * such a view knows where in the text it came from, so what is found in any of
 * them can be masked in the text.
 */
#define VALUE_BYTES   256 /* what is longer is told by its begin and by its words */
#define SUBSTRING     8	  /* bytes; shorter values stand alone or are another word */
#define DECODED_LEAST 5	  /* bytes of a value that is looked for in decoded bytes */
#define SMALL_TEXT    (64u << 10)
#define INDEX	      65536u
#define LEARN_PART    ((size_t)1 << 20)
#define WORK_LEAST    (64u << 20)

struct value {
	char *fold, *exact;
	size_t n;
	unsigned flags;
	bool number, known,
		known_folded; /* folded: a text that was learned has it in another case */
};

struct redact {
	struct value *v;
	size_t n, cap, bytes;
	uint32_t *index; /* the first value whose first two bytes are at least these */
};

static int out_of_memory(struct err *e)
{
	return err_set(e, ENOMEM, "redact: out of memory");
}

int redact_new(struct redact **out, struct err *e)
{
	struct redact *r = calloc(1, sizeof(*r));

	if (!r)
		return out_of_memory(e);
	*out = r;
	return 0;
}

static void value_release(struct value *v)
{
	free(v->fold);
	free(v->exact);
}

void redact_free(struct redact *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		value_release(&r->v[i]);
	free(r->v);
	free(r->index);
	free(r);
}

/* ---- the set ---- */

static int make_room(struct redact *r, struct err *e)
{
	const size_t cap = r->cap ? r->cap * 2 : 64;
	struct value *v;

	if (r->n >= REDACT_VALUES_MAX * 4 || r->bytes > REDACT_BYTES_MAX)
		return err_set(e, E2BIG, "the report holds more values than can be looked for");
	if (r->n < r->cap)
		return 0;
	v = realloc(r->v, cap * sizeof(*v));
	if (!v)
		return out_of_memory(e);
	r->v = v;
	r->cap = cap;
	return 0;
}

static bool is_number(const char *s, size_t n)
{
	bool digit = false;

	for (size_t i = 0; i < n; i++) {
		digit |= isdigit((unsigned char)s[i]) != 0;
		if (!isdigit((unsigned char)s[i]) && !strchr("+-.eE", s[i]))
			return false;
	}
	return digit;
}

int redact_add(struct redact *r, const char *value, size_t n, unsigned flags, struct err *e)
{
	struct view v = { 0 };
	struct value x = { .flags = flags };
	size_t skip;
	int k;

	if (n > VALUE_BYTES)
		n = VALUE_BYTES;
	k = view_of_text(value, n, &v, e);
	if (k < 0)
		return k;
	skip = v.n && v.exact[0] == ' ';
	x.n = v.n - skip;
	x.n -= x.n && v.exact[skip + x.n - 1] == ' ';
	if (x.n >= REDACT_LEAST) {
		k = make_room(r, e);
		x.fold = k < 0 ? NULL : strndup(v.fold + skip, x.n);
		x.exact = k < 0 ? NULL : strndup(v.exact + skip, x.n);
		if (k == 0 && (!x.fold || !x.exact || strlen(x.exact) != x.n)) {
			/* one with a NUL ends there: no text that leaves has one */
			x.n = x.exact ? strlen(x.exact) : 0;
			k = x.fold && x.exact ? 0 : out_of_memory(e);
		}
		x.number = x.exact && is_number(x.exact, x.n);
	}
	if (k == 0 && x.n >= REDACT_LEAST) {
		r->bytes += x.n * 2;
		r->v[r->n++] = x;
	} else {
		value_release(&x);
	}
	view_release(&v);
	return k;
}

/* A limit of some type, a round number: any program has those. */
static bool is_common(unsigned long long v)
{
	unsigned long long ten = 1;

	if (v < 1000 || (v & (v - 1)) == 0 || (v & (v + 1)) == 0 || ((v - 1) & (v - 2)) == 0)
		return true;
	while (ten < v && ten <= ~0ull / 10)
		ten *= 10;
	return v == ten || v == ten - 1;
}

int redact_add_integer(struct redact *r, long long value, unsigned flags, struct err *e)
{
	const unsigned long long v =
		value < 0 ? -(unsigned long long)value : (unsigned long long)value;
	char text[40];
	int k;

	if (!(flags & REDACT_PERSONAL) && is_common(v))
		return 0;
	(void)snprintf(text, sizeof(text), "%llu", v);
	k = redact_add(r, text, strlen(text), flags, e);
	(void)snprintf(text, sizeof(text), "0x%llx", v);
	return k < 0 || strlen(text) < 7 ? k : redact_add(r, text, strlen(text), flags, e);
}

static int compare(const struct value *a, const struct value *b)
{
	const size_t least = a->n < b->n ? a->n : b->n;
	const int c = memcmp(a->fold, b->fold, least);

	return c ? c : (a->n > b->n) - (a->n < b->n);
}

static int by_text(const void *a, const void *b)
{
	const struct value *x = a, *y = b;
	const int c = compare(x, y);

	return c ? c : strcmp(x->exact, y->exact);
}

/* The same value in two cases stays two: which of them is known may differ. */
static void drop_equal(struct redact *r)
{
	size_t k = 0;

	for (size_t i = 0; i < r->n; i++) {
		if (k && strcmp(r->v[k - 1].exact, r->v[i].exact) == 0) {
			r->v[k - 1].flags |= r->v[i].flags;
			value_release(&r->v[i]);
		} else {
			r->v[k++] = r->v[i];
		}
	}
	r->n = k;
}

static unsigned first_two(const char *s)
{
	return (unsigned)(unsigned char)s[0] << 8 | (unsigned char)s[1];
}

int redact_build(struct redact *r, struct err *e)
{
	size_t at = 0;

	if (r->n)
		qsort(r->v, r->n, sizeof(*r->v), by_text);
	drop_equal(r);
	if (r->n > REDACT_VALUES_MAX)
		return err_set(e, E2BIG, "the report holds more than %u values", REDACT_VALUES_MAX);
	free(r->index);
	r->index = calloc(INDEX + 1, sizeof(*r->index));
	if (!r->index)
		return out_of_memory(e);
	for (unsigned k = 0; k <= INDEX; k++) {
		while (at < r->n && first_two(r->v[at].fold) < k)
			at++;
		r->index[k] = (uint32_t)at;
	}
	return 0;
}

size_t redact_size(const struct redact *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += !r->v[i].known;
	return n;
}

/* ---- one view ---- */

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* Between two words, also those of one name: first_second, firstSecond. */
static bool is_edge(char before, char after)
{
	return !is_word(before) || !is_word(after) ||
	       (islower((unsigned char)before) && isupper((unsigned char)after));
}

static bool stands_alone(const struct view *v, const struct value *x, size_t i)
{
	const size_t end = i + x->n;

	if (x->n >= SUBSTRING && !x->number)
		return true;
	return (i == 0 || is_edge(v->exact[i - 1], v->exact[i])) &&
	       (end == v->n || is_edge(v->exact[end - 1], v->exact[end]));
}

/* 1: stop. */
typedef int match_fn(void *ctx, const struct view *v, size_t i, struct value *x);

/* The values from lo to hi are alike up to depth: the first (or last + 1) whose next byte is c. */
static size_t narrow(const struct redact *r, size_t lo, size_t hi, size_t depth, int c)
{
	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;

		if ((unsigned char)r->v[mid].fold[depth] < c)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int match_at(const struct redact *r, const struct view *v, size_t i, match_fn *fn, void *ctx)
{
	const unsigned two = first_two(v->fold + i);
	size_t lo = r->index[two], hi = r->index[two + 1];

	for (size_t depth = 2; lo < hi; depth++) {
		for (; lo < hi && r->v[lo].n == depth; lo++)
			if (stands_alone(v, &r->v[lo], i) && fn(ctx, v, i, &r->v[lo]))
				return 1;
		if (lo == hi || i + depth >= v->n)
			break;
		lo = narrow(r, lo, hi, depth, (unsigned char)v->fold[i + depth]);
		hi = narrow(r, lo, hi, depth, (unsigned char)v->fold[i + depth] + 1);
	}
	return 0;
}

static int scan(const struct redact *r, const struct view *v, match_fn *fn, void *ctx)
{
	for (size_t i = 0; i + 1 < v->n; i++)
		if (match_at(r, v, i, fn, ctx))
			return 1;
	return 0;
}

/* ---- what is known ---- */

static int learn(void *ctx, const struct view *v, size_t i, struct value *x)
{
	(void)ctx;
	if (memcmp(v->exact + i, x->exact, x->n) == 0)
		x->known = true;
	else
		x->known_folded = true;
	return 0;
}

int redact_learn(struct redact *r, const char *text, size_t n, struct err *e)
{
	while (n) { /* a part at a time, overlapping by what is longer than any value */
		const bool last = n <= LEARN_PART;
		const size_t part = last ? n : LEARN_PART;
		const size_t step = last ? n : LEARN_PART - 2 * (size_t)VALUE_BYTES;
		struct view v = { 0 };

		if (view_of_text(text, part, &v, e) < 0)
			return -e->code;
		(void)scan(r, &v, learn, NULL);
		view_release(&v);
		text += step;
		n -= step;
	}
	return 0;
}

/* A word that is no value is one that any program has; one of two letters may be anything. */
static bool known_word(const struct redact *r, const char *s, size_t n)
{
	char fold[VALUE_BYTES + 1], exact[VALUE_BYTES + 1];
	const struct value key = { .fold = fold, .exact = exact, .n = n };
	const struct value *found;

	for (size_t i = 0; i < n; i++)
		fold[i] = (char)tolower((unsigned char)s[i]);
	memcpy(exact, s, n);
	fold[n] = exact[n] = '\0';
	found = bsearch(&key, r->v, r->n, sizeof(*r->v), by_text);
	return found ? found->known : n != 2;
}

/* Made of known words, and with no number to speak of. */
static bool is_made_of_known(const struct redact *r, const struct value *x)
{
	size_t digits = 0, words = 0;

	for (size_t i = 0; i < x->n;) {
		size_t n = 0;

		while (i + n < x->n && (is_word(x->exact[i + n]) || x->exact[i + n] == '_')) {
			digits += isdigit((unsigned char)x->exact[i + n]) != 0;
			n++;
		}
		if (n && (n == x->n || !known_word(r, x->exact + i, n)))
			return false;
		words += n > 0;
		i += n ? n : 1;
	}
	return digits < 4 && words > 0;
}

void redact_settle(struct redact *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (!r->v[i].known && is_made_of_known(r, &r->v[i]))
			r->v[i].known = true;
}

/* ---- all views of a text ---- */

struct look {
	const struct redact *r;
	bool strict;
	match_fn *fn;
	void *ctx;
	size_t work; /* bytes that may still be read */
};

static bool counts(const struct look *l, const struct view *v, size_t i, const struct value *x)
{
	if (v->decoded && x->n < DECODED_LEAST)
		return false;
	if (x->known)
		return l->strict && (x->flags & REDACT_PERSONAL);
	/* a text has the word in another case than here: only this case is a value */
	return !x->known_folded || memcmp(v->exact + i, x->exact, x->n) == 0;
}

static int consider(void *ctx, const struct view *v, size_t i, struct value *x)
{
	struct look *l = ctx;

	return counts(l, v, i, x) ? l->fn(l->ctx, v, i, x) : 0;
}

static int look_at(struct look *l, const struct view *v, unsigned depth, struct err *e)
{
	int k = 0;

	if (v->n > l->work)
		return err_set(e, E2BIG, "redact: a text with too many encodings in encodings");
	l->work -= v->n;
	if (scan(l->r, v, consider, l))
		return 1;
	for (unsigned form = 0; k == 0 && depth && form < VIEW_FORMS; form++) {
		struct view other = { 0 };

		k = view_decode(v, form, &other, e);
		if (k == 0 && other.n)
			k = look_at(l, &other, depth - 1, e);
		view_release(&other);
	}
	return k;
}

static int look_all(struct look *l, const char *text, size_t n, struct err *e)
{
	struct view v = { 0 };
	int k;

	if (n > REDACT_TEXT_MAX)
		return err_set(e, E2BIG, "redact: a text of %zu bytes; at most %u are read", n,
			       REDACT_TEXT_MAX);
	if (l->r->n == 0 || n < REDACT_LEAST)
		return 0;
	k = view_of_text(text, n, &v, e);
	l->work = WORK_LEAST + 64 * n;
	if (k == 0)
		k = look_at(l, &v, n <= SMALL_TEXT ? 3 : 2, e);
	view_release(&v);
	return k;
}

static int note_first(void *ctx, const struct view *v, size_t i, struct value *x)
{
	struct redact_hit *hit = ctx;

	hit->at = v->from[i];
	hit->end = v->to[i + x->n - 1];
	hit->form = v->form;
	return 1;
}

int redact_find(const struct redact *r, bool strict, const char *text, size_t n,
		struct redact_hit *hit, struct err *e)
{
	struct redact_hit found = { .line = 1 };
	struct look l = { .r = r, .strict = strict, .fn = note_first, .ctx = &found };
	const int k = look_all(&l, text, n, e);

	if (k <= 0)
		return k;
	for (size_t i = 0; i < found.at; i++)
		found.line += text[i] == '\n';
	*hit = found;
	return 1;
}

static int mark(void *ctx, const struct view *v, size_t i, struct value *x)
{
	unsigned char *marks = ctx;
	const size_t from = v->from[i], to = v->to[i + x->n - 1];

	memset(marks + from, 1, to > from ? to - from : 0);
	return 0;
}

int redact_mask(const struct redact *r, bool strict, const char *text, size_t n, struct buf *out,
		size_t *n_masked, struct err *e)
{
	AUTO_FREE unsigned char *marks = calloc(1, n + 1);
	struct look l = { .r = r, .strict = strict, .fn = mark, .ctx = marks };
	size_t masked = 0;
	int k;

	if (!marks)
		return out_of_memory(e);
	k = look_all(&l, text, n, e);
	if (k < 0)
		return k;
	for (size_t i = 0; i < n;) {
		size_t end = i;

		while (end < n && marks[end] == marks[i])
			end++;
		if (marks[i]) {
			buf_puts(out, REDACT_MASK);
			masked++;
		} else {
			buf_put(out, text + i, end - i);
		}
		i = end;
	}
	if (n_masked)
		*n_masked = masked;
	return buf_check(out, "redacted text", e);
}
