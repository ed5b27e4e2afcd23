/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "runtime/audit/keys.h"
#include "runtime/base/buf.h"

/*
 * A part of the log that can be checked far from it: the records of one case
 * up to its end, each with its path to the root (RFC 6962), the first
 * checkpoint that covers them, and, where an earlier checkpoint is given, the
 * proof that the log only grew from there.  A slice without a case is such a
 * proof of consistency alone.  Its text is lines, and blocks of so many bytes:
 *
 *     sickbay.slice/1
 *     case ID                 absent: no records
 *     key KEY                 of the first epoch
 *     rotation N              a block: how the next epoch begins; 0 or more
 *     checkpoint N            a block: the signed note
 *     earlier N               a block: the earlier note; absent: none
 *     path BASE64             of the consistency proof, 0 or more
 *     record SEQ
 *     LINE                    as it is in the log
 *     path BASE64             0 or more
 *     end
 *
 * The same case gives the same slice as long as the log's key does not change.
 * What it does not show is a record of the case that was left out.
 */
#define SLICE_MAX (64u << 20)

struct slice_options {
	const char *case_id; /* NULL: no records */
	const char *earlier; /* text of a note; NULL: none */
	size_t earlier_n;
};

int slice_make(int dir, const struct slice_options *o, struct buf *out, struct err *e);

struct slice {
	char case_id[128];	  /* "" when there is none */
	struct key_list keys;	  /* believed in so far as one of them is */
	struct checkpoint at;	  /* that the records are in */
	struct checkpoint before; /* size 0: none given */
	char *note, *earlier;	  /* the texts of both, owned; earlier NULL when none */
	struct buf lines;	  /* the records, a line each */
	uint64_t records;
};

/*
 * Reads and checks all of it: each signature by the key of its epoch, each
 * record's path, the consistency.  Whether one of the keys is to be believed is the caller's
 * question.  On failure *out must still be released.
 */
int slice_check(const char *text, size_t n, struct slice *out, struct err *e);
void slice_release(struct slice *s);
