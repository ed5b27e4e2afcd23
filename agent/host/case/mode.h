/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/service.h"

/*
 * How far sickbay goes for a service.  The service file's `mode` is the
 * ceiling; STATE/services/NAME/mode.json may hold a lower rung, after a
 * demotion.  Nothing but `service promote` raises the rung again.
 */

/* The mode in effect: the lower of the two. */
int service_mode_now(const char *state, const struct service *s, int *mode, struct err *e);
/* Keeps what the file allows, for a demotion that has the service's name alone. Before each case.
 */
int service_note_ceiling(const char *state, const struct service *s, struct err *e);
/* One rung down from what is in effect; at observe it stays there. */
int service_demote(const char *state, const char *service, const char *why, struct err *e);
/* Sets the rung; the caller has checked that it is not above the ceiling. */
int service_set_rung(const char *state, const char *service, int rung, const char *why,
		     struct err *e);

/*
 * 0 when `service check` passed once for this service in this state directory,
 * else -EPERM with the command to run.
 */
int service_checked(const char *state, const struct service *s, struct err *e);
#define CHECK_FILE   "check.json"
#define CHECK_SCHEMA "sickbay.check/1"
