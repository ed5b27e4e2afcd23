/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "runtime/base/buf.h"

/*
 * Server-sent events (WHATWG HTML, 9.2.6), fed as they come: lines end with LF,
 * CR LF or CR, in any mixture and across any cut; `data` lines are joined by LF;
 * `id`, `retry`, comments and unknown fields are skipped.  Every byte is
 * untrusted: one line and one event are bounded, and data is UTF-8 without NUL or refused.
 */
#define SSE_NAME 64

struct sse {
	struct buf line, data;
	char name[SSE_NAME];
	bool after_cr, begun, has_data;
};

/* name NULL: the stream did not say; data is NUL-terminated. A negative return ends the feeding. */
typedef int sse_fn(void *arg, const char *name, const char *data, size_t n, struct err *e);

void sse_init(struct sse *s, size_t max);
int sse_feed(struct sse *s, const void *data, size_t n, sse_fn *event, void *arg, struct err *e);
/* The stream ended: an event whose last line was whole counts, though the empty line is missing. */
int sse_end(struct sse *s, sse_fn *event, void *arg, struct err *e);
void sse_release(struct sse *s);
