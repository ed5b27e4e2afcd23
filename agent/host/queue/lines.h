/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/buf.h"

/*
 * Cuts a log into the pieces that hold a trace, by the shape of its lines
 * alone: what a line means is sickbay-decode's to say.  A trace is known by its
 * frames; the lines before it (its header) go with it, and after it the line
 * that ends it in the given form.
 */
enum lines_form { LINES_PYTHON, LINES_NODE, LINES_SANITIZER, LINES_N };
extern const char *const lines_words[LINES_N]; /* "python" ... */

#define LINES_BEFORE 24		/* lines kept in front of a first frame */
#define LINES_MOST   (1u << 20) /* bytes of one piece; more are left out */

struct lines {
	int form;
	struct buf recent; /* the last lines, each with its end */
	size_t recent_lines;
	struct buf piece; /* of the trace that is being read */
	bool inside, last_is_frame;
	size_t quiet; /* lines since the last frame */
};

void lines_init(struct lines *l, int form);
/* One line without its end. True: `piece` holds a whole trace; take it before the next call. */
bool lines_add(struct lines *l, const char *line, size_t n);
/* No line came for a while: true where a trace is whole for want of more. */
bool lines_idle(struct lines *l);
void lines_release(struct lines *l);
