/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"
#include "runtime/proto/intake.h"

/*
 * The journal's end that writes.  Records are gathered, then written and synced
 * together (group commit): one sync for all that came within one turn of the
 * loop.  Segments are files that the parent opened for appending.
 */
struct journal {
	struct {
		int fd; /* -1: none */
		uint64_t number;
		uint64_t bytes; /* all of them synced */
	} now, next;
	uint64_t segment;    /* bytes after which the next one is used */
	uint64_t records;    /* number of the last record */
	struct buf gathered; /* of this turn */
};

void journal_init(struct journal *j, uint64_t segment, size_t most);
/* A further segment; the descriptor is taken over. */
int journal_segment(struct journal *j, uint64_t number, int fd, struct err *e);
/* Gathers one record; -ENOSPC: there is no room in this turn, answer 429. */
int journal_add(struct journal *j, struct intake_record *r, const void *payload, struct err *e);
/*
 * Writes and syncs what was gathered.  On failure nothing of it counts.  What a
 * failed write left is cut off again; a segment that could not be synced is not
 * written to again: the kernel may hold for clean what never reached the disk, so
 * that a second sync would say nothing.  closed->number, if not 0: that segment
 * gets no more, and closed->bytes of it are on disk.
 */
int journal_sync(struct journal *j, struct intake_segment *closed, struct err *e);
void journal_release(struct journal *j);
