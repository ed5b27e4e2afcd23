/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/service.h"
#include "agent/host/queue/queue.h"
#include "runtime/base/buf.h"
#include "runtime/base/opt.h"

/* Logs on standard input: what `intake read` does with lines of a program (cmd_intake_read.c) and
 * with a journal (read_journal.c). */
struct reading {
	struct queue *q;
	struct service *service; /* whose trace it is */
	char *file;		 /* its file, absolute */
	size_t taken, left_out;
};

struct reading_way {
	/* What came, at the end with what may lack its line's end: takes what it can from its
	 * front. */
	int (*take)(void *ctx, struct buf *text, bool end, struct err *e);
	int (*idle)(void *ctx, bool end,
		    struct err *e); /* nothing came for a while; and at the end */
};

int reading_lines(int fd, size_t most, const struct reading_way *way, void *ctx, struct err *e);
/* The service of NAME|FILE; reading_release() before the next. */
int reading_service(struct reading *r, const char *name, struct err *e);
void reading_release(struct reading *r);
/* A trace of r->service: a report that is durable when this returns 0.  name NULL: one of its own.
 */
int reading_submit(struct reading *r, const char *from, const struct buf *text, const char *name,
		   struct err *e);

int read_journal(struct reading *r, const struct optlist *services, const char *cursor_file,
		 struct err *e);
