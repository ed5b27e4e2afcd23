/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inside/vary.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/inside/input.h"
#include "agent/syntax/lang.h"
#include "runtime/base/buf.h"
#include "runtime/base/jmap.h"

#define PATHS_MAX   512
#define SINGLES_MAX 8192
#define LONG_TEXT   5000

/* What a value is, as bits that the table of changes is written with. */
enum shape {
	S_ABSENT = 1 << 0,
	S_BOOL = 1 << 1,
	S_NUMBER = 1 << 2,
	S_TEXT = 1 << 3,
	S_LIST = 1 << 4,
	S_OBJECT = 1 << 5,
	S_NAME = 1 << 6,  /* of an earlier step */
	S_TYPED = 1 << 7, /* a date, bytes, a big integer */
	S_ANY = 0xff,
};

enum how {
	REPLACE,
	LONGER,	   /* a very long text */
	DROP,	   /* the element or member itself */
	DUPLICATE, /* the element, beside itself */
	SWAP,	   /* with the next element */
	WRAP,	   /* [value] */
	NEST,	   /* {"a": value} */
	APPEND,	   /* `json` at the end of a list */
	REVERSE,
};

#define JS	"javascript"
#define PY	"python"
#define DYNAMIC "javascript python"

/* One row is one kind of change; `json` is the value it puts there. */
static const struct change {
	const char *langs; /* NULL: all */
	unsigned from;
	enum how how;
	const char *json, *what;
} changes[] = {
	{ JS, S_ANY & ~S_NAME, REPLACE, "{\"$undefined\":true}", "undefined" },
	{ DYNAMIC, S_ANY & ~S_NAME, REPLACE, "null", "null" },
	{ "c", S_TEXT | S_NAME, REPLACE, "null", "NULL" },
	{ DYNAMIC, S_ANY & ~S_NAME, REPLACE, "\"\"", "an empty text" },
	{ "c", S_TEXT, REPLACE, "\"\"", "an empty text" },
	{ DYNAMIC, S_ANY & ~S_NAME, REPLACE, "0", "0" },
	{ "c", S_NUMBER, REPLACE, "0", "0" },
	{ DYNAMIC, S_ANY & ~S_NAME, REPLACE, "-1", "-1" },
	{ "c", S_NUMBER, REPLACE, "-1", "-1" },
	{ NULL, S_NUMBER, REPLACE, "1", "1" },
	{ "c", S_NUMBER, REPLACE, "2147483647", "the largest int" },
	{ "c", S_NUMBER, REPLACE, "1000000", "1000000" },
	{ DYNAMIC, S_ABSENT | S_NUMBER | S_TEXT, REPLACE, "{\"$number\":\"NaN\"}", "NaN" },
	{ DYNAMIC, S_ABSENT | S_NUMBER | S_TEXT, REPLACE, "{\"$number\":\"Infinity\"}",
	  "Infinity" },
	{ DYNAMIC, S_NUMBER | S_TEXT, REPLACE, "{\"$number\":\"-Infinity\"}", "-Infinity" },
	{ DYNAMIC, S_NUMBER, REPLACE, "{\"$number\":\"-0\"}", "-0" },
	{ DYNAMIC, S_NUMBER | S_TEXT, REPLACE, "{\"$bigint\":\"123456789012345678901234567890\"}",
	  "a big integer" },
	{ DYNAMIC, S_ANY & ~S_NAME, REPLACE, "[]", "an empty list" },
	{ DYNAMIC, S_ANY & ~S_NAME, REPLACE, "{}", "an empty object" },
	{ DYNAMIC, S_ANY & ~S_NAME, REPLACE, "true", "true" },
	{ DYNAMIC, S_ANY & ~S_NAME, REPLACE, "false", "false" },
	{ DYNAMIC, S_ANY & ~S_NAME, REPLACE, "\"text\"", "a text" },
	{ "c", S_TEXT, REPLACE, "\"text\"", "a text" },
	{ NULL, S_TEXT, REPLACE, "\"\\u00e9 \\u20ac\"", "a text beyond ASCII" },
	{ NULL, S_TEXT, REPLACE, "\" \"", "a blank" },
	{ NULL, S_TEXT, REPLACE, "\"1e309\"", "the text of a very large number" },
	{ NULL, S_TEXT, REPLACE, "\"-1e309\"", "the text of a very small number" },
	{ NULL, S_TEXT, REPLACE, "\"inf\"", "'inf'" },
	{ NULL, S_TEXT, REPLACE, "\"nan\"", "'nan'" },
	{ NULL, S_TEXT, REPLACE, "\"12\"", "the text of a number" },
	{ NULL, S_TEXT, LONGER, NULL, "a long text" },
	{ DYNAMIC, S_ANY, DROP, NULL, "left out" },
	{ DYNAMIC, S_ANY, DUPLICATE, NULL, "twice" },
	{ DYNAMIC, S_ANY, SWAP, NULL, "after the next one" },
	{ DYNAMIC, S_ANY & ~S_NAME, WRAP, NULL, "in a list" },
	{ DYNAMIC, S_ANY & ~S_NAME, NEST, NULL, "in an object" },
	{ DYNAMIC, S_LIST, APPEND, "null", "with null at its end" },
	{ JS, S_LIST, APPEND, "{\"$undefined\":true}", "with undefined at its end" },
	{ DYNAMIC, S_LIST, REVERSE, NULL, "reversed" },
};
#define N_CHANGES (sizeof(changes) / sizeof(changes[0]))

struct place {
	char *at; /* "/script/0/args/1/a": JSON pointer */
	unsigned shape;
	bool top;  /* an argument itself: its place in the list is the function's business */
	bool near; /* in a list or object that holds something absent */
};

struct vary {
	const json_t *normal;
	const char *lang;
	struct place places[PATHS_MAX];
	size_t n;
	uint64_t state;
	json_t *list;
	size_t count;
	struct err failed;
};

static uint64_t next_random(struct vary *v) /* splitmix64 */
{
	uint64_t z = v->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static unsigned shape_of(const json_t *value)
{
	const char *text;

	switch (value_kind(value, &text)) {
	case VALUE_UNDEFINED:
		return S_ABSENT;
	case VALUE_NUMBER:
		return S_NUMBER;
	case VALUE_NAME:
		return S_NAME;
	case VALUE_BIGINT:
	case VALUE_DATE:
	case VALUE_BYTES:
		return S_TYPED;
	case VALUE_PLAIN:
		break;
	}
	if (json_is_null(value))
		return S_ABSENT;
	if (json_is_boolean(value))
		return S_BOOL;
	if (json_is_number(value))
		return S_NUMBER;
	if (json_is_string(value))
		return S_TEXT;
	return json_is_array(value) ? S_LIST : S_OBJECT;
}

/* ---- where ---- */

static bool holds_absent(const json_t *value)
{
	const char *key;
	json_t *member;
	size_t i;

	json_array_foreach(value, i, member)
		if (shape_of(member) == S_ABSENT)
			return true;
	json_object_foreach((json_t *)(uintptr_t)value, key, member)
		if (shape_of(member) == S_ABSENT)
			return true;
	return false;
}

static void collect(struct vary *v, const char *at, const json_t *value, bool top, bool near);

static void collect_inside(struct vary *v, const char *at, const json_t *value)
{
	const bool near = holds_absent(value);
	const char *key;
	json_t *member;
	size_t i;

	json_array_foreach(value, i, member) {
		AUTO_BUF struct buf b = BUF_INIT(4096);

		buf_printf(&b, "%s/%zu", at, i);
		if (b.p && !b.failed)
			collect(v, b.p, member, false, near);
	}
	json_object_foreach((json_t *)(uintptr_t)value, key, member) {
		AUTO_BUF struct buf b = BUF_INIT(4096);

		buf_printf(&b, "%s/%s", at, key);
		/* a key that a pointer cannot carry as it stands is left as it is */
		if (b.p && !b.failed && !strpbrk(key, "/~"))
			collect(v, b.p, member, false, near);
	}
}

static void collect(struct vary *v, const char *at, const json_t *value, bool top, bool near)
{
	const unsigned shape = shape_of(value);

	if (v->n == PATHS_MAX)
		return;
	v->places[v->n] = (struct place){
		.at = strdup(at), .shape = shape, .top = top, .near = near || shape == S_ABSENT
	};
	if (!v->places[v->n].at)
		return;
	v->n++;
	if (shape & (S_LIST | S_OBJECT))
		collect_inside(v, at, value);
}

/* Of a request what the application reads is varied, not how it gets there. */
static bool is_content(const json_t *step, size_t arg, const char *kwarg)
{
	static const char *const content[] = { "data", "json", "query_string" };
	const char *on = json_string_value(json_object_get(step, "on"));

	if (!on || strcmp(on, "$client") != 0)
		return !kwarg || strcmp(kwarg, "TESTING") != 0;
	for (size_t i = 0; kwarg && i < sizeof(content) / sizeof(content[0]); i++)
		if (strcmp(kwarg, content[i]) == 0)
			return true;
	return !kwarg && arg > 0;
}

static void collect_request(struct vary *v, size_t i, const json_t *step)
{
	static const char *const content[] = { "query", "body" };
	const json_t *options = json_array_get(json_object_get(step, "args"), 2);
	char at[128];

	for (size_t k = 0; k < sizeof(content) / sizeof(content[0]); k++) {
		const json_t *value = json_object_get(options, content[k]);

		(void)snprintf(at, sizeof(at), "/script/%zu/args/2/%s", i, content[k]);
		if (value)
			collect(v, at, value, true, false);
	}
}

static void collect_all(struct vary *v)
{
	const json_t *steps = json_object_get(v->normal, "script"), *step;
	char at[128];
	size_t i, k;
	json_t *value;
	const char *key;

	json_array_foreach(steps, i, step) {
		if (json_is_true(json_object_get(step, "request"))) {
			collect_request(v, i, step);
			continue;
		}
		json_array_foreach(json_object_get(step, "args"), k, value) {
			if (!is_content(step, k, NULL))
				continue;
			(void)snprintf(at, sizeof(at), "/script/%zu/args/%zu", i, k);
			collect(v, at, value, true, false);
		}
		json_object_foreach(json_object_get(step, "kwargs"), key, value) {
			(void)snprintf(at, sizeof(at), "/script/%zu/kwargs/%.64s", i, key);
			if (strlen(key) <= 64 && !strpbrk(key, "/~") && is_content(step, 0, key))
				collect(v, at, value, true, false);
		}
	}
}

/* ---- what ---- */

static json_t *holder_of(json_t *root, const char *at, const char **last)
{
	json_t *here = root;
	const char *slash = strrchr(at, '/');

	*last = slash + 1;
	for (const char *p = at; p < slash && here;) {
		char part[256];
		const size_t n = strcspn(p + 1, "/");

		if (n >= sizeof(part))
			return NULL;
		(void)snprintf(part, sizeof(part), "%.*s", (int)n, p + 1);
		here = json_is_array(here) ? json_array_get(here, strtoul(part, NULL, 10))
					   : json_object_get(here, part);
		p += n + 1;
	}
	return here;
}

static int put(json_t *holder, const char *key, json_t *value)
{
	return json_is_array(holder) ? json_array_set_new(holder, strtoul(key, NULL, 10), value)
				     : json_object_set_new(holder, key, value);
}

static json_t *long_text(void)
{
	AUTO_BUF struct buf b = BUF_INIT(LONG_TEXT + 16);

	for (size_t i = 0; i < LONG_TEXT; i++)
		buf_putc(&b, (char)('a' + i % 26));
	return b.p ? json_string(b.p) : NULL;
}

static int reverse(json_t *list)
{
	const size_t n = json_array_size(list);

	for (size_t i = 0; i < n; i++) {
		json_t *last = json_incref(json_array_get(list, n - 1));

		if (json_array_remove(list, n - 1) < 0 || json_array_insert_new(list, i, last) < 0)
			return -1;
	}
	return n > 1 ? 0 : -1;
}

/* Changes of the place a value has among others, not of the value. */
static int apply_around(const struct change *c, json_t *holder, const char *key)
{
	const size_t i = strtoul(key, NULL, 10);
	json_t *value;

	if (c->how == DROP)
		return json_is_array(holder) ? json_array_remove(holder, i)
					     : json_object_del(holder, key);
	if (!json_is_array(holder))
		return -1;
	value = json_deep_copy(json_array_get(holder, i));
	if (c->how == DUPLICATE)
		return json_array_insert_new(holder, i, value);
	if (i + 1 >= json_array_size(holder) || json_array_remove(holder, i) < 0) {
		json_decref(value);
		return -1;
	}
	return json_array_insert_new(holder, i + 1, value);
}

/* 0 when the change could be made. */
static int apply(const struct change *c, const struct place *p, json_t *root)
{
	const char *key;
	json_t *holder = holder_of(root, p->at, &key);
	json_t *old = !holder		      ? NULL
		      : json_is_array(holder) ? json_array_get(holder, strtoul(key, NULL, 10))
					      : json_object_get(holder, key);

	if (!old)
		return -1;
	switch (c->how) {
	case REPLACE:
		return put(holder, key, json_loads(c->json, JSON_DECODE_ANY, NULL));
	case LONGER:
		return put(holder, key, long_text());
	case DROP:
	case DUPLICATE:
	case SWAP:
		return p->top ? -1 : apply_around(c, holder, key);
	case WRAP:
		return put(holder, key, json_pack("[O]", old));
	case NEST:
		return put(holder, key, json_pack("{s:O}", "a", old));
	case APPEND:
		return json_array_append_new(old, json_loads(c->json, JSON_DECODE_ANY, NULL));
	case REVERSE:
		return reverse(old);
	}
	return -1;
}

static bool fits(const struct vary *v, const struct change *c, const struct place *p)
{
	return (c->from & p->shape) && lang_listed(c->langs, v->lang);
}

/* ---- which ---- */

struct single {
	uint16_t place, change;
	uint32_t rank; /* class first, then chance */
};

static uint32_t rank_of(struct vary *v, const struct place *p, const struct change *c)
{
	const bool absent = c->how == REPLACE && (strcmp(c->json, "null") == 0 ||
						  strcmp(c->json, "{\"$undefined\":true}") == 0);
	const uint32_t chance = (uint32_t)(next_random(v) >> 40);

	if (p->shape == S_ABSENT && absent)
		return chance;
	/* every third of the rest is mixed in, so that no class takes all places */
	return ((p->near ? 2u : 3u) << 24) + chance - (next_random(v) % 3 == 0 ? 1u << 24 : 0);
}

static int by_rank(const void *pa, const void *pb)
{
	const struct single *a = pa, *b = pb;

	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	if (a->place != b->place)
		return a->place < b->place ? -1 : 1;
	return a->change < b->change ? -1 : a->change > b->change;
}

static bool seen_before(const struct vary *v, const json_t *input)
{
	size_t i;
	json_t *one;

	json_array_foreach(v->list, i, one)
		if (json_equal(json_object_get(one, "input"), input))
			return true;
	return json_equal(v->normal, input);
}

static void add(struct vary *v, const struct single *a, const struct single *b)
{
	AUTO_JSON json_t *input = json_deep_copy(v->normal);
	const struct single *const both[] = { a, b };
	AUTO_BUF struct buf what = BUF_INIT(8192);
	char id[16];
	json_t *one;

	for (size_t i = 0; i < 2 && both[i]; i++) {
		const struct place *p = &v->places[both[i]->place];
		const struct change *c = &changes[both[i]->change];

		if (apply(c, p, input) < 0)
			return;
		buf_printf(&what, "%s%s: %s", i ? ", " : "", p->at, c->what);
	}
	if (!input || !what.p || seen_before(v, input))
		return;
	(void)snprintf(id, sizeof(id), "v%02zu", json_array_size(v->list) + 1);
	one = json_pack("{s:s, s:s, s:O}", "id", id, "what", what.p, "input", input);
	if (!one || json_array_append_new(v->list, one) < 0)
		(void)err_set(&v->failed, ENOMEM, "out of memory");
}

static void choose(struct vary *v, struct single *all)
{
	size_t n = 0;

	for (size_t p = 0; p < v->n; p++)
		for (size_t c = 0; c < N_CHANGES && n < SINGLES_MAX; c++)
			if (fits(v, &changes[c], &v->places[p])) {
				all[n] = (struct single){ (uint16_t)p, (uint16_t)c, 0 };
				all[n].rank = rank_of(v, &v->places[p], &changes[c]);
				n++;
			}
	qsort(all, n, sizeof(*all), by_rank);
	for (size_t i = 0; i < n && json_array_size(v->list) < v->count; i++)
		add(v, &all[i], NULL);
	for (size_t tries = 0; n > 1 && tries < 20 * v->count; tries++) {
		const size_t i = next_random(v) % n, k = next_random(v) % n;

		if (json_array_size(v->list) >= v->count)
			break;
		if (all[i].place != all[k].place)
			add(v, &all[i], &all[k]);
	}
}

int vary_input(const json_t *normal, const char *lang, unsigned long long seed, size_t count,
	       json_t **out, struct err *e)
{
	struct vary v = {
		.normal = normal, .lang = lang, .state = seed, .count = count, .list = json_array()
	};
	AUTO_FREE struct single *all = calloc(SINGLES_MAX, sizeof(*all));

	if (!v.list || !all) {
		json_decref(v.list);
		return err_set(e, ENOMEM, "out of memory");
	}
	collect_all(&v);
	choose(&v, all);
	for (size_t i = 0; i < v.n; i++)
		free(v.places[i].at);
	if (v.failed.code) {
		json_decref(v.list);
		*e = v.failed;
		return -e->code;
	}
	*out = v.list;
	return 0;
}
