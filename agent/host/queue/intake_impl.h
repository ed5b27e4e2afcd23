/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/queue/intake.h"

/* What the intake's program (intake.c), its journal (intake_journal.c) and what is taken out of it
 * (intake_digest.c) share. */
#define SEGMENTS_MAX 4096

struct segment {
	uint64_t number, done; /* bytes taken in */
	int fd;
	bool closed; /* gets no more */
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
	struct intake_counts counts;
};

/* What an earlier run left, as far as it is not taken in. */
int journal_open(struct intake *i, struct err *e);
/* A new segment, handed to sickbay-intake. */
int journal_extend(struct intake *i, struct err *e);
void journal_full(struct intake *i, uint64_t number);
/* Where the record at `at` ends: 1; 0: no whole one begins there. */
int journal_record_end(const struct segment *s, uint64_t at, uint64_t *end, struct err *e);
/* The piece that is next: 1; 0: none.  It has one whole record at least, where there is one. */
int journal_piece(struct intake *i, struct segment **seg, uint64_t *from, uint64_t *to,
		  struct err *e);
/* It is taken in as far as `to`; segments that are done are removed. */
int journal_done(struct intake *i, struct segment *seg, uint64_t to, struct err *e);
void journal_close(struct intake *i);
