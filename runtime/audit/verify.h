/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "runtime/audit/note.h"
#include "runtime/base/err.h"

/*
 * Reads a whole log and says whether it is what was signed, and if not, which
 * record is the first that is not.  Writes nothing.  The records' hashes in the cache help to name
 * the record, but only after they were shown to make up the signed root.
 */
enum verdict {
	VERDICT_OK,
	VERDICT_UNSIGNED,   /* chained, but no checkpoint says how many there were */
	VERDICT_TORN_TAIL,  /* a crash: the last record, not signed yet, is half-written */
	VERDICT_EDITED,	    /* this record's bytes are not those that were signed */
	VERDICT_REMOVED,    /* this record is missing, later ones are there */
	VERDICT_REORDERED,  /* this record stands further back */
	VERDICT_DUPLICATED, /* here stands a copy of an earlier record */
	VERDICT_TRUNCATED,  /* the log ends here, but more was signed */
	VERDICT_REWOUND,    /* a larger checkpoint exists than the log's newest one */
	VERDICT_FORKED,	    /* two histories were signed, or one that these records do not give */
	VERDICT_BAD_SIGNATURE, /* a checkpoint was changed */
	VERDICT_UNKNOWN_KEY,   /* a checkpoint is signed by nobody we know */
	VERDICT_N
};

struct verify_options {
	const char *key;     /* text of a public key; NULL: the log's own key.pub */
	const char *witness; /* text of a checkpoint kept elsewhere; NULL: none */
	size_t witness_len;
	const char *against; /* texts of checkpoints, one behind the other; NULL: none */
	size_t against_len;
};

struct verify_result {
	enum verdict verdict;
	uint64_t seq;	  /* the first record that is wrong */
	uint64_t records; /* that were read and fit */
	struct checkpoint newest;
	uint64_t witnessed; /* checkpoints of o->against that fit */
	char text[256];	    /* one sentence */
};

const char *verdict_name(enum verdict v);
/* -errno only when the log could not be read at all. */
int verify(int dir, const struct verify_options *o, struct verify_result *out, struct err *e);
