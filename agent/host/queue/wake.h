/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "runtime/base/err.h"
#include "runtime/base/jmap.h"

/*
 * Cases whose proposals a forge said something of, by its webhook: a file each
 * in STATE/forge/wake, from `sickbay intake` until `sickbay forge poll` has
 * looked.  Telling twice is telling once; what is told while somebody looks is
 * looked at again.
 */
#define WAKE_DIR    "forge/wake"
#define WAKE_SCHEMA "sickbay.wake/1"

/* Durable; what {"forge","repository","number"} is for people, the reference is stolen. */
int wake_put(const char *state, const char *kase, json_t *what, struct err *e);
/* Cases that wait, once each. */
int wake_list(const char *state, struct strlist *out, struct err *e);
/* Before looking: 1: it was told of; 0: it was not. */
int wake_take(const char *state, const char *kase, struct err *e);
/* After looking; without it, the case still waits. */
int wake_done(const char *state, const char *kase, struct err *e);
