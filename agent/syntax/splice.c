/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/syntax/splice.h"

#include <stdlib.h>
#include <string.h>

int splice_add(struct splice *s, size_t start, size_t end, const char *text, struct err *e)
{
	size_t at = s->n;

	if (s->n == SPLICE_MAX)
		return err_set(e, E2BIG, "more than %d edits in one change", SPLICE_MAX);
	while (at > 0 && s->v[at - 1].start > start)
		at--;
	if (end < start || (at > 0 && s->v[at - 1].end > start) ||
	    (at < s->n && s->v[at].start < end))
		return err_set(e, EINVAL, "edits overlap at byte %zu", start);

	char *copy = strdup(text);

	if (!copy)
		return err_set(e, ENOMEM, "out of memory");
	memmove(&s->v[at + 1], &s->v[at], (s->n - at) * sizeof(s->v[0]));
	s->v[at] = (struct edit){ .start = start, .end = end, .text = copy };
	s->n++;
	return 0;
}

int splice_apply(const struct splice *s, const char *text, size_t n, struct buf *out, struct err *e)
{
	size_t from = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].end > n)
			return err_set(e, ERANGE, "edit ends at byte %zu of %zu", s->v[i].end, n);
		buf_put(out, text + from, s->v[i].start - from);
		buf_puts(out, s->v[i].text);
		from = s->v[i].end;
	}
	buf_put(out, text + from, n - from);
	return buf_check(out, "edited text", e);
}

size_t splice_size(const struct splice *s)
{
	size_t size = 0;

	for (size_t i = 0; i < s->n; i++)
		size += strlen(s->v[i].text) + s->v[i].end - s->v[i].start;
	return size;
}

void splice_release(struct splice *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].text);
	*s = (struct splice){ 0 };
}

size_t before_statement(const struct source *s, TSNode statement)
{
	TSNode first = statement;

	for (;;) {
		const TSNode prev = ts_node_prev_sibling(first);

		if (ts_node_is_null(prev) || !node_is(s, prev, C_COMMENT) ||
		    node_line_end(prev) + 1 != node_line(first))
			break;

		/* a comment after code on its line belongs to that code */
		char indent[128];
		const size_t at = ts_node_start_byte(prev);
		const size_t width = line_indent(s, at, indent, sizeof(indent));

		if (line_start(s, node_line(prev)) + width != at)
			break;
		first = prev;
	}
	return ts_node_start_byte(first);
}
