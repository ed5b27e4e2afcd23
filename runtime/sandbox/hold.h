/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/sandbox/sandbox.h"

/*
 * Stopping all members of this process at once.  A descriptor is watched beside
 * each member's own; when it is readable, whoever waits for any of them calls
 * the function, which may freeze them all and return when they run again.  A
 * frozen member's clocks stand still.
 */
typedef int sandbox_hold_fn(void *ctx, struct err *e);

/* For members that are started from now on; -1 and NULL: none. fn <0: the member in whose turn it
 * was called is killed, and its wait fails. */
void sandbox_set_hold(int fd, sandbox_hold_fn *fn, void *ctx);
/* Freezes or thaws each running member; goes on with the others when one cannot be frozen. */
int sandbox_hold_all(bool frozen, struct err *e);
/* Milliseconds that this process's members have stood still: for clocks of its own. */
uint64_t sandbox_held_ms(void);
/* fn for each member that was not closed, the newest first; <0 stops. fn must not close any. */
int sandbox_each(int (*fn)(void *ctx, struct sandbox *s, struct err *e), void *ctx, struct err *e);
/* The name it was started with. */
const char *sandbox_name(const struct sandbox *s);
