/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/sandbox/seccomp.h"
#include "runtime/sandbox/seccomp_table.h"

/* A seccomp_spec resolved to one verdict per call number.  Private to seccomp*.c. */
struct seccomp_plan {
	uint8_t verdict[SECCOMP_LAST_KNOWN + 1]; /* SECCOMP_REFUSED, _ALLOWED or _NOTIFIED */
	bool kill, notify;
};

int seccomp_resolve(const struct seccomp_spec *spec, struct seccomp_plan *out, struct err *e);
/* Builds the program from scratch; out->digest is left to the caller. */
int seccomp_build(const struct seccomp_plan *plan, struct seccomp_prog *out, struct err *e);
