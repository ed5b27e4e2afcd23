/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#define CLOCK_RFC3339 32 /* bytes, with the NUL */

uint64_t clock_mono_ns(void); /* CLOCK_MONOTONIC */
uint64_t clock_real_ns(void); /* since the epoch */
/* "2026-11-22T06:41:00.001000001Z" */
void clock_rfc3339(uint64_t real_ns, char out[CLOCK_RFC3339]);
/* Accepts fractions of up to 9 digits and offsets (RFC 3339); 0 or -EINVAL. */
int clock_parse_rfc3339(const char *s, uint64_t *real_ns);
