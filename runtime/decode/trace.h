/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "runtime/decode/decode_formats.h"
#include "runtime/decode/text.h"

/*
 * What the readers of traces build: exceptions with frames, what could not be
 * carried over (loss), and other stacks that tell more (context).  Bounded;
 * going past a bound is a loss, not an error.
 */
struct trace {
	json_t *chain;	 /* exceptions, in the order in which they are added */
	json_t *loss;	 /* {"at","why"} */
	json_t *context; /* {"what","frames"}: where it was freed, what was being handled ... */
	json_t *runtime; /* {"language","version"} where the report says so */
	bool failed;	 /* out of memory */
};

/* Parts are given by pointer and length, because they are pieces of lines. */
struct place {
	const char *file, *function;
	size_t file_len, function_len; /* 0: unknown */
	unsigned long line, column;
	bool inlined, async;
};

int trace_init(struct trace *t, struct err *e);
void trace_release(struct trace *t);

static inline void cleanup_trace(struct trace *t)
{
	trace_release(t);
}
#define AUTO_TRACE CLEANUP(cleanup_trace)

/* Appends; the frames of the result (borrowed; NULL past the bound) are filled by trace_frame(). */
json_t *trace_exception(struct trace *t, const char *type, size_t type_len, const char *message);
/* Gives an exception its type and message, where they stand below the stack. */
void trace_name(struct trace *t, json_t *x, const char *type, size_t type_len, const char *message);
/*
 * "code" of an exception, unless it has one: a name of capitals, digits and '_',
 * else it is left alone; a status of HTTP from 400 on is "HTTP_404".
 */
void trace_code(struct trace *t, json_t *x, const char *code, size_t n);
void trace_status(struct trace *t, json_t *x, unsigned long status);
/* The same from the fixed shapes in which runtimes begin a message with it. */
void trace_code_of_message(struct trace *t, json_t *x);
json_t *trace_context(struct trace *t, const char *what);
void trace_frame(struct trace *t, json_t *owner, const struct place *p);
void trace_loss(struct trace *t, const char *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Outermost first becomes cause first. */
void trace_reverse(struct trace *t);

/*
 * The readers.  `bare`: the text is one stack and nothing else (its first line
 * is the header).  The chain is cause first; empty when no trace was found.
 */
typedef void trace_reader(const struct text *text, bool bare, struct trace *out);
trace_reader node_trace, python_trace, sanitizer_trace;

/* A whole report: plain text, or JSON lines as instrumented services log them. */
int report_decode(const struct source *in, trace_reader *reader, const char *what, json_t **out,
		  struct err *e);
