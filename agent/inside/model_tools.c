/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <string.h>

#include "agent/inside/model_impl.h"
#include "runtime/base/utf8.h"

/* The tools as a model is offered them, and one call of one: the arguments' table is their schema,
 * what checks them, and what an error says. */

#define TOOLS_MAX 32

static size_t all_tools(const struct model_agent *a, const struct tool *out[TOOLS_MAX])
{
	const struct tool *const lists[] = { model_tools_tree, model_tools_gate };
	const unsigned role = a->reproduce ? TOOL_REPRODUCE : TOOL_PATCH;
	size_t n = 0;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (const struct tool *t = lists[i]; t->name && n < TOOLS_MAX; t++)
			if (t->roles & role)
				out[n++] = t;
	return n;
}

static json_t *kind_schema(const struct jmap *m)
{
	json_t *words = NULL;

	switch ((int)m->kind) {
	case JMAP_BOOL:
		return json_pack("{s:s,s:s}", "type", "boolean", "description", m->help);
	case JMAP_U64:
		return json_pack("{s:s,s:s}", "type", "integer", "description", m->help);
	case JMAP_STRS:
		return json_pack("{s:s,s:{s:s},s:s}", "type", "array", "items", "type", "string",
				 "description", m->help);
	case JMAP_ENUM:
		words = json_array();
		for (size_t i = 0; words && m->words[i]; i++)
			(void)json_array_append_new(words, json_string(m->words[i]));
		return json_pack("{s:s,s:o,s:s}", "type", "string", "enum", words, "description",
				 m->help);
	default:
		return json_pack("{s:s,s:s}", "type", "string", "description", m->help);
	}
}

static json_t *schema(const struct tool *t)
{
	json_t *properties = json_object(), *required = json_array();

	for (const struct jmap *m = t->args; m->name; m++) {
		(void)json_object_set_new(properties, m->name, kind_schema(m));
		if (m->required)
			(void)json_array_append_new(required, json_string(m->name));
	}
	return json_pack("{s:s,s:o,s:o,s:b}", "type", "object", "properties", properties,
			 "required", required, "additionalProperties", 0);
}

json_t *model_tools_offer(const struct model_agent *a)
{
	const struct tool *tools[TOOLS_MAX];
	const size_t n = all_tools(a, tools);
	json_t *list = json_array();

	for (size_t i = 0; list && i < n; i++) {
		json_t *one = json_pack("{s:s,s:s,s:o}", "name", tools[i]->name, "description",
					tools[i]->help, "schema", schema(tools[i]));

		if (json_array_append_new(list, one) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* ---- results ---- */

int tool_gives(struct tool_result *out, json_t *value, struct err *e)
{
	if (!value)
		return err_set(e, ENOMEM, "out of memory");
	out->value = value;
	return 0;
}

json_t *tool_text(const char *text, size_t n)
{
	AUTO_BUF struct buf clean = BUF_INIT(3 * n + 1);

	utf8_clean(text ? text : "", n, &clean);
	return json_stringn(clean.p ? clean.p : "", clean.n);
}

int tool_fails(struct tool_result *out, struct err *e, const char *fmt, ...)
{
	AUTO_FREE char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return err_set(e, ENOMEM, "out of memory");
	out->failed = true;
	return tool_gives(out, json_pack("{s:o}", "error", tool_text(text, (size_t)n)), e);
}

static int refused(struct tool_result *out, struct gate_refusal *why, const char *instead,
		   struct err *e)
{
	json_t *v = json_pack("{s:{s:s,s:s,s:s},s:s}", "refused", "rule",
			      why->rule && *why->rule ? why->rule : "default", "place",
			      why->place ? why->place : "", "reason",
			      why->reason ? why->reason : "", "instead", instead);

	jmap_release(gate_refusal_map, why);
	out->failed = true;
	*e = (struct err)ERR_INIT;
	return tool_gives(out, v, e);
}

static void put_listed(const json_t *scope, const char *member, struct buf *out)
{
	const json_t *source, *rule;
	size_t i, k, n = 0;

	json_array_foreach(scope, i, source)
		json_array_foreach(json_object_get(source, member), k, rule) {
			AUTO_FREE char *text = json_dumps(rule, JSON_COMPACT | JSON_ENCODE_ANY);

			if (text && n++ < 12)
				buf_printf(out, "%s%s", n > 1 ? ", " : "", text);
		}
	if (n == 0)
		buf_puts(out, "none that is named");
}

int tool_refused_changes(const struct model_agent *a, struct tool_result *out,
			 struct gate_refusal *why, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(8192);

	if (a->reproduce)
		buf_printf(&b, "a new test file in '%s'; files that may change: ",
			   a->task->test_dir ? a->task->test_dir : "the directory of the tests");
	else
		buf_puts(&b, "files that may change, where no rule denies one: ");
	put_listed(a->task->scope, "code/allow", &b);
	return refused(out, why, b.p ? b.p : "", e);
}

int tool_refused_command(const struct model_agent *a, struct tool_result *out,
			 struct gate_refusal *why, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(8192);

	buf_puts(&b, "read and search need no command, evaluate runs the tests; rules for "
		     "commands: ");
	put_listed(a->task->scope, "commands", &b);
	return refused(out, why, b.p ? b.p : "", e);
}

/* ---- one call ---- */

static int unknown_tool(const struct tool *const *tools, size_t n, const char *name,
			struct tool_result *out, struct err *e)
{
	AUTO_BUF struct buf names = BUF_INIT(4096);
	const char *words[TOOLS_MAX], *near;

	for (size_t i = 0; i < n; i++) {
		words[i] = tools[i]->name;
		buf_printf(&names, "%s%s", i ? ", " : "", words[i]);
	}
	near = word_nearest(name, words, n);
	return tool_fails(out, e, "there is no tool '%.100s'%s%s%s; the tools are %s", name,
			  near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "",
			  names.p ? names.p : "none");
}

static int wrong_arguments(const struct tool *t, const char *why, struct tool_result *out,
			   struct err *e)
{
	json_t *v =
		json_pack("{s:o,s:o}", "error", tool_text(why, strlen(why)), "schema", schema(t));

	out->failed = true;
	return tool_gives(out, v, e);
}

/* Some models name every argument and say null for those that they leave out. */
static json_t *without_nulls(const json_t *input)
{
	json_t *copy = json_object(), *value;
	const char *key;

	json_object_foreach((json_t *)(uintptr_t)input, key, value)
		if (!json_is_null(value) && json_object_set(copy, key, value) < 0) {
			json_decref(copy);
			return NULL;
		}
	return copy;
}

static int run_tool(struct model_agent *a, const struct tool *t, const json_t *input,
		    struct tool_result *out, struct err *e)
{
	union {
		char bytes[TOOL_ARGS_MAX];
		uint64_t aligned;
	} args = { { 0 } };
	AUTO_JSON json_t *given = NULL;
	struct err bad = ERR_INIT;
	int r;

	if (!json_is_object(input))
		return wrong_arguments(t, "the arguments are not an object", out, e);
	given = without_nulls(input);
	if (!given)
		return err_set(e, ENOMEM, "out of memory");
	if (jmap_read(t->args, given, &args, "", &bad) < 0)
		r = wrong_arguments(t, bad.msg, out, e);
	else
		r = t->run(a, &args, out, e);
	jmap_release(t->args, &args);
	return r;
}

int model_tools_call(struct model_agent *a, const char *name, const json_t *input,
		     struct tool_result *out, struct err *e)
{
	const struct tool *tools[TOOLS_MAX];
	const size_t n = all_tools(a, tools);

	*out = (struct tool_result){ 0 };
	for (size_t i = 0; i < n; i++)
		if (strcmp(tools[i]->name, name) == 0)
			return run_tool(a, tools[i], input, out, e);
	return unknown_tool(tools, n, name, out, e);
}
