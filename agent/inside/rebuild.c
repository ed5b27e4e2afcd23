/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inside/rebuild.h"

#include <stdbool.h>
#include <string.h>

#include "agent/inside/input.h"
#include "agent/inside/tools.h"
#include "agent/syntax/export.h"

#define TEXT_MAX    (4u << 20)
#define FRAMES_MAX  16 /* looked at; the outer ones are the server's loop */
#define PARAMS_MAX  64
#define PLACE_BYTES 512

/* One frame, its function in the source, and the call that is made of them. */
struct site {
	const char *file;
	const json_t *vars, *lost;
	struct source *source;
	TSNode function;
	char place[PLACE_BYTES]; /* "price() at price.js:3", for people */
	json_t *args, *kwargs;
	struct buf *why;
};

static bool refuse(struct site *t, const char *name, const char *reason)
{
	buf_printf(t->why, "%s%s: %s%s%s", t->why->n ? "; " : "", t->place, name, *name ? " " : "",
		   reason);
	return false;
}

/* The value that a parameter had; NULL, and why, where it is not known as a whole. */
static json_t *value_of(struct site *t, const char *name)
{
	const char *lost = json_string_value(json_object_get(t->lost, name));
	json_t *v = json_object_get(t->vars, name);

	if (lost) {
		AUTO_BUF struct buf b = BUF_INIT(1024);

		buf_printf(&b, "is not whole (%s)", lost);
		(void)refuse(t, name, b.p ? b.p : "");
	} else if (!v) {
		(void)refuse(t, name, "is not among the variables");
	} else if (function_reassigns(t->source, t->function, name)) {
		(void)refuse(t, name, "had been given another value");
		v = NULL;
	}
	return lost ? NULL : v;
}

static bool take_rest(struct site *t, const char *name, const json_t *v)
{
	if (!json_is_array(v))
		return refuse(t, name, "is no list");
	return json_array_extend(t->args, (json_t *)(uintptr_t)v) == 0;
}

static bool take_keywords(struct site *t, const char *name, const json_t *v)
{
	if (!json_is_object(v))
		return refuse(t, name, "is no dictionary");
	return json_object_update(t->kwargs, (json_t *)(uintptr_t)v) == 0;
}

static bool take_one(struct site *t, enum param_kind kind, const char *name)
{
	json_t *v;

	if (kind == PARAM_SEPARATOR)
		return true;
	if (kind == PARAM_PATTERN || !name)
		return refuse(t, "", "takes an argument apart at the door, so that it has no name");
	v = value_of(t, name);
	if (!v)
		return false;
	if (kind == PARAM_REST)
		return take_rest(t, name, v);
	if (kind == PARAM_KEYWORDS)
		return take_keywords(t, name, v);
	if (kind == PARAM_KEYWORD)
		return json_object_set(t->kwargs, name, v) == 0;
	return json_array_append(t->args, v) == 0;
}

static bool take_all(struct site *t)
{
	enum param_kind kind;
	char *text = NULL;

	for (unsigned i = 0;
	     i < PARAMS_MAX && function_takes(t->source, t->function, i, &kind, &text); i++) {
		AUTO_FREE char *name = text;

		if (!take_one(t, kind, name))
			return false;
	}
	return true;
}

/* How a test names the module of a file: Python's by its dotted path, below "src" where that is. */
static char *module_of(const struct site *t)
{
	AUTO_BUF struct buf b = BUF_INIT(4096);
	const char *file = t->file;
	size_t n;

	if (strcmp(t->source->lang->name, "python") != 0) {
		buf_printf(&b, "./%s", file);
		return buf_take(&b);
	}
	if (strncmp(file, "src/", 4) == 0)
		file += 4;
	n = strlen(file) - strlen(".py");
	if (n > 9 && strncmp(file + n - 9, "/__init__", 9) == 0)
		n -= 9;
	for (size_t i = 0; i < n; i++)
		buf_putc(&b, file[i] == '/' ? '.' : file[i]);
	return buf_take(&b);
}

static int put_call(struct site *t, const char *name, json_t *calls, struct err *e)
{
	AUTO_FREE char *module = module_of(t);
	json_t *one = json_pack("{s:{s:{s:s,s:s*,s:O,s:O*}},s:s}", "input", "call", "module",
				module ? module : "", "export", *name ? name : NULL, "args",
				t->args, "kwargs", json_object_size(t->kwargs) ? t->kwargs : NULL,
				"from", t->place);

	return one && json_array_append_new(calls, one) == 0 ? 0
							     : err_set(e, ENOMEM, "out of memory");
}

static int try_frame(struct site *t, uint32_t line, json_t *calls, struct err *e)
{
	AUTO_FREE char *name = NULL, *own = NULL;

	t->function = function_at_line(t->source, line);
	own = ts_node_is_null(t->function) ? NULL : function_name(t->source, t->function);
	(void)snprintf(t->place, sizeof(t->place), "%.200s%s at %.200s:%u", own && *own ? own : "",
		       own && *own ? "()" : "a function", t->file, line);
	name = function_export(t->source, t->function);
	if (!name) {
		(void)refuse(t, "", "is not exported");
		return 0;
	}
	t->args = json_array();
	t->kwargs = json_object();
	if (!t->args || !t->kwargs)
		return err_set(e, ENOMEM, "out of memory");
	return take_all(t) ? put_call(t, name, calls, e) : 0;
}

static int look_at(const struct subject *s, const json_t *frame, json_t *calls, struct buf *why,
		   struct err *e)
{
	const json_int_t line = json_integer_value(json_object_get(frame, "line"));
	struct site t = { .file = json_string_value(json_object_get(frame, "file")),
			  .vars = json_object_get(frame, "vars"),
			  .lost = json_object_get(frame, "vars_lost"),
			  .why = why };
	const struct lang *lang = t.file ? lang_by_path(t.file) : NULL;
	AUTO_BUF struct buf text = BUF_INIT(TEXT_MAX);
	struct err none = ERR_INIT;
	int r;

	if (!t.file || line <= 0 || line > 10000000 || !t.vars)
		return 0;
	(void)snprintf(t.place, sizeof(t.place), "%.200s:%u", t.file, (uint32_t)line);
	if (!lang || tools_read(s->dir, t.file, &text, &none) < 0 ||
	    source_open(t.file, lang, text.p ? text.p : "", text.n, &t.source, &none) < 0) {
		(void)refuse(&t, "", lang ? none.msg : "is in a language that is not read here");
		return 0;
	}
	r = try_frame(&t, (uint32_t)line, calls, e);
	source_close(t.source);
	json_decref(t.args);
	json_decref(t.kwargs);
	return r;
}

int rebuild_calls(const struct subject *s, json_t **out, struct buf *why, struct err *e)
{
	const json_t *chain = json_object_get(s->task->incident, "chain"), *x, *f;
	AUTO_JSON json_t *calls = json_array();
	size_t i, n, seen = 0;
	int r = calls ? 0 : err_set(e, ENOMEM, "out of memory");

	json_array_foreach(chain, i, x) {
		json_array_foreach(json_object_get(x, "frames"), n, f) {
			if (r < 0 || seen == FRAMES_MAX || json_array_size(calls) == REBUILD_MOST)
				break;
			if (!json_is_true(json_object_get(f, "in_app")))
				continue;
			seen++;
			r = look_at(s, f, calls, why, e);
		}
	}
	if (r == 0)
		*out = json_incref(calls);
	return r;
}
