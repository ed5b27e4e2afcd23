/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "agent/inside/input.h"
#include "agent/inside/reproduce.h"

#define TEXT_MAX (1u << 20)

/* ---- what a function returns, from the project's header ---- */

static int read_header(const struct subject *s, struct buf *out, struct err *e)
{
	static const char *const places[] = { "", "include/", "src/", "lib/" };
	const char *module = s->task->module ? s->task->module : "";

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		AUTO_BUF struct buf path = BUF_INIT(8192);
		struct err ignored = ERR_INIT;

		buf_printf(&path, "%s%s", places[i], module);
		if (buf_check(&path, "header", &ignored) == 0 &&
		    tools_read(s->dir, path.p, out, &ignored) == 0)
			return 0;
	}
	return err_set(e, ENOENT, "header '%s' not found in the repository", module);
}

/* The end of a comment that begins at p. */
static char *comment_end(char *p)
{
	const bool block = p[1] == '*';
	char *const end = strstr(p + 2, block ? "*/" : "\n");

	if (!end)
		return p + strlen(p);
	return block ? end + 2 : end;
}

/* The end of a preprocessor line that begins at p, continuations included. */
static char *directive_end(char *p)
{
	while (*p && (*p != '\n' || p[-1] == '\\'))
		p++;
	return p;
}

/* Blanks comments and preprocessor lines, so that a declaration can be found by looking back. */
static void blank_noise(char *p)
{
	bool fresh = true; /* only white space on this line so far */

	while (*p) {
		char *end = p;

		if (p[0] == '/' && (p[1] == '*' || p[1] == '/'))
			end = comment_end(p);
		else if (fresh && *p == '#')
			end = directive_end(p);
		if (end > p) {
			memset(p, ' ', (size_t)(end - p));
			p = end;
			continue;
		}
		fresh = *p == '\n' || (fresh && isspace((unsigned char)*p));
		p++;
	}
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* "API(item *) " -> "item *": a macro that marks what is exported. */
static void strip_macro(char *type)
{
	char *open = strchr(type, '('), *close = strrchr(type, ')');

	if (open && close && close > open && open > type) {
		*close = '\0';
		memmove(type, open + 1, strlen(open + 1) + 1);
	}
	if (strncmp(type, "extern ", 7) == 0)
		memmove(type, type + 7, strlen(type + 7) + 1);
	for (size_t n = strlen(type); n > 0 && isspace((unsigned char)type[n - 1]);)
		type[--n] = '\0';
}

/* The type before NAME( in a declaration of the header; false: not declared there. */
static bool declared_type(const char *header, const char *name, char out[128])
{
	const size_t len = strlen(name);

	for (const char *p = header; (p = strstr(p, name)); p += len) {
		const char *start = p;

		if ((p > header && is_word(p[-1])) || p[len + strspn(p + len, " ")] != '(')
			continue;
		while (start > header && !strchr(";}{\\", start[-1]))
			start--;
		start += strspn(start, " \t\r\n");
		if (start == p || p - start > 127)
			continue;
		(void)snprintf(out, 128, "%.*s", (int)(p - start), start);
		for (char *c = out; *c; c++)
			*c = *c == '\n' ? ' ' : *c;
		strip_macro(out);
		return out[0] != '\0';
	}
	return false;
}

/* ---- values ---- */

static void put_string(struct buf *out, const char *s, size_t n)
{
	buf_putc(out, '"');
	for (size_t i = 0; i < n; i++) {
		const unsigned char c = (unsigned char)s[i];

		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c == '\n')
			buf_puts(out, "\\n");
		else if (c == '\t')
			buf_puts(out, "\\t");
		else if (c < 0x20 || c >= 0x7f || c == '?')
			buf_printf(out, c == '?' ? "\\?" : "\\%03o", c);
		else
			buf_putc(out, (char)c);
	}
	buf_putc(out, '"');
}

static int put_plain(struct buf *out, const json_t *v, struct err *e)
{
	const char *s = json_string_value(v);

	if (s) {
		const bool escaped = s[0] == '$' && s[1] == '$';

		put_string(out, s + escaped, json_string_length(v) - escaped);
	} else if (json_is_integer(v)) {
		buf_printf(out, "%lld", (long long)json_integer_value(v));
	} else if (json_is_real(v)) {
		AUTO_FREE char *text = json_dumps(v, JSON_ENCODE_ANY);

		buf_puts(out, text ? text : "0");
	} else if (json_is_boolean(v)) {
		buf_puts(out, json_is_true(v) ? "1" : "0");
	} else if (json_is_null(v)) {
		buf_puts(out, "NULL");
	} else {
		return err_set(e, EINVAL, "C has no literal for an array or object argument");
	}
	return 0;
}

static int put_bytes(struct buf *out, const char *hex, struct err *e)
{
	buf_putc(out, '"');
	for (; hex[0] && hex[1]; hex += 2) {
		const char pair[3] = { hex[0], hex[1], '\0' };

		if (!isxdigit((unsigned char)hex[0]) || !isxdigit((unsigned char)hex[1]))
			return err_set(e, EINVAL, "$bytes: '%s' is not hexadecimal", hex);
		buf_printf(out, "\\%03lo", strtoul(pair, NULL, 16));
	}
	buf_putc(out, '"');
	return 0;
}

static int put_value(struct buf *out, const json_t *v, struct err *e)
{
	const char *text = NULL;

	switch (value_kind(v, &text)) {
	case VALUE_PLAIN:
		return put_plain(out, v, e);
	case VALUE_NAME:
	case VALUE_BIGINT:
		buf_puts(out, text);
		return 0;
	case VALUE_NUMBER:
		buf_puts(out, strcmp(text, "NaN") == 0	? "NAN"
			      : strcmp(text, "-0") == 0 ? "-0.0"
			      : text[0] == '-'		? "-INFINITY"
							: "INFINITY");
		return 0;
	case VALUE_BYTES:
		return put_bytes(out, text, e);
	case VALUE_UNDEFINED:
	case VALUE_DATE:
		break;
	}
	return err_set(e, EINVAL, "C has no literal for this value");
}

/* ---- the test ---- */

static int put_call(const struct step *p, size_t at, struct buf *out, struct err *e)
{
	const json_t *arg;
	size_t i;

	if (!p->call || p->on || strchr(p->call, '.'))
		return err_set(e, EINVAL, "/script/%zu: 'call' must name a C function", at);
	if (json_object_size(p->kwargs) > 0)
		return err_set(e, EINVAL, "/script/%zu/kwargs: C has no keyword arguments", at);
	buf_printf(out, "%s(", p->call);
	json_array_foreach(p->args, i, arg) {
		int r;

		if (i > 0)
			buf_puts(out, ", ");
		r = put_value(out, arg, e);
		if (r < 0)
			return r;
	}
	buf_puts(out, ");\n");
	return 0;
}

static int put_declaration(const struct step *p, const char *header, struct buf *out, struct err *e)
{
	char type[128];

	if (!p->call || !declared_type(header, p->call, type))
		return err_set(e, ENOENT, "the header declares no function '%s'",
			       p->call ? p->call : "");
	buf_printf(out, "%s%s%s = ", type, type[strlen(type) - 1] == '*' ? "" : " ", p->let);
	return 0;
}

static int put_body(const struct script *script, const char *header, const char *indent,
		    struct buf *out, struct err *e)
{
	const struct step *steps = script->steps.v;

	for (size_t i = 0; i < script->steps.n; i++) {
		int r = 0;

		if (i > 0 && steps[i - 1].let && !steps[i].let)
			buf_putc(out, '\n');
		buf_puts(out, indent);
		if (steps[i].let)
			r = put_declaration(&steps[i], header, out, e);
		if (r == 0)
			r = put_call(&steps[i], i, out, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static void put_test(const struct subject *s, const char *title, const char *indent,
		     const struct buf *body, struct buf *out)
{
	if (strstr(body->p, "NAN") || strstr(body->p, "INFINITY"))
		buf_puts(out, "#include <math.h>\n");
	buf_printf(out, "#include <stddef.h>\n\n#include \"%s\"\n\n", s->task->module);
	buf_printf(out, "/* %s: must return */\nint main(void)\n{\n%s%sreturn 0;\n}\n", title,
		   body->p, indent);
}

static int render_script(const struct subject *s, const struct script *script, const json_t *normal,
			 struct rendered *out, struct err *e)
{
	AUTO_BUF struct buf header = BUF_INIT(4 * TEXT_MAX), sibling = BUF_INIT(4 * TEXT_MAX);
	AUTO_BUF struct buf body = BUF_INIT(TEXT_MAX), content = BUF_INIT(TEXT_MAX);
	AUTO_BUF struct buf title = BUF_INIT(512);
	AUTO_FREE char *path = NULL;
	char indent[17];
	int r = read_header(s, &header, e);

	if (r == 0 && header.p)
		blank_noise(header.p);
	if (r == 0)
		r = style_sibling(s, ".c", "main", NULL, &sibling, e);
	if (r < 0)
		return r;
	style_indent(sibling.n ? sibling.p : NULL, "    ", indent);
	r = put_body(script, header.p ? header.p : "", indent, &body, e);
	if (r == 0)
		r = style_path(s, normal, "", '_', ".c", &path, e);
	if (r < 0)
		return r;
	style_title(s, normal, &title);
	put_test(s, title.p, indent, &body, &content);
	r = buf_check(&content, "test", e);
	if (r == 0)
		*out = (struct rendered){ take_ptr(path), buf_take(&content), buf_take(&title) };
	return r;
}

int render_c(const struct subject *s, const json_t *normal, struct rendered *out, struct err *e)
{
	struct script script = { 0 };
	int r;

	if (!json_object_get(normal, "script"))
		return err_set(e, EINVAL, "a command cannot be replayed by a C test program");
	r = jmap_read(script_map, normal, &script, "", e);
	if (r == 0)
		r = render_script(s, &script, normal, out, e);
	jmap_release(script_map, &script);
	return r;
}
