/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"

/*
 * The host's end of seccomp user notification: each notified call is recorded
 * {syscall, pid, comm} and continues.  It never decides anything: arguments in
 * memory can change after they were looked at.  Records are bounded; calls
 * beyond the bound are answered and counted.
 */
struct notify;

/* Copies the listener out of a blocked child.  The new descriptor or -errno. */
int notify_take_listener(int pidfd, int fd_in_child, struct err *e);
/* Takes over the listener; keeps at most max records between two notify_take() calls. */
int notify_open(int listener, size_t max, struct notify **out, struct err *e);
int notify_fd(const struct notify *n); /* readable when a call waits; -1 once the last user is gone
					  (before 6.11: reaped) */
/* Answers what waits now; never blocks. */
int notify_step(struct notify *n, struct err *e);
uint32_t notify_count(const struct notify *n); /* all calls since the start */
/* Records since the last call: array of {"syscall","pid","comm"}; new reference, NULL when there is
 * none. */
json_t *notify_take(struct notify *n);
void notify_close(struct notify *n);
