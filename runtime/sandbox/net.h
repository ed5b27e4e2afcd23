/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "runtime/base/err.h"

/*
 * The network namespace of a replica, from the host's side: entered for the
 * time of one call and left again (single-threaded caller).  Failing to come
 * back is not survivable and ends the program.
 */
int net_open(pid_t pid, int *netns, struct err *e);
int net_loopback_up(int netns, struct err *e);
/* socket() in there: it stays bound to that namespace. */
int net_socket(int netns, int domain, int type, struct err *e);
