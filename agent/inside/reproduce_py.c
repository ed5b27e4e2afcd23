/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "agent/inside/input.h"
#include "agent/inside/reproduce.h"

#define TEXT_MAX (1u << 20)

struct py_style {
	char quote, indent[17];
	bool unittest, dates; /* dates: a value needs the datetime module */
	bool awaits;	      /* the failing call is a coroutine */
};

static int put_value(struct buf *out, json_t *v, struct py_style *st, struct err *e);

static int put_list(struct buf *out, json_t *v, struct py_style *st, struct err *e)
{
	json_t *member;
	size_t i;

	json_array_foreach(v, i, member) {
		int r;

		if (i > 0)
			buf_puts(out, ", ");
		r = put_value(out, member, st, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int put_dict(struct buf *out, json_t *v, struct py_style *st, struct err *e)
{
	const char *key, *between = "";
	json_t *member;

	buf_putc(out, '{');
	json_object_foreach(v, key, member) {
		int r;

		buf_puts(out, between);
		between = ", ";
		style_string(out, key, strlen(key), st->quote);
		buf_puts(out, ": ");
		r = put_value(out, member, st, e);
		if (r < 0)
			return r;
	}
	buf_putc(out, '}');
	return 0;
}

static int put_plain(struct buf *out, json_t *v, struct py_style *st, struct err *e)
{
	const char *s = json_string_value(v);
	int r = 0;

	if (s) {
		const bool escaped = s[0] == '$' && s[1] == '$';

		style_string(out, s + escaped, json_string_length(v) - escaped, st->quote);
	} else if (json_is_number(v)) {
		AUTO_FREE char *text = json_dumps(v, JSON_ENCODE_ANY);

		buf_puts(out, text ? text : "0");
	} else if (json_is_array(v)) {
		buf_putc(out, '[');
		r = put_list(out, v, st, e);
		buf_putc(out, ']');
	} else if (json_is_object(v)) {
		r = put_dict(out, v, st, e);
	} else {
		buf_puts(out, json_is_null(v) ? "None" : json_is_true(v) ? "True" : "False");
	}
	return r;
}

static void put_wrapped(struct buf *out, const char *function, const char *text, char quote)
{
	buf_printf(out, "%s(", function);
	style_string(out, text, strlen(text), quote);
	buf_putc(out, ')');
}

static void put_number(struct buf *out, const char *text, char quote)
{
	if (strcmp(text, "-0") == 0)
		buf_puts(out, "-0.0");
	else
		put_wrapped(out, "float",
			    strcmp(text, "NaN") == 0 ? "nan"
			    : text[0] == '-'	     ? "-inf"
						     : "inf",
			    quote);
}

static int put_value(struct buf *out, json_t *v, struct py_style *st, struct err *e)
{
	const char *text = NULL;

	switch (value_kind(v, &text)) {
	case VALUE_PLAIN:
		return put_plain(out, v, st, e);
	case VALUE_UNDEFINED:
		return err_set(e, EINVAL, "Python has no undefined value");
	case VALUE_NAME:
		buf_puts(out, text);
		break;
	case VALUE_NUMBER:
		put_number(out, text, st->quote);
		break;
	case VALUE_BIGINT:
		put_wrapped(out, "int", text, st->quote);
		break;
	case VALUE_DATE: {
		const size_t n = strlen(text);
		const bool zulu = n > 0 && text[n - 1] == 'Z';

		st->dates = true;
		buf_printf(out, "datetime.datetime.fromisoformat(%c%.*s%s%c)", st->quote,
			   (int)(zulu ? n - 1 : n), text, zulu ? "+00:00" : "", st->quote);
		break;
	}
	case VALUE_BYTES:
		put_wrapped(out, "bytes.fromhex", text, st->quote);
		break;
	}
	return 0;
}

/* "from module import name" for what the steps call on modules; a dotted call imports its first
 * part. */
static void put_import(const struct step *p, const char *module, struct buf *imports)
{
	AUTO_BUF struct buf line = BUF_INIT(1024);

	buf_printf(&line, "from %s import %.*s\n", module, (int)strcspn(p->call, "."), p->call);
	if (!imports->p || !strstr(imports->p, line.p))
		buf_puts(imports, line.p);
}

static int put_call(const struct subject *s, const struct step *p, size_t at, struct py_style *st,
		    struct buf *imports, struct buf *out, struct err *e)
{
	const char *module = p->module ? p->module : s->task->module, *key, *between = "";
	json_t *member;
	int r;

	if (!p->call || p->request)
		return err_set(e, EINVAL, "/script/%zu: %s", at,
			       p->call ? "'request' is JavaScript's" : "'call' is missing");
	if (!p->on && (!module || !module[0]))
		return err_set(e, EINVAL, "/script/%zu: 'module' is missing", at);
	if (!p->on)
		put_import(p, module, imports);
	if (p->on)
		buf_printf(out, "%s.", p->on + 1);
	buf_printf(out, "%s(", p->call);
	r = put_list(out, p->args, st, e);
	if (json_array_size(p->args) > 0)
		between = ", ";
	json_object_foreach(p->kwargs, key, member) {
		if (r < 0)
			return r;
		buf_printf(out, "%s%s=", between, key);
		between = ", ";
		r = put_value(out, member, st, e);
	}
	buf_putc(out, ')');
	return r;
}

static const char *type_word(enum result_kind kind)
{
	static const char *const words[] = { NULL, "str", NULL, "bool", "list", "dict" };

	return words[kind];
}

static void put_indent(const struct py_style *st, struct buf *out)
{
	buf_puts(out, st->indent);
	if (st->unittest)
		buf_puts(out, st->indent);
}

static int put_body(const struct subject *s, const struct script *script, enum result_kind kind,
		    struct py_style *st, struct buf *imports, struct buf *out, struct err *e)
{
	const struct step *steps = script->steps.v;
	const char *type = type_word(kind);

	for (size_t i = 0; i < script->steps.n; i++) {
		const bool named = i + 1 == script->steps.n && type;
		int r;

		put_indent(st, out);
		if (named || steps[i].let)
			buf_printf(out, "%s = ", named ? "result" : steps[i].let);
		if (st->awaits && i + 1 == script->steps.n)
			buf_puts(out, "asyncio.run(");
		r = put_call(s, &steps[i], i, st, imports, out, e);
		if (r < 0)
			return r;
		buf_puts(out, st->awaits && i + 1 == script->steps.n ? ")\n" : "\n");
	}
	if (type) {
		put_indent(st, out);
		buf_printf(out,
			   st->unittest ? "self.assertIsInstance(result, %s)\n"
					: "assert isinstance(result, %s)\n",
			   type);
	}
	return 0;
}

/* "test_render_x" -> "TestRenderX" */
static void put_class_name(struct buf *out, const char *name)
{
	bool upper = true;

	for (; *name; name++) {
		if (*name == '_') {
			upper = true;
			continue;
		}
		buf_putc(out, (char)(upper ? toupper((unsigned char)*name) : *name));
		upper = false;
	}
}

static void put_test(const struct py_style *st, const char *name, const struct buf *imports,
		     const struct buf *body, struct buf *out)
{
	if (st->awaits)
		buf_puts(out, "import asyncio\n");
	if (st->dates)
		buf_puts(out, "import datetime\n");
	if (st->unittest)
		buf_puts(out, "import unittest\n");
	if (st->awaits || st->dates || st->unittest)
		buf_putc(out, '\n');
	if (imports->n > 0)
		buf_puts(out, imports->p);
	buf_puts(out, "\n\n");
	if (st->unittest) {
		buf_puts(out, "class ");
		put_class_name(out, name);
		buf_printf(out, "(unittest.TestCase):\n%s", st->indent);
	}
	buf_printf(out, "def %s(%s):\n%s", name, st->unittest ? "self" : "", body->p);
}

/* Imports that fail on the base commit would hide the failure, so keyword names are checked here.
 */
static int check_names(const struct script *script, struct err *e)
{
	const struct step *steps = script->steps.v;

	for (size_t i = 0; i < script->steps.n; i++) {
		const char *key;
		json_t *member;

		json_object_foreach(steps[i].kwargs, key, member) {
			const size_t n =
				strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					    "0123456789_");

			if (n == 0 || key[n] || isdigit((unsigned char)key[0]))
				return err_set(e, EINVAL, "/script/%zu/kwargs: '%s' is not a name",
					       i, key);
		}
	}
	return 0;
}

static int render_script(const struct subject *s, const struct script *script, const json_t *normal,
			 struct rendered *out, struct err *e)
{
	const struct step *last = (const struct step *)script->steps.v + script->steps.n - 1;
	AUTO_BUF struct buf sibling = BUF_INIT(4 * TEXT_MAX), body = BUF_INIT(TEXT_MAX);
	AUTO_BUF struct buf imports = BUF_INIT(TEXT_MAX), content = BUF_INIT(TEXT_MAX);
	AUTO_BUF struct buf name = BUF_INIT(256);
	struct py_style st = { .unittest = strcmp(s->task->framework, "unittest") == 0 };
	AUTO_FREE char *path = NULL;
	const char *text;
	int r = style_sibling(s, ".py", NULL, last->call, &sibling, e);

	if (r == 0)
		r = check_names(script, e);
	if (r < 0)
		return r;
	text = sibling.n ? sibling.p : NULL;
	st.quote = style_quote(text, '"');
	style_indent(text, "    ", st.indent);
	st.awaits = style_is_async(s, text, last->call);
	r = put_body(s, script,
		     text && last->call ? style_result(text, last->call) : RESULT_UNKNOWN, &st,
		     &imports, &body, e);
	if (r == 0)
		r = style_path(s, normal, "test_", '_', ".py", &path, e);
	if (r < 0)
		return r;
	buf_puts(&name, "test_");
	style_name(s, normal, '_', &name);
	put_test(&st, name.p, &imports, &body, &content);
	r = buf_check(&content, "test", e);
	if (r == 0)
		*out = (struct rendered){ take_ptr(path), buf_take(&content), buf_take(&name) };
	return r;
}

int render_py(const struct subject *s, const json_t *normal, struct rendered *out, struct err *e)
{
	return style_script(s, normal, render_script, out, e);
}
