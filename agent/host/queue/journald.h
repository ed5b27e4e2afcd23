/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/queue/lines.h"
#include "runtime/base/err.h"

/*
 * Traces in systemd's journal: what `journalctl -o json` prints is read by
 * sickbay-decode, the lines of each unit and process are cut into traces apart
 * from those of others, and a cursor says as far as where all is done.  The
 * cursor file has that cursor in its first line, and below it the names of
 * reports that were taken behind it: so that who reads on from there takes none
 * twice, and leaves out none of which it had seen but the beginning.
 */
struct journald;

struct journald_trace {
	const char *unit; /* as journald says it: "shop.service"; may be empty */
	const char *from; /* "python", "node", "sanitizer" */
	const struct buf *text;
	const char *name; /* for its report: the same when it is read again */
};

/* It is durable when this returns 0. */
typedef int journald_take(void *ctx, const struct journald_trace *t, struct err *e);

/* file NULL: no cursor is kept. */
int journald_open(const char *file, journald_take *take, void *ctx, struct journald **out,
		  struct err *e);
/* Whole lines of JSON. */
int journald_read(struct journald *j, const char *lines, size_t n, struct err *e);
/* Nothing came for a while: what was begun is whole.  At the end of the input, where a cursor is
 * kept, only what has been quiet for a while: the rest is for who reads on. */
int journald_idle(struct journald *j, bool end, struct err *e);
/* Lines that were no entries of a journal. */
size_t journald_malformed(const struct journald *j);
void journald_close(struct journald *j);
