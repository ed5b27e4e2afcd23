/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "runtime/base/buf.h"
#include "runtime/decode/trace.h"

/*
 * Python tracebacks: outermost frame first, so each stack is turned round.
 * "direct cause" links two exceptions of the chain.  "During handling" does
 * not: what was being handled is context, and the error that came up then is
 * the one to repair (a fallback that fails is not caused by what it falls back from).
 */
#define TRACEBACK "Traceback (most recent call last):"
#define CAUSE	  "The above exception was the direct cause of the following exception:"
#define HANDLING  "During handling of the above exception, another exception occurred:"

struct python {
	const struct text *t;
	struct trace *out;
	size_t at;
	size_t margin; /* bytes before each line of this traceback */
	bool group;    /* the margin is the outline of an exception group ("  | ") */
};

/* Without the margin that a group's outline puts before each line. */
static const char *line_at(const struct python *p, size_t at)
{
	const char *s = p->t->line[at];
	const size_t n = strlen(s);

	return n >= p->margin ? s + p->margin : s + n;
}

static bool is_outline(const char *s)
{
	s = text_skip(s);
	return text_starts(s, "| ") || text_starts(s, "+-") || strcmp(s, "|") == 0 ||
	       text_starts(s, "+ ");
}

/* "  File "X", line N, in F": fills the place; a syntax error's has no function. */
static bool frame_parse(const char *s, struct place *out)
{
	const char *end;

	*out = (struct place){ 0 };
	s = text_skip(s);
	if (!text_starts(s, "File \""))
		return false;
	s += strlen("File \"");
	end = strstr(s, "\", line ");
	if (!end)
		return false;
	out->file = s;
	out->file_len = (size_t)(end - s);
	s = end + strlen("\", line ");
	if (!text_number(&s, &out->line))
		return false;
	if (text_starts(s, ", in ")) {
		out->function = s + strlen(", in ");
		out->function_len = strlen(out->function);
	}
	return true;
}

/* Turns the frames of x round: innermost first from here on. */
static void frames_reverse(struct trace *out, json_t *x)
{
	json_t *old = json_object_get(x, "frames");
	json_t *frames = json_array();

	for (size_t i = json_array_size(old); frames && i > 0; i--)
		if (json_array_append(frames, json_array_get(old, i - 1)) < 0)
			out->failed = true;
	if (x && (!frames || json_object_set_new(x, "frames", frames) < 0))
		out->failed = true;
}

/* The lines of a stack; returns with p->at on the exception's own line. */
static void stack_parse(struct python *p, json_t *owner)
{
	for (; p->at < p->t->n; p->at++) {
		const char *s = line_at(p, p->at);
		struct place place;

		if (frame_parse(s, &place))
			trace_frame(p->out, owner, &place);
		else if (text_starts(text_skip(s), "[Previous line repeated "))
			trace_loss(p->out, "frames", "%.100s", text_skip(s));
		else if (s[0] != ' ' && s[0] != '\t' && s[0] != '\0')
			return;
	}
}

/* Does the message go on after this line, or does another part of the report begin? */
static bool message_ends(const struct python *p, size_t at)
{
	const char *s = line_at(p, at);

	if (p->group && !is_outline(p->t->line[at]))
		return true;
	if (p->group && text_starts(text_skip(p->t->line[at]), "+-"))
		return true;
	if (text_starts(s, TRACEBACK) || text_starts(s, "  File \""))
		return true;
	return *s == '\0' && (at + 1 >= p->t->n || text_starts(line_at(p, at + 1), CAUSE) ||
			      text_starts(line_at(p, at + 1), HANDLING) ||
			      *line_at(p, at + 1) == '\0' || strstr(line_at(p, at + 1), TRACEBACK));
}

/* "pkg.Type: message", over several lines perhaps; gives x its type and message. */
static void exception_parse(struct python *p, json_t *x)
{
	AUTO_BUF struct buf msg = BUF_INIT(1u << 20);
	const char *s = p->at < p->t->n ? line_at(p, p->at) : "";
	const size_t type_len = strcspn(s, ": ");
	const bool plain = s[type_len] == '\0' || text_starts(s + type_len, ": ") ||
			   strcmp(s + type_len, ":") == 0;

	buf_puts(&msg, plain ? s + type_len + strspn(s + type_len, ": ") : s);
	for (p->at++; p->at < p->t->n && !message_ends(p, p->at); p->at++) {
		buf_putc(&msg, '\n');
		buf_puts(&msg, line_at(p, p->at));
	}
	while (msg.n && msg.p[msg.n - 1] == '\n')
		msg.p[--msg.n] = '\0';
	trace_name(p->out, x, plain ? s : "Exception", plain ? type_len : strlen("Exception"),
		   msg.p ? msg.p : "");
}

/* What came before was only being handled: it leaves the chain. */
static void chain_to_context(struct trace *out)
{
	const size_t n = json_array_size(out->chain);
	const json_t *last = json_array_get(out->chain, n - 1);
	char what[512];
	json_t *c;

	if (n == 0)
		return;
	(void)snprintf(what, sizeof(what), "while handling %.200s",
		       json_string_value(json_object_get(last, "type")));
	c = trace_context(out, what);
	if (c && json_object_set(c, "frames", json_object_get(last, "frames")) < 0)
		out->failed = true;
	if (n > 1)
		trace_loss(out, "chain", "%zu causes of an exception that was being handled",
			   n - 1);
	if (json_array_clear(out->chain) < 0)
		out->failed = true;
}

/* The members of a group: counted, not kept. */
static void group_skip(struct python *p)
{
	size_t members = 0;

	for (; p->at < p->t->n && is_outline(p->t->line[p->at]); p->at++) {
		const char *s = text_skip(p->t->line[p->at]);
		size_t dashes;

		s += text_starts(s, "+-+") ? 2 : 0;
		dashes = text_starts(s, "+-") ? strspn(s + 1, "-") : 0;
		members += dashes > 4 && s[1 + dashes] == ' ';
	}
	if (members)
		trace_loss(p->out, "chain", "the %zu exceptions inside a group were left out",
			   members);
}

static void traceback_parse(struct python *p, bool header)
{
	json_t *x = trace_exception(p->out, "Exception", strlen("Exception"), "");

	p->at += header;
	stack_parse(p, x);
	frames_reverse(p->out, x);
	exception_parse(p, x);
	if (p->group)
		group_skip(p);
}

/* The margin of "  + Exception Group Traceback ..." and of plain tracebacks printed in the same
 * outline. */
static bool starts_here(struct python *p, const char *s, bool *header)
{
	struct place place;
	const char *group = strstr(s, "+ Exception Group " TRACEBACK);

	*header = true;
	if (group) {
		p->margin = (size_t)(group - s) + strlen("| ");
		p->group = true;
		return true;
	}
	if (text_starts(text_skip(s), TRACEBACK)) {
		p->margin = text_indent(s);
		return true;
	}
	*header = false; /* a syntax error in the program itself has no header */
	return frame_parse(s, &place) && place.function_len == 0 && p->at + 1 < p->t->n;
}

void python_trace(const struct text *t, bool bare, struct trace *out)
{
	struct python p = { .t = t, .out = out };
	bool linked = true; /* the next traceback belongs to the chain */

	(void)bare;
	for (; p.at < t->n;) {
		const char *s = t->line[p.at];
		bool header;

		if (strstr(s, HANDLING)) {
			chain_to_context(out);
			linked = true;
		} else if (strstr(s, CAUSE)) {
			linked = true;
		} else if (starts_here(&p, s, &header)) {
			if (!linked) {
				trace_loss(out, "report", "only the first traceback was read");
				break;
			}
			traceback_parse(&p, header);
			p.margin = 0;
			p.group = false;
			linked = false;
			continue;
		}
		p.at++;
	}
	if (json_object_set_new(out->runtime, "language", json_string("python")) < 0)
		out->failed = true;
}

int python_decode(const struct source *in, json_t **out, struct err *e)
{
	return report_decode(in, python_trace, "Python traceback", out, e);
}
