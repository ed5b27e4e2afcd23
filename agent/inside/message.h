/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "agent/inside/tools.h"

/*
 * The message of a failure without its values: what stays the same when the
 * input is made smaller and synthetic.  A coordinate alone does not tell two
 * failures of one line apart.  Numbers, addresses and quoted texts that the
 * repository does not use become a mark.
 */
/* Of the root cause of a chain (cause first, as in an incident); "" without one.  free() it. */
char *message_shape(const json_t *chain, const struct corpus *repo);
