/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"

/*
 * Gives up, for ever, everything that a program which reads untrusted bytes
 * does not need: the file system, the user, capabilities, and every system
 * call but those that use open descriptors, allocate, and tell the time.
 * Called before the first untrusted byte.
 */
#define CONFINE_MAX_CALLS 48

struct confinement {
	uid_t uid;	       /* its user and group, when started by root */
	uint64_t memory;       /* bytes of address space */
	uint64_t cpu_s;	       /* seconds; 0: no limit */
	uint64_t files;	       /* descriptors */
	uint64_t file_size;    /* bytes of a file that it writes, by a descriptor it was given */
	const uint32_t *calls; /* system calls beside those that every such program needs */
	size_t n_calls;	       /* at most CONFINE_MAX_CALLS */
	bool inet;	       /* sockets of AF_INET and AF_INET6, and of no other kind */
	/*
	 * Instead of no file: the root directory stays, these can be read (Landlock; missing ones
	 * are skipped) and modules loaded from them, and a system call that is not listed is
	 * refused instead of the process killed, as what a host's modules do is not known.
	 */
	const char *const *readable;
};

int confine(const struct confinement *c, struct err *e);
