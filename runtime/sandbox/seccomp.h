/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/err.h"
#include "runtime/base/sha256.h"
#include "runtime/sandbox/spec.h"

/*
 * The system-call filter of a replica: an allow-list for x86-64, built by
 * libseccomp once per policy, then taken from memory or from a cache on disk.
 * What can reach the kernel's rarely tested parts or out of the replica is
 * refused whatever the policy says (seccomp_never()).
 */
struct seccomp_prog {
	struct sock_filter *insns; /* owned */
	unsigned short n;
	bool notify; /* install asks for a listener */
	bool from_cache;
	char digest[SHA256_HEX]; /* of the instructions */
};

enum seccomp_verdict {
	SECCOMP_REFUSED, /* EPERM, ENOSYS, or the process is killed */
	SECCOMP_ALLOWED,
	SECCOMP_FILTERED, /* allowed for some arguments: see seccomp_condition() */
	SECCOMP_NOTIFIED, /* recorded, then as allowed */
	SECCOMP_NEVER,	  /* refused, and no policy can allow it */
};

/*
 * cache: a directory that only the caller can write (made when missing), or NULL.  Fails on an
 * unknown call or group (with the nearest name), on `allow` of what is never allowed, and on
 * `notify` of what is not allowed or has to work before the listener is handed over (read, write,
 * close, ...).
 */
int seccomp_compile(const struct seccomp_spec *spec, const char *cache, struct seccomp_prog *out,
		    struct err *e);
void seccomp_prog_release(struct seccomp_prog *p);
/* The same checks without building: for a policy's checker. */
int seccomp_check(const struct seccomp_spec *spec, struct err *e);
/* What the filter of this spec says about a call by name; -ENOENT for an unknown name. */
int seccomp_decide(const struct seccomp_spec *spec, const char *call);
/* In words, for `explain`: "only AF_UNIX, AF_INET, ..."; NULL when there is none. */
const char *seccomp_condition(const char *call);

/* "minimal", "build", "build-net", "debug"; NULL when out of range. */
const char *seccomp_preset_name(int preset);
/* The groups ("@mount", ...) and their members, both NULL-terminated; NULL for an unknown group. */
const char *const *seccomp_groups(void);
const char *const *seccomp_group(const char *name);
/* Refused whatever a policy says. */
bool seccomp_never(const char *call);

/*
 * In the child, after no_new_privs, last before exec; async-signal-safe, allocates nothing.
 * Returns -errno, or 0; with p->notify the listener's descriptor number (close-on-exec) instead of
 * 0.  The child then write()s that number to the host and read()s until the host has taken it with
 * notify_take_listener(): those two calls are never notified.  From then on the host has to keep
 * calling notify_step(), also while it waits for execve(), which may be notified itself.
 */
int seccomp_install(const struct seccomp_prog *p);
