/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/base/err.h"

/*
 * The appending service: one orchestrator at the other end of the socket,
 * messages as runtime/proto/audit.h has them.  Ends when the peer closes,
 * after signing what it has not signed yet.
 */
int serve(int sock, int dir, struct err *e);
