/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Names and random ids. */
#define ID_LEN 17 /* 16 characters of Crockford base 32 (80 random bits), with the NUL */

void id_random(char out[ID_LEN]);
/* [a-z0-9][a-z0-9._-]{0,62}, no "..": safe as a file, cgroup and host name part. */
bool name_is_safe(const char *s);
/* 40 or 64 lower-case hexadecimal digits. */
bool is_object_id(const char *s);
/* Relative, UTF-8, no empty, "." or ".." component, no NUL, no backslash or control byte, not .git
 * in any case. */
bool path_is_clean(const char *s);
