/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/case.h"
#include "runtime/base/buf.h"

/* Pages for people, by the options --html of `case show` and `stats`. */
#define PAGE_BYTES (64u << 20)

int page_case(const char *state, const struct kase *k, const char *file, struct err *e);
int page_stats(const char *state, const char *title, const json_t *facts, const char *file,
	       struct err *e);
/* Replaces the file; "-" is standard output. */
int page_write(const char *file, const struct buf *page, struct err *e);
/* A strict JSON text of ours. */
int page_value(const char *name, const struct buf *text, json_t **out, struct err *e);
/* Each line of NDJSON text as a value; of more than `most` the first and the last half of them, and
 * in *left_out how many there are between these. */
int page_lines(const char *name, const char *text, size_t most, json_t **out, size_t *left_out,
	       struct err *e);
