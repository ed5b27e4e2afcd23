/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/host/incident/values.h"
#include "agent/host/incident/values_impl.h"
#include "runtime/base/id.h"

/*
 * What is left of an incident without its values: which kind of thing stood
 * where.  Keys are values too (headers, form fields, whoever sent them): an
 * object is told by the shapes of its members alone.
 */
#define MEMBERS_MAX  100
#define DEPTH_MAX    16
#define MESSAGE_MAX  (1u << 18)
#define PERSONAL_MAX 1000

struct shaping {
	const json_t *personal[PERSONAL_MAX];
	size_t n;
};

static json_t *shape(const struct shaping *s, const json_t *v, unsigned depth);

static json_t *kind_of(const json_t *v)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "object",   [JSON_ARRAY] = "array", [JSON_STRING] = "string",
		[JSON_INTEGER] = "integer", [JSON_REAL] = "real",   [JSON_TRUE] = "boolean",
		[JSON_FALSE] = "boolean",   [JSON_NULL] = "null"
	};

	return json_pack("{s:s}", "type", names[json_typeof(v)]);
}

static json_t *members(const struct shaping *s, const json_t *v, unsigned depth)
{
	json_t *list = json_array(), *member;
	const char *key;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)v, i, member)
		if (i < MEMBERS_MAX)
			(void)json_array_append_new(list, shape(s, member, depth + 1));
	json_object_foreach((json_t *)(uintptr_t)v, key, member)
		if (json_array_size(list) < MEMBERS_MAX)
			(void)json_array_append_new(list, shape(s, member, depth + 1));
	return list;
}

static bool is_personal(const struct shaping *s, const json_t *v)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->personal[i] == v)
			return true;
	return false;
}

static json_t *shape(const struct shaping *s, const json_t *v, unsigned depth)
{
	json_t *o;

	if (!v)
		return NULL;
	if (is_personal(s, v) || depth > DEPTH_MAX)
		return kind_of(v);
	if (json_is_null(v))
		return json_null();
	if (json_is_array(v))
		return members(s, v, depth);
	o = kind_of(v);
	if (json_is_string(v))
		(void)json_object_set_new(o, "length",
					  json_integer((json_int_t)json_string_length(v)));
	else if (json_is_number(v))
		(void)json_object_set_new(
			o, "sign",
			json_integer((json_number_value(v) > 0) - (json_number_value(v) < 0)));
	else if (json_is_object(v))
		(void)json_object_set_new(o, "members", members(s, v, depth));
	return o;
}

/* ---- input ---- */

static void keep(json_t *to, const json_t *from, const char *name)
{
	json_t *v = json_object_get(from, name);

	if (v)
		(void)json_object_set(to, name, v);
}

static void put_shape(const struct shaping *s, json_t *to, const json_t *from, const char *name)
{
	const json_t *v = json_object_get(from, name);

	if (v)
		(void)json_object_set_new(to, name, shape(s, v, 0));
}

/* A call or a step: what is called, and the shape of what it is given. */
static json_t *shape_call(const struct shaping *s, const json_t *call, unsigned depth)
{
	static const char *const names[] = { "let", "on", "module", "export", "call", "new" };
	const json_t *receiver = json_object_get(call, "receiver");
	json_t *o = json_object();

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		keep(o, call, names[i]);
	put_shape(s, o, call, "args");
	put_shape(s, o, call, "kwargs");
	if (json_is_object(receiver) && depth < 8)
		(void)json_object_set_new(o, "receiver", shape_call(s, receiver, depth + 1));
	return o;
}

static json_t *shape_input(const struct shaping *s, const json_t *input)
{
	static const char *const whole[] = { "command", "http", "datagram", "state", "flags" };
	const json_t *call = json_object_get(input, "call");
	json_t *steps = json_object_get(input, "script"), *step, *o = json_object();
	size_t i;

	for (i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		put_shape(s, o, input, whole[i]);
	if (json_is_object(call))
		(void)json_object_set_new(o, "call", shape_call(s, call, 0));
	if (steps) {
		json_t *list = json_array();

		json_array_foreach(steps, i, step)
			(void)json_array_append_new(list, shape_call(s, step, 0));
		(void)json_object_set_new(o, "script", list);
	}
	return o;
}

/* ---- the rest ---- */

static void put_template(json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));
	AUTO_BUF struct buf out = BUF_INIT(MESSAGE_MAX);

	if (!text)
		return;
	if (values_template(text, &out) < 0)
		(void)json_object_del(o, name);
	else
		(void)json_object_set_new(o, name, json_string(out.p ? out.p : ""));
}

static void strip_frame(const struct shaping *s, json_t *f)
{
	const json_t *vars = json_object_get(f, "vars");

	if (vars)
		(void)json_object_set_new(f, "vars", shape(s, vars, 0));
	(void)json_object_del(f, "vars_lost");
	if (json_is_true(json_object_get(f, "in_app")))
		return;
	(void)json_object_del(f, "file");
	(void)json_object_del(f, "function");
}

static void strip_chain(const struct shaping *s, json_t *chain)
{
	json_t *x, *f;
	size_t i, n;

	json_array_foreach(chain, i, x) {
		put_template(x, "message");
		json_array_foreach(json_object_get(x, "frames"), n, f)
			strip_frame(s, f);
	}
}

/* The digest of an image names no one; a tag may. */
static void strip_deploy(json_t *deploy)
{
	const char *image = json_string_value(json_object_get(deploy, "image"));

	put_template(deploy, "release");
	put_template(deploy, "known");
	if (image && (strncmp(image, "sha256:", 7) != 0 || !is_object_id(image + 7)))
		put_template(deploy, "image");
}

json_t *values_shape(const struct incident *in)
{
	static const char *const shaped[] = { "metrics", "breadcrumbs", "signal",
					      "threads", "runtime",	"source" };
	static const char *const gone[] = { "raw", "personal" };
	json_t *o = incident_write(in), *row;
	struct shaping s = { 0 };
	size_t i;

	if (!o)
		return NULL;
	for (i = 0; i < in->personal.n && s.n < PERSONAL_MAX; i++) {
		const json_t *v = values_personal(in, in->personal.v[i]);

		if (v)
			s.personal[s.n++] = v;
	}
	if (in->input)
		(void)json_object_set_new(o, "input", shape_input(&s, in->input));
	strip_chain(&s, json_object_get(o, "chain"));
	strip_deploy(json_object_get(o, "deploy"));
	put_template(o, "environment");
	json_array_foreach(json_object_get(o, "loss"), i, row) {
		put_template(row, "at");
		put_template(row, "why");
	}
	for (i = 0; i < sizeof(shaped) / sizeof(shaped[0]); i++)
		put_shape(&s, o, o, shaped[i]);
	for (i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
		(void)json_object_del(o, gone[i]);
	return o;
}
