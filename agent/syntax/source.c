/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/syntax/source.h"

#include <stdlib.h>
#include <string.h>

#define PARSE_LIMIT_US 20000000u /* a grammar must not hang on hostile text */

int source_open(const char *path, const struct lang *lang, const char *text, size_t n,
		struct source **out, struct err *e)
{
	struct source *s = calloc(1, sizeof(*s));
	TSParser *parser = ts_parser_new();

	if (!s || !parser || n > SOURCE_MAX)
		goto fail;
	s->lang = lang;
	s->path = strdup(path);
	s->text = malloc(n + 1);
	if (!s->path || !s->text)
		goto fail;
	memcpy(s->text, text, n);
	s->text[n] = '\0';
	s->n = n;
	if (!ts_parser_set_language(parser, lang->grammar()))
		goto fail;
	ts_parser_set_timeout_micros(parser, PARSE_LIMIT_US);
	s->tree = ts_parser_parse_string(parser, NULL, s->text, (uint32_t)n);
	if (!s->tree)
		goto fail;
	s->root = ts_tree_root_node(s->tree);
	ts_parser_delete(parser);
	*out = s;
	return 0;
fail:
	source_close(s);
	if (parser)
		ts_parser_delete(parser);
	if (n > SOURCE_MAX)
		return err_set(e, EFBIG, "'%s' is larger than %u bytes", path, SOURCE_MAX);
	return err_set(e, ENOMEM, "'%s' cannot be parsed as %s", path, lang->name);
}

void source_close(struct source *s)
{
	if (!s)
		return;
	if (s->tree)
		ts_tree_delete(s->tree);
	free(s->path);
	free(s->text);
	free(s);
}

char *node_text(const struct source *s, TSNode node)
{
	if (ts_node_is_null(node))
		return strdup("");

	const uint32_t a = ts_node_start_byte(node), b = ts_node_end_byte(node);

	return strndup(s->text + a, b - a);
}

bool node_is(const struct source *s, TSNode node, unsigned classes)
{
	return lang_is(s->lang, node, classes);
}

bool node_eq(const struct source *s, TSNode node, const char *text)
{
	if (ts_node_is_null(node))
		return false;

	const uint32_t a = ts_node_start_byte(node), b = ts_node_end_byte(node);

	return strlen(text) == b - a && memcmp(s->text + a, text, b - a) == 0;
}

bool node_same(const struct source *s, TSNode a, TSNode b)
{
	if (ts_node_is_null(a) || ts_node_is_null(b))
		return false;

	const uint32_t na = ts_node_end_byte(a) - ts_node_start_byte(a);
	const uint32_t nb = ts_node_end_byte(b) - ts_node_start_byte(b);

	return na == nb &&
	       memcmp(s->text + ts_node_start_byte(a), s->text + ts_node_start_byte(b), na) == 0;
}

TSNode node_field(TSNode node, const char *name)
{
	if (ts_node_is_null(node) || !name)
		return (TSNode){ 0 };
	return ts_node_child_by_field_name(node, name, (uint32_t)strlen(name));
}

bool node_is_type(TSNode node, const char *type)
{
	return !ts_node_is_null(node) && strcmp(ts_node_type(node), type) == 0;
}

TSNode node_parent(TSNode node)
{
	return ts_node_is_null(node) ? node : ts_node_parent(node);
}

uint32_t node_line(TSNode node)
{
	return ts_node_start_point(node).row + 1;
}

uint32_t node_line_end(TSNode node)
{
	return ts_node_end_point(node).row + 1;
}

size_t line_start(const struct source *s, uint32_t line)
{
	const char *p = s->text, *const end = s->text + s->n;

	for (uint32_t i = 1; i < line; i++) {
		p = memchr(p, '\n', (size_t)(end - p));
		if (!p)
			return s->n;
		p++;
	}
	return (size_t)(p - s->text);
}

size_t line_indent(const struct source *s, size_t byte, char *out, size_t cap)
{
	size_t a = byte, n = 0;

	while (a > 0 && s->text[a - 1] != '\n')
		a--;
	while (n + 1 < cap && (s->text[a + n] == ' ' || s->text[a + n] == '\t')) {
		out[n] = s->text[a + n];
		n++;
	}
	out[n] = '\0';
	return n;
}

TSNode node_enclosing(const struct source *s, TSNode node, unsigned classes)
{
	while (!ts_node_is_null(node) && !node_is(s, node, classes))
		node = node_parent(node);
	return node;
}

bool node_within(TSNode inner, TSNode outer)
{
	return !ts_node_is_null(outer) && !ts_node_is_null(inner) &&
	       ts_node_start_byte(inner) >= ts_node_start_byte(outer) &&
	       ts_node_end_byte(inner) <= ts_node_end_byte(outer);
}

/* By cursor, not by recursion: the depth of a tree is the text's choice. */
void source_walk(const struct source *s, TSNode root, walk_fn fn, void *ctx)
{
	TSTreeCursor c;
	bool down = true;

	if (ts_node_is_null(root))
		return;
	c = ts_tree_cursor_new(root);

	for (;;) {
		if (down) {
			const TSNode node = ts_tree_cursor_current_node(&c);
			const enum walk w = ts_node_is_named(node) ? fn(s, node, ctx) : WALK_SKIP;

			if (w == WALK_STOP)
				break;
			if (w == WALK_ON && ts_tree_cursor_goto_first_child(&c))
				continue;
		}
		if (ts_node_eq(ts_tree_cursor_current_node(&c), root))
			break;
		down = ts_tree_cursor_goto_next_sibling(&c);
		if (!down && !ts_tree_cursor_goto_parent(&c))
			break;
	}
	ts_tree_cursor_delete(&c);
}
