/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "runtime/audit/note.h"
#include "runtime/base/buf.h"

/*
 * A proof that one record is in the log, in the form of C2SP tlog-proof: it
 * holds the record itself (as the extra data), the path to the root and the
 * newest signed checkpoint, so it can be checked far from the log with nothing but the public key.
 */
#define PROOF_MAX (160u << 10)

int prove(int dir, uint64_t seq, struct buf *out, struct err *e);
/* Appends the proven record's line to `record`; -EBADMSG and the others say what does not hold. */
int proof_check(const char *text, size_t n, const struct note_key *key, uint64_t *seq,
		struct buf *record, struct err *e);
