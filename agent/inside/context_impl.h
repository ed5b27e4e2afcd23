/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/inside/context.h"

/* Sections of the context that read code (context_code.c). Each appends at most `max` bytes, in
 * whole lines. */
struct context_job {
	const struct gate_task *task;
	int dir;
	size_t max;
};

/* Outlines: the trace's files, then the other sources of the language by path. */
int context_map(const struct context_job *j, struct buf *out, struct err *e);
/* Numbered lines around the project's own frames, innermost first. */
int context_frames(const struct context_job *j, struct buf *out, struct err *e);
/* A test of the suite that is not long, as the example to follow. */
int context_example(const struct context_job *j, struct buf *out, struct err *e);
/* The accepted new test. */
int context_test(const struct context_job *j, struct buf *out, struct err *e);
/* Of the task's history, what touched the lines of the trace (context_history.c). */
int context_history(const struct context_job *j, struct buf *out, struct err *e);

/* At most max bytes of a text, cut after a line, with a remark where it was cut. */
void context_cut(const char *text, size_t n, size_t max, struct buf *out);
