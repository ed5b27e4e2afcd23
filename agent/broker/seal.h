/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "runtime/base/err.h"

/*
 * What the broker and its resolver give up, for ever; both are BROKER_UID, end
 * with their parent, and are not dumpable.  The broker: every file (its root is
 * empty), every socket but TCP and UDP ones, processes and threads.  The
 * resolver: what is not the C library's configuration of names, and every write.
 */
/* `writes`: it writes to files that it is handed. */
int seal_broker(bool writes, struct err *e);
int seal_resolver(struct err *e);
