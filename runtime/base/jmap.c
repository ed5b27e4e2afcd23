/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/jmap.h"

#include <string.h>

#define TEXT_MAX  (16u << 20) /* a string without a stated bound */
#define COUNT_MAX 100000      /* a list without a stated bound */
#define AT_MAX	  512

typedef int reader_fn(const struct jmap *m, const json_t *v, void *out, const char *at,
		      struct err *e);

static const struct jmap *find(const struct jmap *map, const char *name)
{
	for (; map->name; map++)
		if (strcmp(map->name, name) == 0)
			return map;
	return NULL;
}

static int wrong(const char *at, const char *want, struct err *e)
{
	return err_set(e, EINVAL, "%s: want %s", at, want);
}

static int out_of_memory(const char *at, struct err *e)
{
	return err_set(e, ENOMEM, "%s: out of memory", at);
}

/* A string value without NUL within the row's length; NULL with e filled otherwise. */
static const char *text(const struct jmap *m, const json_t *v, const char *at, struct err *e)
{
	const char *s = json_string_value(v);
	const size_t max = m->max ? m->max : TEXT_MAX;

	if (!s) {
		(void)wrong(at, "a string", e);
		return NULL;
	}
	if (strlen(s) != json_string_length(v)) {
		(void)err_set(e, EINVAL, "%s: has a NUL byte", at);
		return NULL;
	}
	if (strlen(s) < m->min || strlen(s) > max) {
		(void)err_set(e, ERANGE, "%s: %zu bytes long, want %llu to %zu", at, strlen(s),
			      m->min, max);
		return NULL;
	}
	return s;
}

static int read_bool(const struct jmap *m, const json_t *v, void *out, const char *at,
		     struct err *e)
{
	(void)m;
	if (!json_is_boolean(v))
		return wrong(at, "true or false", e);
	*(bool *)out = json_is_true(v);
	return 0;
}

static int read_u64(const struct jmap *m, const json_t *v, void *out, const char *at, struct err *e)
{
	const unsigned long long max = m->max ? m->max : INT64_MAX;
	json_int_t n;

	if (!json_is_integer(v))
		return wrong(at, "an integer", e);
	n = json_integer_value(v);
	if (n < 0 || (uint64_t)n < m->min || (uint64_t)n > max)
		return err_set(e, ERANGE, "%s: %lld is not within %llu..%llu", at, (long long)n,
			       m->min, max);
	*(uint64_t *)out = (uint64_t)n;
	return 0;
}

static int read_i64(const struct jmap *m, const json_t *v, void *out, const char *at, struct err *e)
{
	(void)m;
	if (!json_is_integer(v))
		return wrong(at, "an integer", e);
	*(int64_t *)out = json_integer_value(v);
	return 0;
}

static int read_real(const struct jmap *m, const json_t *v, void *out, const char *at,
		     struct err *e)
{
	const double n = json_number_value(v);

	if (!json_is_number(v))
		return wrong(at, "a number", e);
	if (n < (double)m->min || (m->max && n > (double)m->max))
		return err_set(e, ERANGE, "%s: %g is not within %llu..%llu", at, n, m->min, m->max);
	*(double *)out = n;
	return 0;
}

static int read_str(const struct jmap *m, const json_t *v, void *out, const char *at, struct err *e)
{
	const char *s = text(m, v, at, e);
	char *copy;

	if (!s)
		return -e->code;
	copy = strdup(s);
	if (!copy)
		return out_of_memory(at, e);
	free(*(char **)out);
	*(char **)out = copy;
	return 0;
}

static int read_enum(const struct jmap *m, const json_t *v, void *out, const char *at,
		     struct err *e)
{
	const char *word = json_string_value(v), *near;
	size_t n = 0;

	if (!word)
		return wrong(at, "a string", e);
	for (; m->words[n]; n++) {
		if (strcmp(m->words[n], word) == 0) {
			*(int *)out = (int)n;
			return 0;
		}
	}
	near = word_nearest(word, m->words, n);
	if (near)
		return err_set(e, EINVAL, "%s: '%.64s' is not a known value; did you mean '%s'?",
			       at, word, near);
	return err_set(e, EINVAL, "%s: '%.64s' is not a known value", at, word);
}

static int read_quantity(const struct jmap *m, const json_t *v, void *out, const char *at,
			 struct err *e)
{
	const bool bytes = m->kind == JMAP_BYTES;
	const char *s = json_string_value(v);
	uint64_t n;
	int r;

	if (!s)
		return wrong(at, bytes ? "a size such as \"16MiB\"" : "a time such as \"30s\"", e);
	r = bytes ? parse_bytes(s, &n) : parse_duration(s, &n);
	if (r < 0)
		return err_set(e, -r, "%s: '%.32s' is not a %s", at, s,
			       bytes ? "size such as \"16MiB\"" : "time such as \"30s\"");
	if (n < m->min || (m->max && n > m->max))
		return err_set(e, ERANGE, "%s: '%s' is outside the allowed range", at, s);
	*(uint64_t *)out = n;
	return 0;
}

static int read_object(const struct jmap *m, const json_t *v, void *out, const char *at,
		       struct err *e)
{
	return jmap_read(m->sub, v, out, at, e);
}

static int check_count(const struct jmap *m, const json_t *v, const char *at, struct err *e)
{
	const size_t max = m->max ? m->max : COUNT_MAX;

	if (!json_is_array(v))
		return wrong(at, "an array", e);
	if (json_array_size(v) < m->min || json_array_size(v) > max)
		return err_set(e, ERANGE, "%s: %zu entries, want %llu to %zu", at,
			       json_array_size(v), m->min, max);
	return 0;
}

static int read_strs(const struct jmap *m, const json_t *v, void *out, const char *at,
		     struct err *e)
{
	static const struct jmap any = { .name = "", .kind = JMAP_STR };
	struct strlist *l = out;
	int r = check_count(m, v, at, e);

	strlist_release(l);
	for (size_t i = 0; r == 0 && i < json_array_size(v); i++) {
		char deeper[AT_MAX];
		const char *s;

		(void)snprintf(deeper, sizeof(deeper), "%s/%zu", at, i);
		s = text(&any, json_array_get(v, i), deeper, e);
		if (!s)
			r = -e->code;
		else if (strlist_add(l, s) < 0)
			r = out_of_memory(at, e);
	}
	return r;
}

static int read_list(const struct jmap *m, const json_t *v, void *out, const char *at,
		     struct err *e)
{
	struct objlist *l = out;
	const size_t n = json_is_array(v) ? json_array_size(v) : 0;
	int r = check_count(m, v, at, e);

	if (r < 0 || n == 0)
		return r;
	l->v = calloc(n, m->size);
	if (!l->v)
		return out_of_memory(at, e);
	for (l->n = 0; r == 0 && l->n < n;) {
		char deeper[AT_MAX];
		const size_t i = l->n++;

		(void)snprintf(deeper, sizeof(deeper), "%s/%zu", at, i);
		r = jmap_read(m->sub, json_array_get(v, i), (char *)l->v + i * m->size, deeper, e);
	}
	return r;
}

static int read_map(const struct jmap *m, const json_t *v, void *out, const char *at, struct err *e)
{
	static const struct jmap any = { .name = "", .kind = JMAP_STR };
	struct strmap *map = out;
	const char *key;
	json_t *item;

	(void)m;
	if (!json_is_object(v))
		return wrong(at, "an object", e);
	map->v = calloc(json_object_size(v) + 1, sizeof(*map->v));
	if (!map->v)
		return out_of_memory(at, e);
	json_object_foreach((json_t *)(uintptr_t)v, key, item) {
		char deeper[AT_MAX];
		const char *s;

		(void)snprintf(deeper, sizeof(deeper), "%s/%.200s", at, key);
		s = text(&any, item, deeper, e);
		if (!s)
			return -e->code;
		map->v[map->n].key = strdup(key);
		map->v[map->n].value = strdup(s);
		map->n++;
		if (!map->v[map->n - 1].key || !map->v[map->n - 1].value)
			return out_of_memory(at, e);
	}
	return 0;
}

static int read_json(const struct jmap *m, const json_t *v, void *out, const char *at,
		     struct err *e)
{
	(void)m;
	json_decref(*(json_t **)out);
	*(json_t **)out = json_deep_copy(v);
	return *(json_t **)out ? 0 : out_of_memory(at, e);
}

static reader_fn *const readers[] = {
	[JMAP_BOOL] = read_bool,      [JMAP_U64] = read_u64,	       [JMAP_I64] = read_i64,
	[JMAP_REAL] = read_real,      [JMAP_STR] = read_str,	       [JMAP_ENUM] = read_enum,
	[JMAP_BYTES] = read_quantity, [JMAP_DURATION] = read_quantity, [JMAP_OBJECT] = read_object,
	[JMAP_STRS] = read_strs,      [JMAP_LIST] = read_list,	       [JMAP_MAP] = read_map,
	[JMAP_JSON] = read_json,
};

static int unknown_member(const struct jmap *map, const char *key, const char *at, struct err *e)
{
	const char *words[128], *near;
	size_t n = 0;

	for (; n < 128 && map[n].name; n++)
		words[n] = map[n].name;
	near = word_nearest(key, words, n);
	if (near)
		return err_set(e, EINVAL, "%s/%.64s: unknown key \"%.64s\"; did you mean \"%s\"?",
			       at, key, key, near);
	return err_set(e, EINVAL, "%s/%.64s: unknown key \"%.64s\"", at, key, key);
}

int jmap_read(const struct jmap *map, const json_t *obj, void *out, const char *at, struct err *e)
{
	const char *key;
	json_t *val;

	if (!json_is_object(obj))
		return wrong(at, "an object", e);

	json_object_foreach((json_t *)(uintptr_t)obj, key, val) {
		const struct jmap *m = find(map, key);
		char deeper[AT_MAX];
		int r;

		if (!m)
			return unknown_member(map, key, at, e);
		(void)snprintf(deeper, sizeof(deeper), "%s/%s", at, key);
		r = readers[m->kind](m, val, (char *)out + m->offset, deeper, e);
		if (r < 0)
			return r;
		if (m->present)
			*((bool *)((char *)out + m->present - 1)) = true;
	}

	for (const struct jmap *m = map; m->name; m++)
		if (m->required && !json_object_get(obj, m->name))
			return err_set(e, EINVAL, "%s: \"%s\" is missing", at, m->name);
	return 0;
}

/* What is empty is left out, unless a reader would miss it. */
static bool is_written(const struct jmap *m, size_t n)
{
	return n > 0 || m->required;
}

static json_t *write_strs(const struct jmap *m, const struct strlist *l)
{
	json_t *a = is_written(m, l->n) ? json_array() : NULL;

	for (size_t i = 0; a && i < l->n; i++)
		(void)json_array_append_new(a, json_string(l->v[i]));
	return a;
}

static json_t *write_list(const struct jmap *m, const struct objlist *l)
{
	json_t *a = is_written(m, l->n) ? json_array() : NULL;

	for (size_t i = 0; a && i < l->n; i++)
		(void)json_array_append_new(a, jmap_write(m->sub, (char *)l->v + i * m->size));
	return a;
}

static json_t *write_map(const struct jmap *m, const struct strmap *map)
{
	json_t *o = is_written(m, map->n) ? json_object() : NULL;

	for (size_t i = 0; o && i < map->n; i++)
		(void)json_object_set_new(o, map->v[i].key, json_string(map->v[i].value));
	return o;
}

static json_t *write_quantity(const struct jmap *m, uint64_t n)
{
	return json_sprintf("%llu%s", (unsigned long long)n, m->kind == JMAP_BYTES ? "B" : "ms");
}

static json_t *write_value(const struct jmap *m, const void *p)
{
	switch (m->kind) {
	case JMAP_BOOL:
		return json_boolean(*(const bool *)p);
	case JMAP_U64:
	case JMAP_I64:
		return json_integer(*(const int64_t *)p);
	case JMAP_REAL:
		return json_real(*(const double *)p);
	case JMAP_STR:
		return *(char *const *)p ? json_string(*(char *const *)p) : NULL;
	case JMAP_ENUM:
		return json_string(m->words[*(const int *)p]);
	case JMAP_BYTES:
	case JMAP_DURATION:
		return write_quantity(m, *(const uint64_t *)p);
	case JMAP_OBJECT:
		return jmap_write(m->sub, p);
	case JMAP_STRS:
		return write_strs(m, p);
	case JMAP_LIST:
		return write_list(m, p);
	case JMAP_MAP:
		return write_map(m, p);
	case JMAP_JSON:
		return json_incref(*(json_t *const *)p);
	}
	return NULL;
}

json_t *jmap_write(const struct jmap *map, const void *in)
{
	json_t *o = json_object();

	for (const struct jmap *m = map; o && m->name; m++) {
		json_t *v = write_value(m, (const char *)in + m->offset);

		if (v && json_object_set_new(o, m->name, v) < 0) {
			json_decref(o);
			return NULL;
		}
	}
	return o;
}

static void release_list(const struct jmap *m, struct objlist *l)
{
	for (size_t i = 0; i < l->n; i++)
		jmap_release(m->sub, (char *)l->v + i * m->size);
	free(l->v);
	l->v = NULL;
	l->n = 0;
}

static void release_map(struct strmap *map)
{
	for (size_t i = 0; i < map->n; i++) {
		free(map->v[i].key);
		free(map->v[i].value);
	}
	free(map->v);
	map->v = NULL;
	map->n = 0;
}

static void release_str(char **s)
{
	free(*s);
	*s = NULL;
}

void jmap_release(const struct jmap *map, void *out)
{
	for (const struct jmap *m = map; m->name; m++) {
		void *p = (char *)out + m->offset;

		if (m->kind == JMAP_STR) {
			release_str(p);
		} else if (m->kind == JMAP_JSON) {
			json_decref(*(json_t **)p);
			*(json_t **)p = NULL;
		} else if (m->kind == JMAP_OBJECT) {
			jmap_release(m->sub, p);
		} else if (m->kind == JMAP_STRS) {
			strlist_release(p);
		} else if (m->kind == JMAP_LIST) {
			release_list(m, p);
		} else if (m->kind == JMAP_MAP) {
			release_map(p);
		}
	}
}

int record_is(const json_t *record, const char *schema, const char *name, struct err *e)
{
	const char *const got = json_string_value(json_object_get(record, "schema"));

	if (got && strcmp(got, schema) == 0)
		return 0;
	return err_set(e, EBADMSG, "'%.120s' has the format '%.64s'; this sickbay reads '%s'", name,
		       got ? got : "(none)", schema);
}
