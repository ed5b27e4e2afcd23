/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/queue/intake.h"

/* What the intake's program (intake.c), its journal (intake_journal.c) and what is taken out of it
 * (intake_digest.c) share. */
#define SEGMENTS_MAX 4096

struct segment {
	uint64_t number;
	uint64_t done;	/* bytes taken in */
	uint64_t limit; /* bytes that are on disk for good: what is behind them is not looked at */
	int fd;
	bool closed; /* gets no more */
};

/* The next piece, written down before it is taken in: after a kill the same bytes are taken in
 * again, under the same names. */
struct piece_plan {
	uint64_t segment, to; /* 0: none */
};

struct intake {
	const struct queue *q;
	int dir, sock;
	pid_t pid;
	char *address[8];
	size_t n_address;
	struct segment seg[SEGMENTS_MAX]; /* oldest first */
	size_t n_seg;
	uint64_t next; /* number of the next segment */
	struct piece_plan plan;
	unsigned wanted;   /* segments that sickbay-intake has no file for yet */
	uint64_t retry_ns; /* not before: after a failure of the disk */
	struct intake_counts counts;
};

/* What an earlier run left, as far as it is not taken in. */
int journal_open(struct intake *i, struct err *e);
/* Hands sickbay-intake the segments that it has no file for; where there is no room for one, later.
 */
int journal_extend(struct intake *i, struct err *e);
/* So much of a segment is on disk. */
void journal_durable(struct intake *i, uint64_t number, uint64_t bytes);
/* It gets no more than that. */
int journal_full(struct intake *i, uint64_t number, uint64_t bytes, struct err *e);
/* Whether the disk is full or failing, which may pass: what waits is kept, and tried again. */
bool journal_is_pressed(const struct err *e);
#define JOURNAL_RETRY_NS (2ull * 1000000000)
/* Where the record at `at` ends: 1; 0: no whole one begins there. */
int journal_record_end(const struct segment *s, uint64_t at, uint64_t *end, struct err *e);
/* The piece that is next: 1; 0: none.  It has one whole record at least, where there is one. */
int journal_piece(struct intake *i, struct segment **seg, uint64_t *from, uint64_t *to,
		  struct err *e);
/* It is taken in as far as `to`; segments that are done are removed. */
int journal_done(struct intake *i, struct segment *seg, uint64_t to, struct err *e);
void journal_close(struct intake *i);
