/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/audit/chain.h"
#include "runtime/base/err.h"

/*
 * Reads the lines of the log in order, across its segments
 * (events/FIRSTSEQ.ndjson), in one pass and bounded memory.  It judges nothing but where lines end.
 */
struct scan_segment {
	uint64_t first; /* from the name: sequence number of its first line */
	uint64_t size;	/* bytes, at the time of scan_open() */
};

struct scan {
	int dir; /* events/, borrowed */
	struct scan_segment *seg;
	size_t n_seg;

	size_t at;	 /* segment of the next line */
	uint64_t offset; /* of the next line in it */
	int fd;
	char *data; /* window of the segment at `data_at` */
	size_t data_n;
	uint64_t data_at;
};

#define SCAN_INIT        \
	{                \
		.fd = -1 \
	}
#define SEGMENT_NAME 32
void segment_name(uint64_t first, char out[SEGMENT_NAME]); /* "00000000000000000000.ndjson" */

/* Lists the segments as they are now; the caller holds the log's lock. */
int scan_open(int events, struct scan *s, struct err *e);
void scan_release(struct scan *s);
/* The next line begins at this offset of this segment. */
void scan_seek(struct scan *s, size_t segment, uint64_t offset);
/*
 * 1: a line (without its newline, valid until the next call); 0: the end;
 * -EBADMSG: the segment ends within a line, or the line is too long; <0 else.
 * s->at and s->offset then stand at that line's beginning; after 1 behind it.
 */
int scan_next(struct scan *s, const char **line, size_t *n, struct err *e);
