/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "runtime/base/jmap.h"

/*
 * What somebody should hear of: notes in STATE/notify, which the worker sends to
 * the host's webhook (`sickbay notify send`).  The directory is there where one
 * is configured; elsewhere nothing is noted.  A note that cannot be written is a
 * warning: no case waits for it, and none fails by it.
 */
#define NOTIFY_SCHEMA "sickbay.notify/1"

/* event: "proposed", "needs-person", "paused", "storm"; service and kase may be NULL; text: one
 * line for a person. */
void notify_note(const char *state, const char *event, const char *service, const char *kase,
		 const char *text);
/* Makes the directory, or clears it away where nobody is told any more. */
int notify_begin(const char *state, bool wanted, struct err *e);
/* Names of what waits, oldest first; a missing directory is an empty one. */
int notify_waiting(const char *state, struct strlist *out, struct err *e);
/* One of them, as it will be sent. -ENOENT. */
int notify_read(const char *state, const char *name, json_t **out, struct err *e);
void notify_drop(const char *state, const char *name);
