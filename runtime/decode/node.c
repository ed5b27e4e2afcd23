/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "runtime/base/buf.h"
#include "runtime/decode/trace.h"

/*
 * Node.js (V8) stacks: innermost frame first.  An uncaught error is printed as
 * the place, the source line and a caret, a blank line, then the error as
 * util.inspect() shows it: header, frames, and in braces its own properties,
 * among them [cause]: the next error inwards, and [errors]: of an AggregateError.
 */
#define HEADER_SEARCH 400 /* lines of a message above the first frame */

struct header {
	const char *type, *code, *rest; /* rest: the message's first line */
	size_t type_len, code_len;
	bool bracket; /* "[Type: message]": without a stack */
};

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '$' || c == '.' || (unsigned char)c >= 0x80;
}

static bool is_error_name(const char *s, size_t n)
{
	return (n >= 5 && memcmp(s + n - 5, "Error", 5) == 0) ||
	       (n >= 9 && memcmp(s + n - 9, "Exception", 9) == 0);
}

/* "Type: message", "Type [CODE]: message", "Type"; strong: the name itself says that it is an
 * error. */
static bool header_split(const char *s, bool strong, struct header *h)
{
	*h = (struct header){ 0 };
	s = text_skip(s);
	if (text_starts(s, "Uncaught "))
		s += strlen("Uncaught ");
	h->bracket = *s == '[';
	s += h->bracket;
	if (!is_word(*s) || *s == '.' || (*s >= '0' && *s <= '9'))
		return false;
	h->type = s;
	while (is_word(*s))
		s++;
	h->type_len = (size_t)(s - h->type);
	if (h->type_len > 128 || (strong && !is_error_name(h->type, h->type_len)))
		return false;
	if (s[0] == ' ' && s[1] == '[') {
		h->code = s + 2;
		h->code_len = strspn(h->code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
		s = h->code + h->code_len;
		if (h->code_len == 0 || *s++ != ']')
			return false;
	}
	if (s[0] == ':' && (s[1] == ' ' || s[1] == '\0'))
		h->rest = s + (s[1] ? 2 : 1);
	else if (strong && (*s == '\0' || strcmp(s, " {") == 0 || strcmp(s, "]") == 0))
		h->rest = "";
	return h->rest != NULL;
}

static bool is_frame(const char *line)
{
	return text_indent(line) > 0 && text_starts(text_skip(line), "at ");
}

static bool is_caret(const char *line)
{
	const char *s = text_skip(line);

	return *s == '^' && s[strspn(s, "^")] == '\0';
}

/*
 * The header above the frame at `first`: the nearest line that names an error,
 * or one further up without a blank line or caret between (a message may quote
 * another error); failing that, whatever "Word: text" stands right above.
 */
static size_t header_find(const struct text *t, size_t from, size_t first)
{
	const size_t low = first - from > HEADER_SEARCH ? first - HEADER_SEARCH : from;
	size_t best = first;
	struct header h;

	for (size_t i = first; i-- > low;) {
		if (is_frame(t->line[i]) || is_caret(t->line[i]) ||
		    (best < first && *text_skip(t->line[i]) == '\0'))
			break;
		if (header_split(t->line[i], true, &h))
			best = i;
	}
	if (best == first && first > from && header_split(t->line[first - 1], false, &h))
		best = first - 1;
	return best;
}

/* "Type: text {" has no stack of its own: its properties follow at once. */
static bool opens_body(const char *line)
{
	return text_ends(line, " {");
}

/* The message: the rest of the header and the lines up to `end`. */
static json_t *add_error(struct trace *out, const struct text *t, size_t at, size_t end,
			 const struct header *h)
{
	AUTO_BUF struct buf msg = BUF_INIT(1u << 20);
	json_t *x;

	if (h->code_len)
		buf_printf(&msg, "[%.*s] ", (int)h->code_len, h->code);
	buf_puts(&msg, h->rest);
	for (size_t i = at + 1; i < end; i++) {
		buf_putc(&msg, '\n');
		buf_puts(&msg, t->line[i]);
	}
	while (msg.n && strchr("\n ", msg.p[msg.n - 1]))
		msg.p[--msg.n] = '\0';
	if (end <= at + 1 && msg.n >= 2 && strcmp(msg.p + msg.n - 2, " {") == 0)
		msg.p[msg.n -= 2] = '\0';
	if (h->bracket && msg.n && msg.p[msg.n - 1] == ']')
		msg.p[--msg.n] = '\0';
	x = trace_exception(out, h->type, h->type_len, msg.p ? msg.p : "");
	if (h->code_len)
		trace_code(out, x, h->code, h->code_len);
	return x;
}

/* "  code: 'ENOSPC'," and "  status: 404," among the properties of an error. */
static void property_read(struct trace *out, json_t *x, const char *s)
{
	unsigned long status;

	if (text_starts(s, "code: '"))
		trace_code(out, x, s + strlen("code: '"), strcspn(s + strlen("code: '"), "'"));
	s += text_starts(s, "status: ")	      ? strlen("status: ")
	     : text_starts(s, "statusCode: ") ? strlen("statusCode: ")
					      : 0;
	if (text_number(&s, &status))
		trace_status(out, x, status);
}

/* Undoes %XX of a file: URL in place. */
static void percent_decode(char *s)
{
	char *to = s;

	for (; *s; s++) {
		char hex[3] = { 0 };

		if (s[0] == '%' && s[1] && s[2]) {
			char *end;
			unsigned long c;

			memcpy(hex, s + 1, 2);
			c = strtoul(hex, &end, 16);
			if (*end == '\0' && c >= ' ' && c < 0x7f) {
				*to++ = (char)c;
				s += 2;
				continue;
			}
		}
		*to++ = *s;
	}
	*to = '\0';
}

/* What stands in the brackets: a file with line and column, or a word such as "native". */
static void location_parse(char *s, size_t n, struct place *p)
{
	if (text_starts(s, "eval at ")) { /* eval at f (FILE:1:2), <anonymous>:1:1 */
		char *open = strrchr(s, '(');
		const char *close = open ? strchr(open, ')') : NULL;

		if (!close)
			return;
		n = (size_t)(close - open - 1);
		s = open + 1;
	}
	text_place(s, n, &p->file_len, &p->line, &p->column);
	if (!p->line) { /* "native", "<anonymous>", "index 0": no file */
		p->file_len = 0;
		return;
	}
	if (p->file_len == 11 && memcmp(s, "<anonymous>", 11) == 0) {
		p->file_len = p->line = p->column = 0;
		return;
	}
	s[p->file_len] = '\0';
	if (text_starts(s, "file://")) {
		s += strlen("file://");
		percent_decode(s);
	}
	p->file = s;
	p->file_len = strlen(s);
}

/* "Object.encode [as alias]" -> "Object.encode"; an anonymous function has no name. */
static void function_trim(struct place *p)
{
	const char *alias = memmem(p->function, p->function_len, " [as ", 5);

	if (alias)
		p->function_len = (size_t)(alias - p->function);
	if (p->function_len == 11 && memcmp(p->function, "<anonymous>", 11) == 0)
		p->function_len = 0;
}

static void frame_parse(struct trace *out, json_t *owner, const char *line)
{
	AUTO_FREE char *s = strdup(text_skip(line) + strlen("at "));
	struct place p = { 0 };
	char *open, *loc;
	size_t n;

	if (!s) {
		out->failed = true;
		return;
	}
	n = strlen(s);
	if (n >= 2 && strcmp(s + n - 2, " {") == 0)
		s[n -= 2] = '\0';
	if (n && s[n - 1] == ',') /* one of several errors in a list */
		s[--n] = '\0';
	loc = s;
	if (text_starts(loc, "async ")) {
		p.async = true;
		loc += strlen("async ");
	}
	open = strstr(loc, " (");
	if (open && text_ends(s, ")")) {
		s[n - 1] = '\0';
		p.function = loc;
		p.function_len = (size_t)(open - loc);
		function_trim(&p);
		loc = open + 2;
	}
	location_parse(loc, strlen(loc), &p);
	if (!p.file_len && !p.function_len && !open) { /* "at async Promise.all" has a name only */
		p.function = loc;
		p.function_len = strlen(loc);
		function_trim(&p);
	}
	trace_frame(out, owner, &p);
}

/* The end of "[errors]: [" at `at`: the line of its "]". */
static size_t members_end(const struct text *t, size_t at)
{
	const size_t indent = text_indent(t->line[at]);

	for (at++; at < t->n; at++)
		if (text_indent(t->line[at]) <= indent && *text_skip(t->line[at]) == ']')
			break;
	return at;
}

/*
 * The errors inside an AggregateError at `at`.  One that was thrown somewhere
 * tells where; one without a stack of its own (Promise.any) was caused by its
 * members, and the first stands for them.  Returns the line of the "]".
 */
static size_t members_parse(const struct text *t, size_t at, const json_t *x, struct trace *out)
{
	const size_t end = members_end(t, at), indent = text_indent(t->line[at]) + 2;
	bool wanted = json_array_size(json_object_get(x, "frames")) == 0;
	size_t members = 0, kept = 0;
	json_t *first = NULL;
	struct header h;

	for (at++; at < end; at++) {
		const char *line = t->line[at];

		if (is_frame(line)) {
			if (first && members == kept)
				frame_parse(out, first, line);
		} else if (text_indent(line) == indent && header_split(line, true, &h)) {
			members++;
			if (wanted) {
				first = add_error(out, t, at, at + 1, &h);
				kept = 1;
			}
			wanted = false;
		}
	}
	if (members > kept)
		trace_loss(out, "chain", "%zu errors inside an AggregateError were left out",
			   members - kept);
	return end;
}

static size_t next_stop(const struct text *t, size_t at)
{
	for (; at < t->n; at++) {
		const char *s = text_skip(t->line[at]);

		if (is_frame(t->line[at]) || *s == '}' || text_starts(s, "[cause]: "))
			break;
	}
	return at;
}

/* "[cause]: Type: message": the next error inwards, or a value that is none. */
static json_t *cause_add(const struct text *t, size_t *at, struct trace *out)
{
	const char *s = text_skip(t->line[*at]) + strlen("[cause]: ");
	const size_t stop = next_stop(t, *at + 1);
	const bool stack = stop < t->n && is_frame(t->line[stop]) && !opens_body(t->line[*at]);
	const size_t end = stack ? stop : *at + 1;
	struct header h;
	json_t *x;

	if (!header_split(s, !stack, &h)) {
		trace_loss(out, "chain", "the cause is not an error: %.200s", s);
		return NULL;
	}
	x = add_error(out, t, *at, end, &h);
	*at = end - 1;
	return x;
}

/* Frames, and at depth > 0 the properties in braces; returns the line after. */
static size_t body_parse(const struct text *t, size_t at, size_t depth, json_t *x,
			 struct trace *out)
{
	size_t indent = depth && at < t->n ? text_indent(t->line[at]) : 0; /* of x's properties */

	bool emitted = false; /* where an event passed the error on: not its stack */

	for (; at < t->n; at++) {
		const char *s = text_skip(t->line[at]);
		const bool own = is_frame(t->line[at]) || text_starts(s, "[cause]: ");

		if (is_frame(t->line[at])) {
			if (!emitted)
				frame_parse(out, x, t->line[at]);
		} else if (text_starts(s, "... ") && strstr(s, " lines matching cause")) {
			trace_loss(out, "frames", "shared with the cause, not printed: %.60s", s);
		} else if (depth == 0 && text_starts(s, "Emitted 'error' event ")) {
			emitted = true;
		} else if (depth == 0) {
			break;
		} else if (text_starts(s, "[cause]: ")) {
			x = cause_add(t, &at, out);
		} else if (text_starts(s, "[errors]: [") && !text_ends(s, "]")) {
			at = members_parse(t, at, x, out);
			continue;
		} else if (*s == '}') {
			depth--;
			continue;
		} else if (text_indent(t->line[at]) == indent) {
			property_read(out, x, s);
		}
		if (at >= t->n || !opens_body(t->line[at]))
			continue;
		depth++;
		if (own && at + 1 < t->n)
			indent = text_indent(t->line[at + 1]);
	}
	return at;
}

/* After the first trace: the version, and whether another one follows. */
static void rest_parse(const struct text *t, size_t at, struct trace *out)
{
	bool more = false;

	for (; at < t->n; at++) {
		more |= is_frame(t->line[at]);
		if (text_starts(t->line[at], "Node.js v") &&
		    json_object_set_new(
			    out->runtime, "version",
			    json_stringn(t->line[at] + 9, strcspn(t->line[at] + 9, " "))) < 0)
			out->failed = true;
	}
	if (more)
		trace_loss(out, "report", "only the first trace was read");
}

/* An error that was printed without a stack. */
static void header_only(const struct text *t, struct trace *out)
{
	struct header h;

	for (size_t i = 0; i < t->n; i++) {
		if (!header_split(t->line[i], true, &h))
			continue;
		(void)add_error(out, t, i, i + 1, &h);
		trace_loss(out, "frames", "the error has no stack");
		return;
	}
}

/* What cannot be parsed has no frame of its own: its place stands above the caret. */
static void syntax_place(const struct text *t, size_t header, json_t *x, struct trace *out)
{
	struct place p = { 0 };

	for (size_t i = 0; i + 2 < header; i++) {
		const char *s = t->line[i];

		text_place(s, strlen(s), &p.file_len, &p.line, &p.column);
		if (!p.line || !is_caret(t->line[i + 2]))
			continue;
		p.file = s;
		trace_frame(out, x, &p);
		return;
	}
}

/* "12:00:01 ERROR Type: message": a logger wrote something in front of the header. */
static bool header_inside(const char *line, struct header *h)
{
	for (const char *s = strchr(line, ' '); s; s = strchr(s + 1, ' '))
		if (header_split(s + 1, true, h))
			return true;
	return false;
}

/* Where the header stands; `first` when there is none. */
static size_t header_at(const struct text *t, bool bare, size_t first, struct header *h)
{
	const size_t at = header_find(t, 0, first);

	if (bare && first > 0 &&
	    (header_split(t->line[0], true, h) || header_split(t->line[0], false, h)))
		return 0;
	if (at < first && !header_split(t->line[at], true, h))
		(void)header_split(t->line[at], false, h);
	if (at == first && first > 0 && header_inside(t->line[first - 1], h))
		return first - 1;
	return at;
}

void node_trace(const struct text *t, bool bare, struct trace *out)
{
	struct header h = { .type = "Error", .type_len = strlen("Error"), .rest = "" };
	size_t first = 0, at, body;
	json_t *x;

	while (first < t->n && !is_frame(t->line[first]))
		first++;
	if (first == t->n) {
		header_only(t, out);
		return;
	}
	at = header_at(t, bare, first, &h);
	if (at == first) {
		trace_loss(out, "type", "no header above the stack");
		h = (struct header){ .type = "Error", .type_len = strlen("Error"), .rest = "" };
	}
	body = at < first && opens_body(t->line[at]) ? at + 1 : first;
	x = add_error(out, t, at, body, &h);
	if (h.type_len == strlen("SyntaxError") && text_starts(h.type, "SyntaxError"))
		syntax_place(t, at, x, out);
	rest_parse(t, body_parse(t, body, body == at + 1 && opens_body(t->line[at]), x, out), out);
	if (json_object_set_new(out->runtime, "language", json_string("javascript")) < 0)
		out->failed = true;
	trace_reverse(out);
}

int node_decode(const struct source *in, json_t **out, struct err *e)
{
	return report_decode(in, node_trace, "Node.js error with a stack", out, e);
}
