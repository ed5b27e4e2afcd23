/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/provider_keep.h"

#include <stdio.h>
#include <string.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/jmap.h"
#include "runtime/proto/model.h"

/* The walk: where it is, for errors, and how deep. */
struct keeper {
	int code;
	unsigned depth;
	size_t n; /* of `at` */
	char at[160];
	struct err *e;
};

static size_t enter(struct keeper *k, const char *name)
{
	const size_t before = k->n;
	const int more = snprintf(k->at + k->n, sizeof(k->at) - k->n, "/%s", name);

	k->n += more > 0 ? (size_t)more : 0;
	if (k->n >= sizeof(k->at))
		k->n = sizeof(k->at) - 1;
	k->depth++;
	return before;
}

static void leave(struct keeper *k, size_t before)
{
	k->n = before;
	k->at[before] = '\0';
	k->depth--;
}

static int refuse(struct keeper *k, const char *why)
{
	return err_set(k->e, k->code, "%s: %s", k->n ? k->at : "/", why);
}

static int too_deep(struct keeper *k)
{
	return err_set(k->e, k->code, "%s: nested deeper than %d", k->at, MODEL_MAX_DEPTH);
}

bool keep_within(const json_t *v, unsigned depth)
{
	const char *key;
	json_t *sub;
	size_t i;

	if (depth > MODEL_MAX_DEPTH)
		return false;
	json_array_foreach(v, i, sub)
		if (!keep_within(sub, depth + 1))
			return false;
	json_object_foreach((json_t *)(uintptr_t)v, key, sub)
		if (!keep_within(sub, depth + 1))
			return false;
	return true;
}

static unsigned type_of(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return KEEP_OBJ;
	case JSON_ARRAY:
		return KEEP_LIST;
	case JSON_STRING:
		return KEEP_STR;
	case JSON_INTEGER:
		return KEEP_INT | KEEP_NUM;
	case JSON_REAL:
		return KEEP_NUM;
	case JSON_TRUE:
	case JSON_FALSE:
		return KEEP_BOOL;
	case JSON_NULL:
	default:
		return 0;
	}
}

static int wrong_type(struct keeper *k, unsigned want)
{
	static const struct {
		unsigned type;
		const char *name;
	} names[] = {
		{ KEEP_BOOL, "a boolean" }, { KEEP_INT, "an integer" }, { KEEP_NUM, "a number" },
		{ KEEP_STR, "a string" },   { KEEP_OBJ, "an object" },	{ KEEP_LIST, "an array" },
	};
	char text[80] = "";
	size_t n = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (want & names[i].type)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? " or " : "",
					      names[i].name);
	return err_set(k->e, k->code, "%s: must be %s", k->n ? k->at : "/", text);
}

static bool says_nothing(const json_t *v)
{
	return json_is_null(v) || json_is_false(v) ||
	       (json_is_array(v) && json_array_size(v) == 0) ||
	       (json_is_object(v) && json_object_size(v) == 0) ||
	       (json_is_string(v) && json_string_length(v) == 0);
}

static bool is_inline(const json_t *v)
{
	return strncmp(json_string_value(v), "data:", 5) == 0;
}

static int members(struct keeper *k, const struct keep *table, const json_t *in, json_t **out);

static const struct keep_kind *kind_of(const struct keep_kind *kinds, const json_t *in)
{
	const json_t *type = json_object_get(in, "type");
	const char *text = json_is_string(type) ? json_string_value(type) : type ? NULL : "";

	for (; text && kinds->type; kinds++) {
		const size_t n = strlen(kinds->type);
		const bool begins = n > 0 && kinds->type[n - 1] == '*';

		if (begins ? strncmp(text, kinds->type, n - 1) == 0
			   : strcmp(text, kinds->type) == 0)
			return kinds;
	}
	return NULL;
}

/* *out stays NULL where the kind is one that is left out. */
static int by_kind(struct keeper *k, const struct keep_kind *kinds, const json_t *in, json_t **out)
{
	const struct keep_kind *kind = kind_of(kinds, in);
	const char *type = json_string_value(json_object_get(in, "type"));
	int r;

	if (!kind)
		return err_set(k->e, k->code, "%s: '%.40s' is not a kind that is known here",
			       k->n ? k->at : "/", type ? type : "");
	if (kind->refuse)
		return refuse(k, kind->refuse);
	if (!kind->members)
		return 0;
	r = members(k, kind->members, in, out);
	if (r < 0)
		return r;
	if (type && json_object_set(*out, "type", json_object_get(in, "type")) < 0)
		return err_set(k->e, ENOMEM, "out of memory");
	return 0;
}

static int object(struct keeper *k, const struct keep *row, const json_t *v, json_t **out)
{
	if (row->kinds)
		return by_kind(k, row->kinds, v, out);
	if (row->sub)
		return members(k, row->sub, v, out);
	if (!keep_within(v, k->depth))
		return too_deep(k);
	*out = json_incref((json_t *)(uintptr_t)v);
	return 0;
}

static int element(struct keeper *k, const struct keep *row, const json_t *v, json_t **out)
{
	if (!(type_of(v) & row->each))
		return wrong_type(k, row->each);
	if (json_is_object(v))
		return object(k, row, v, out);
	if ((row->each & KEEP_INLINE) && json_is_string(v) && !is_inline(v))
		return refuse(k, "must be inline ('data:...')");
	if (!keep_within(v, k->depth))
		return too_deep(k);
	*out = json_incref((json_t *)(uintptr_t)v);
	return 0;
}

static int list(struct keeper *k, const struct keep *row, const json_t *v, json_t **out)
{
	AUTO_JSON json_t *made = json_array();
	json_t *one;
	size_t i;

	json_array_foreach(v, i, one) {
		AUTO_JSON json_t *kept = NULL;
		char name[24];
		size_t before;
		int r;

		(void)snprintf(name, sizeof(name), "%zu", i);
		before = enter(k, name);
		r = k->depth > MODEL_MAX_DEPTH ? too_deep(k) : element(k, row, one, &kept);
		leave(k, before);
		if (r < 0)
			return r;
		if (kept && json_array_append(made, kept) < 0)
			return err_set(k->e, ENOMEM, "out of memory");
	}
	*out = take_ptr(made);
	return 0;
}

static int value(struct keeper *k, const struct keep *row, const json_t *v, json_t **out)
{
	if (row->refuse)
		return says_nothing(v) ? 0 : refuse(k, row->refuse);
	if (k->depth > MODEL_MAX_DEPTH)
		return too_deep(k);
	if (json_is_null(v) && !row->required) {
		*out = json_null();
		return 0;
	}
	if (!(type_of(v) & row->types))
		return wrong_type(k, row->types);
	if (json_is_object(v))
		return object(k, row, v, out);
	if (json_is_array(v) && row->each)
		return list(k, row, v, out);
	if ((row->types & KEEP_INLINE) && json_is_string(v) && !is_inline(v))
		return refuse(k, "a URL would make the provider fetch it: send it inline "
				 "('data:...')");
	if (!keep_within(v, k->depth))
		return too_deep(k);
	*out = json_incref((json_t *)(uintptr_t)v);
	return 0;
}

static int members(struct keeper *k, const struct keep *table, const json_t *in, json_t **out)
{
	AUTO_JSON json_t *made = json_object();

	for (; table->name; table++) {
		const json_t *v = json_object_get(in, table->name);
		AUTO_JSON json_t *kept = NULL;
		size_t before;
		int r = 0;

		if (!v && !table->required)
			continue;
		before = enter(k, table->name);
		r = v ? value(k, table, v, &kept) : refuse(k, "is missing");
		leave(k, before);
		if (r < 0)
			return r;
		if (kept && json_object_set(made, table->name, kept) < 0)
			return err_set(k->e, ENOMEM, "out of memory");
	}
	*out = take_ptr(made);
	return 0;
}

int keep(const struct keep *table, const json_t *in, int code, json_t **out, struct err *e)
{
	struct keeper k = { .code = code, .e = e };

	*out = NULL;
	return json_is_object(in) ? members(&k, table, in, out) : wrong_type(&k, KEEP_OBJ);
}

int keep_by_kind(const struct keep_kind *kinds, const json_t *in, int code, json_t **out,
		 struct err *e)
{
	struct keeper k = { .code = code, .e = e };

	*out = NULL;
	return json_is_object(in) ? by_kind(&k, kinds, in, out) : wrong_type(&k, KEEP_OBJ);
}
