/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/sse.h"

#include <string.h>

#include "runtime/base/utf8.h"

void sse_init(struct sse *s, size_t max)
{
	*s = (struct sse){ .line = BUF_INIT(max), .data = BUF_INIT(max) };
}

void sse_release(struct sse *s)
{
	buf_release(&s->line);
	buf_release(&s->data);
}

static bool is_text(const char *p, size_t n)
{
	while (n) {
		const size_t k = *p ? utf8_length(p, n) : 0;

		if (k == 0)
			return false;
		p += k;
		n -= k;
	}
	return true;
}

static int dispatch(struct sse *s, sse_fn *event, void *arg, struct err *e)
{
	int r = 0;

	if (s->has_data) {
		buf_put(&s->data, "", 0);
		r = event(arg, s->name[0] ? s->name : NULL, s->data.p, s->data.n, e);
	}
	buf_reset(&s->data);
	s->has_data = false;
	s->name[0] = '\0';
	return r;
}

static bool is_field(const char *line, size_t n, const char *name)
{
	return n == strlen(name) && memcmp(line, name, n) == 0;
}

static int take_field(struct sse *s, const char *line, size_t n, struct err *e)
{
	const char *colon = memchr(line, ':', n);
	const size_t name = colon ? (size_t)(colon - line) : n;
	const char *value = colon ? colon + 1 : line + n;
	size_t left = n - (size_t)(value - line);

	if (left && *value == ' ')
		value++, left--;
	if (is_field(line, name, "data")) {
		if (s->has_data)
			buf_putc(&s->data, '\n');
		buf_put(&s->data, value, left);
		s->has_data = true;
		if (s->data.failed)
			return err_set(e, EMSGSIZE, "an event is larger than %zu bytes",
				       s->data.max);
	} else if (is_field(line, name, "event")) {
		if (left >= sizeof(s->name))
			return err_set(e, EBADMSG, "an event's name is longer than %d bytes",
				       SSE_NAME - 1);
		memcpy(s->name, value, left);
		s->name[left] = '\0';
	}
	return 0;
}

/* One line without its end. */
static int take_line(struct sse *s, sse_fn *event, void *arg, struct err *e)
{
	const char *line = s->line.p ? s->line.p : "";
	size_t n = s->line.n;
	int r = 0;

	if (!s->begun && n >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0)
		line += 3, n -= 3;
	s->begun = true;
	if (n == 0)
		r = dispatch(s, event, arg, e);
	else if (!is_text(line, n))
		r = err_set(e, EBADMSG, "a line of its stream is not UTF-8");
	else if (*line != ':')
		r = take_field(s, line, n, e);
	buf_reset(&s->line);
	return r < 0 ? r : 0;
}

static size_t line_part(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && p[i] != '\n' && p[i] != '\r')
		i++;
	return i;
}

int sse_feed(struct sse *s, const void *data, size_t n, sse_fn *event, void *arg, struct err *e)
{
	const char *p = data;

	while (n) {
		size_t part;

		if (s->after_cr && *p == '\n') {
			s->after_cr = false;
			p++, n--;
			continue;
		}
		s->after_cr = false;
		part = line_part(p, n);
		buf_put(&s->line, p, part);
		if (s->line.failed)
			return err_set(e, EMSGSIZE, "a line of its stream is larger than %zu bytes",
				       s->line.max);
		if (part == n)
			break;
		s->after_cr = p[part] == '\r';
		p += part + 1;
		n -= part + 1;
		if (take_line(s, event, arg, e) < 0)
			return -e->code;
	}
	return 0;
}

int sse_end(struct sse *s, sse_fn *event, void *arg, struct err *e)
{
	return s->line.n ? 0 : dispatch(s, event, arg, e);
}
