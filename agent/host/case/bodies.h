/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

/*
 * STATE/bodies: what models were asked and answered, where the host's
 * configuration says audit.bodies.  Content-addressed: bodies/ab/cdef... is the
 * text whose SHA-256 is abcdef..., as the log names it.  Only root reads it.
 */
#define BODIES_DIR   "bodies"
#define BODIES_NAMED 72 /* "sha256:" and 64 digits, with the NUL */

void bodies_digest(const void *data, size_t n, char out[BODIES_NAMED]);
/* What is there already stays as it is, and young again. */
int bodies_put(const char *state, const void *data, size_t n, struct err *e);
/* Removes what is older; *n: how many. */
int bodies_expire(const char *state, uint64_t age_ms, size_t *n, struct err *e);
