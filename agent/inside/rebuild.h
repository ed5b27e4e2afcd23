/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "agent/inside/reproduce.h"

/*
 * Calls from the variables of frames, for a report that has no call to replay:
 * of each own frame, innermost first, whose function others can call and whose
 * parameters all stand among its variables as a whole and were not given
 * another value since.  Such a call is a guess at nothing: what a reporter cut
 * is not filled in, and the frame is passed over with the reason.  Whether it
 * fails as reported, the replica shows.
 */

/* *out: [{"input": {"call": ...}, "from": "price() at price.js:3"}], at most REBUILD_MOST; new.
 * *why: what is missing, of each frame that gives none. */
#define REBUILD_MOST 4
int rebuild_calls(const struct subject *s, json_t **out, struct buf *why, struct err *e);
