/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * When to try again.  Pure functions: the time and the random number are the
 * caller's.
 */
#define RETRY_BASE_MS  500u
#define RETRY_MOST_MS  30000u
#define RETRY_AFTER_MS 60000u /* a server that asks for more is not waited for */

/* Exponential with full jitter: evenly from 0 to base * 2^(attempt - 1), bounded. attempt: from 1.
 */
uint64_t retry_backoff_ms(uint64_t attempt, uint64_t random);
/* Retry-After (RFC 9110, 10.2.3), seconds or a date, as milliseconds from now; false: neither. */
bool retry_after_ms(const char *value, uint64_t now_real_s, uint64_t *ms);
/* Whether a kind of end is worth another attempt. */
bool retry_is_for(const char *kind);
