/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/base/buf.h"
#include "runtime/base/err.h"

/*
 * Reading a log is sickbay-audit's work: it runs under the log's own uid, gets
 * what the operator named as descriptors, and says what it found on standard output.
 */
#define AUDIT_WORDS 8

struct audit_reading {
	const char *words[AUDIT_WORDS]; /* the verb and its arguments; NULL-terminated */
	int dir, key, file,
		witness; /* the log, a public key, a checkpoint or proof, many; -1: none */
};

/* The log's directory of a state directory: an fd; -ENOENT when there is none yet. */
int audit_log_dir(const char *state, struct err *e);
/*
 * Runs it.  out NULL: it prints on our own standard output; else at most out->max bytes are
 * collected.  *status: 0, 1 what was read does not hold, 2 it could not be told.
 */
int audit_read(const struct audit_reading *r, struct buf *out, int *status, struct err *e);
