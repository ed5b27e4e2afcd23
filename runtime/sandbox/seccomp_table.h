/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The data of the system-call filter: names, groups, presets, and what
 * arguments some calls are limited to.  Private to seccomp*.c; the version
 * goes into the cache key, so change it with any row here.
 */
#define SECCOMP_TABLE_VERSION 1

/* The last number that the tables know: a later call answers ENOSYS, so that libc falls back. */
#define SECCOMP_LAST_KNOWN 469

/* Calls that pass where every stated argument matches: (args[arg] & mask) == value. Rows of one
 * call are alternatives. */
struct seccomp_match {
	uint8_t arg;
	uint64_t mask, value;
};

struct seccomp_row {
	const char *call;
	uint8_t n; /* entries of m */
	struct seccomp_match m[2];
};

extern const struct seccomp_row seccomp_rows[]; /* ends with a NULL call */

struct seccomp_words {
	const char *call, *text;
};

extern const struct seccomp_words seccomp_conditions[]; /* ends with a NULL call */

/* ioctl requests that no policy can allow: they act on the terminal of whoever is at the other end.
 */
extern const uint32_t seccomp_ioctl_refused[];
extern const size_t seccomp_ioctl_refused_n;

struct seccomp_group {
	const char *name;
	const char *const *calls; /* NULL-terminated */
	bool never;		  /* no policy can allow its members */
};

extern const struct seccomp_group seccomp_group_table[]; /* ends with a NULL name */

/* Groups that make up each preset, by enum seccomp_preset; NULL-terminated. */
extern const char *const *const seccomp_preset_groups[];
/* What pid 1 and the start of a program need: cannot be denied. */
extern const char *const seccomp_core[];

/* The number of an x86-64 call, or -1. Knows calls that are newer than the library. */
int seccomp_number(const char *call);
