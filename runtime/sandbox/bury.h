/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * Closes descriptors whose last close takes milliseconds (namespaces, file
 * systems) in a process of its own, so that nobody waits for it.  It ends by
 * itself, or with us.  Falls back to closing them here.
 */
#define BURY_MAX 256
void bury(int *fds, size_t n); /* entries of -1 are skipped; all are closed */
