/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"
#include "runtime/base/sha256.h"

/*
 * One record of the log is one line: an object with its keys in a fixed order
 * (v, seq, ts, type, case, actor, the event's own fields, prev), where prev is
 * the leaf hash of the line before.  Values are escaped so that neither a
 * terminal nor a viewer can be driven by them.
 */
#define CHAIN_LINE_MAX 65535 /* without its newline: the entry bundles of C2SP count in 16 bits */

enum chain_fault { CHAIN_OK, CHAIN_MALFORMED, CHAIN_SEQ, CHAIN_PREV };

/* Appends the record's line (no newline) to out; -EINVAL or -E2BIG says what is wrong with the
 * event. */
int chain_write(struct buf *out, const json_t *event, uint64_t seq, uint64_t real_ns,
		const uint8_t prev[SHA256_LEN], struct err *e);
/* The sequence number and prev of a line, without reading what stands between. */
int chain_read(const char *line, size_t n, uint64_t *seq, uint8_t prev[SHA256_LEN]);
/* Does the line follow the record before it? */
enum chain_fault chain_check(const char *line, size_t n, uint64_t seq,
			     const uint8_t prev[SHA256_LEN]);
/* A value as it stands in a record, on one line and escaped. */
int chain_put_value(struct buf *out, const char *key, const json_t *value, struct err *e);
int hex_read(const char *hex, uint8_t out[SHA256_LEN]); /* 64 lower-case digits; 0 or -EINVAL */
