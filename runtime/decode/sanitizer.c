/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "runtime/base/buf.h"
#include "runtime/decode/trace.h"

/*
 * Reports of AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer,
 * and what glibc prints before it aborts.  The fatal report is the exception;
 * an undefined-behaviour report that the program survived is one only where
 * nothing fatal follows.  Types are "AddressSanitizer: heap-buffer-overflow",
 * "UndefinedBehaviorSanitizer: null-pointer-use", "Assertion", "Abort":
 * derived from the kind alone, so that two runs of one bug give one type.
 */
struct san {
	const struct text *t;
	struct trace *out;
	size_t at;
};

static const struct ub_kind {
	const char *words, *kind; /* the first row whose words occur in the message */
} ub_kinds[] = {
	{ "passed as argument", "nonnull-attribute" },
	{ "returned from function declared to never return null", "returns-nonnull-attribute" },
	{ "offset to null pointer", "pointer-overflow" },
	{ "applying zero offset", "pointer-overflow" },
	{ "null pointer", "null-pointer-use" },
	{ "misaligned address", "misaligned-pointer-use" },
	{ "insufficient space", "insufficient-object-size" },
	{ "unsigned integer overflow", "unsigned-integer-overflow" },
	{ "signed integer overflow", "signed-integer-overflow" },
	{ "division by zero", "integer-divide-by-zero" },
	{ "division of", "signed-integer-overflow" },
	{ "negation of", "signed-integer-overflow" },
	{ "shift exponent", "shift-exponent" },
	{ "left shift of", "shift-base" },
	{ "out of bounds for type", "out-of-bounds-index" },
	{ "not a valid value for type 'bool'", "invalid-bool-load" },
	{ "not a valid value for type '_Bool'", "invalid-bool-load" },
	{ "not a valid value for type", "invalid-enum-load" },
	{ "outside the range of representable values", "float-cast-overflow" },
	{ "unreachable", "unreachable-call" },
	{ "without returning a value", "missing-return" },
	{ "end of a value-returning function", "missing-return" },
	{ "non-positive value", "non-positive-vla-index" },
	{ "pointer index expression", "pointer-overflow" },
	{ "unsigned offset", "pointer-overflow" },
	{ "incorrect function type", "function-type-mismatch" },
	{ "which does not point to an object of type", "dynamic-type-mismatch" },
	{ "implicit conversion", "implicit-conversion" },
	{ "passing zero to", "invalid-builtin-use" },
	{ "assumption of", "alignment-assumption" },
};

/* AddressSanitizer says some kinds in words; everything else is its first word. */
static const struct {
	const char *words, *kind;
} asan_kinds[] = {
	{ "attempting double-free", "double-free" },
	{ "attempting free on address which was not malloc()-ed", "bad-free" },
	{ "attempting to call malloc_usable_size", "bad-malloc_usable_size" },
	{ "requested allocation size", "allocation-size-too-big" },
	{ "allocator is out of memory", "out-of-memory" },
	{ "detected memory leaks", "memory-leak" },
};

/* What glibc says before abort(). */
static const char *const aborts[] = {
	"*** stack smashing detected ***",
	"*** buffer overflow detected ***",
	"double free or corruption",
	"free(): ",
	"malloc(): ",
	"realloc(): ",
	"munmap_chunk(): ",
	"malloc_consolidate(): ",
	"corrupted size vs. prev_size",
	"corrupted double-linked list",
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* "    #3 0x55 in name(int) FILE:LINE:COLUMN" or "... (MODULE+0xOFFSET) (BuildId: X)". */
static bool is_frame(const char *s)
{
	unsigned long n;

	if (text_indent(s) == 0)
		return false;
	s = text_skip(s);
	if (*s++ != '#' || !text_number(&s, &n))
		return false;
	return text_starts(s, " 0x");
}

static void location_parse(const char *s, size_t n, struct place *p)
{
	size_t i = n;

	if (n && s[n - 1] == ')') { /* a module: no source */
		for (i = n; i > 0 && s[i - 1] != '('; i--)
			;
		p->function_len = i >= 2 ? i - 2 : 0; /* " (" */
		return;
	}
	/* the path begins at the last blank before a '/', or at the last blank */
	while (i > 0 && s[i - 1] != ' ')
		i--;
	p->function_len = i ? i - 1 : n;
	if (!i)
		return;
	p->file = s + i;
	text_place(p->file, n - i, &p->file_len, &p->line, &p->column);
	if (p->line)
		return;
	p->file_len = 0; /* "operator new(unsigned long)" without a place */
	p->function_len = n;
}

static bool frame_parse(const char *s, struct place *p)
{
	const char *in, *id;
	size_t n;

	*p = (struct place){ 0 };
	if (!is_frame(s))
		return false;
	s = strstr(s, " 0x");
	in = strstr(s, " in ");
	if (!in)
		return true; /* an address only */
	in += strlen(" in ");
	id = strstr(in, " (BuildId: ");
	n = id ? (size_t)(id - in) : strlen(in);
	p->function = in;
	location_parse(in, n, p);
	return true;
}

/*
 * Two frames at one address are an inlined function and the one it was inlined
 * into; a function that calls itself has one address, too.
 */
static bool is_inlined(const char *line, const char *next)
{
	const char *a = strstr(line, " 0x"), *b = strstr(next, " 0x");
	struct place p, q;
	size_t n;

	if (!frame_parse(line, &p) || !frame_parse(next, &q) || !p.function || !q.function)
		return false;
	n = strcspn(a + 1, " ") + 1;
	return strncmp(a, b, n) == 0 && (p.function_len != q.function_len ||
					 memcmp(p.function, q.function, p.function_len) != 0);
}

/* The frames at s->at, if there are any. */
static void stack_parse(struct san *s, json_t *owner)
{
	for (; s->at < s->t->n; s->at++) {
		const char *line = s->t->line[s->at];
		struct place p;

		if (!frame_parse(line, &p))
			return;
		p.inlined = s->at + 1 < s->t->n && is_inlined(line, s->t->line[s->at + 1]);
		trace_frame(s->out, owner, &p);
	}
}

static json_t *add(struct san *s, const char *family, const char *kind, size_t kind_len,
		   const char *message)
{
	char type[512];

	(void)snprintf(type, sizeof(type), "%s%s%.*s", family, *family ? ": " : "",
		       (int)(kind_len > 128 ? 128 : kind_len), kind);
	return trace_exception(s->out, type, strlen(type), message);
}

/* A second stack of the same report: "freed by thread T0 here:" and its like. */
static bool is_other_stack(const char *s)
{
	return text_ends(s, " here:") || text_ends(s, " allocated from:") ||
	       text_ends(s, " created by T0 here:") || text_starts(s, "Memory was marked ");
}

/* From the error line on: the stack, then the other stacks, up to the summary. */
static void asan_body(struct san *s, json_t *x)
{
	bool first = true;

	for (s->at++; s->at < s->t->n; s->at++) {
		const char *line = s->t->line[s->at];
		json_t *owner = NULL;

		if (text_starts(line, "SUMMARY: "))
			return;
		if (is_other_stack(line) && !(first && text_ends(line, " allocated from:"))) {
			owner = trace_context(s->out, text_skip(line));
			s->at++;
		} else if (first && is_frame(line)) {
			owner = x;
			first = false;
		}
		if (owner && s->at < s->t->n) {
			stack_parse(s, owner);
			s->at--;
		}
	}
}

/* "==1==ERROR: AddressSanitizer: kind on address ..." */
static bool asan_parse(struct san *s)
{
	const char *line = s->t->line[s->at], *p = strstr(line, "ERROR: ");
	const char *kind = NULL;
	char family[64];
	size_t n;

	if (!text_starts(line, "==") || !p)
		return false;
	p += strlen("ERROR: ");
	n = strcspn(p, ":");
	if (n < 9 || n >= sizeof(family) || memcmp(p + n - 9, "Sanitizer", 9) != 0)
		return false;
	memcpy(family, p, n);
	family[n] = '\0';
	p = text_skip(p + n + (p[n] == ':'));
	for (size_t i = 0; i < COUNT(asan_kinds) && !kind; i++)
		if (strstr(p, asan_kinds[i].words))
			kind = asan_kinds[i].kind;
	asan_body(s, kind ? add(s, family, kind, strlen(kind), p)
			  : add(s, family, p, strcspn(p, " :"), p));
	return true;
}

/* "FILE:LINE:COLUMN: runtime error: message", with a stack where print_stacktrace is set. */
static bool ubsan_parse(struct san *s)
{
	const char *line = s->t->line[s->at], *mark = strstr(line, ": runtime error: ");
	const char *kind = "undefined-behavior", *message;
	struct place p = { .file = line };
	json_t *x;

	if (!mark)
		return false;
	message = mark + strlen(": runtime error: ");
	for (size_t i = 0; i < COUNT(ub_kinds); i++) {
		if (strstr(message, ub_kinds[i].words)) {
			kind = ub_kinds[i].kind;
			break;
		}
	}
	x = add(s, "UndefinedBehaviorSanitizer", kind, strlen(kind), message);
	for (s->at++; s->at < s->t->n; s->at++) {
		if (is_frame(s->t->line[s->at])) {
			stack_parse(s, x);
			break;
		}
		if (!text_starts(s->t->line[s->at], "note: ") && s->t->line[s->at][0] != ' ')
			break;
	}
	s->at--;
	if (json_array_size(json_object_get(x, "frames")) == 0) {
		text_place(line, (size_t)(mark - line), &p.file_len, &p.line, &p.column);
		trace_frame(s->out, x, &p);
	}
	return true;
}

/* "prog: FILE:LINE: FUNCTION: Assertion `x' failed." */
static bool assert_parse(struct san *s)
{
	const char *line = s->t->line[s->at], *mark = strstr(line, ": Assertion `");
	const char *file, *number, *end;
	struct place p = { 0 };
	json_t *x;

	if (!mark || !text_ends(line, "failed."))
		return false;
	for (end = line; (end = strchr(end, ':')) && end < mark; end++) {
		number = end + 1;
		if (text_number(&number, &p.line) && text_starts(number, ": "))
			break;
	}
	x = add(s, "", "Assertion", strlen("Assertion"), mark + 2);
	if (!end || end >= mark)
		return true;
	file = strstr(line, ": ");
	p.file = file && file < end ? file + 2 : line;
	p.file_len = (size_t)(end - p.file);
	p.function = strstr(end, ": ") + 2;
	p.function_len = p.function < mark ? (size_t)(mark - p.function) : 0;
	trace_frame(s->out, x, &p);
	return true;
}

static bool abort_parse(struct san *s)
{
	const char *line = s->t->line[s->at];

	for (size_t i = 0; i < COUNT(aborts); i++) {
		if (!text_starts(line, aborts[i]))
			continue;
		(void)add(s, "", "Abort", strlen("Abort"), line);
		trace_loss(s->out, "frames", "glibc prints no stack");
		return true;
	}
	return false;
}

/* What ends the program counts more than what it survived, and that more than what it left behind.
 */
static int gravity(const json_t *x)
{
	const char *type = json_string_value(json_object_get(x, "type"));

	if (text_starts(type, "UndefinedBehaviorSanitizer"))
		return 1;
	return text_starts(type, "LeakSanitizer") ? 0 : 2;
}

/* One exception stays, the first of the gravest; the others are context. */
static void choose(struct trace *out)
{
	const size_t n = json_array_size(out->chain);
	json_t *only = json_array();
	size_t best = 0;

	for (size_t i = 1; i < n; i++)
		if (gravity(json_array_get(out->chain, i)) >
		    gravity(json_array_get(out->chain, best)))
			best = i;
	for (size_t i = 0; i < n; i++) {
		const json_t *x = json_array_get(out->chain, i);
		const char *type = json_string_value(json_object_get(x, "type"));
		json_t *c = i == best ? NULL : trace_context(out, type);

		if (c && json_object_set(c, "frames", json_object_get(x, "frames")) < 0)
			out->failed = true;
	}
	if (!only || (n && json_array_append(only, json_array_get(out->chain, best)) < 0)) {
		out->failed = true;
		json_decref(only);
		return;
	}
	json_decref(out->chain);
	out->chain = only;
}

void sanitizer_trace(const struct text *t, bool bare, struct trace *out)
{
	static bool (*const parts[])(struct san *) = { asan_parse, ubsan_parse, assert_parse,
						       abort_parse };
	struct san s = { .t = t, .out = out };

	(void)bare;
	for (; s.at < t->n; s.at++)
		for (size_t i = 0; i < COUNT(parts) && !parts[i](&s); i++)
			;
	choose(out);
	if (json_object_set_new(out->runtime, "language", json_string("c")) < 0)
		out->failed = true;
}

int sanitizer_decode(const struct source *in, json_t **out, struct err *e)
{
	return report_decode(in, sanitizer_trace, "sanitizer report, assertion or abort message",
			     out, e);
}
