/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * Path patterns of a policy: literals, '?' (one byte, no '/'), '*' (any run
 * without '/'), '**' (any run).  "**" followed by a slash also stands for no
 * directory at all, and a final slash with "**" also names the directory itself.
 * Matching is a simulation of the pattern's automaton: time is the product of
 * both lengths for every input, so no pattern can be made slow.
 */
#define GLOB_MAX 512

/* NULL when the pattern is well formed, else what is wrong with it. */
const char *glob_check(const char *pattern);
bool glob_match(const char *pattern, const char *path);
/* No wildcard in it. */
bool glob_is_literal(const char *pattern);
/* A literal directory with all beneath it: "DIR" and a slash and "**". */
bool glob_is_tree(const char *pattern);
