/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/service.h"
#include "agent/host/queue/queue.h"

/*
 * What a monitor says of a service: its error rate, latency or timeouts are
 * not as they should be, since when, and when that ended.  STATE/alerts/ID.json,
 * one for a service, a kind and a name; written again when it ends.  An alert has
 * no stack: the reports of the same service within ALERT_WINDOW of its beginning
 * are what it is about, and their incidents name it under "metrics" when they
 * are taken up.  Where there is none, it becomes an incident of its kind without
 * a chain, which triage ends with that reason.
 */
#define ALERT_SCHEMA "sickbay.alert/1"
#define ALERT_WINDOW (15ull * 60 * 1000000000) /* ns, before and after it begins */

/* One alert of DECODE_REPORTS. */
int alert_take(const struct queue *q, const struct service *s, const char *service_file,
	       const json_t *alert, struct err *e);
/* Those of a service that were on at some time between two times: [{"name","kind","starts","ends",
 * "summary","value"}]; a new reference. */
int alert_list(const char *state, const char *service, uint64_t from_ns, uint64_t to_ns,
	       json_t **out, struct err *e);
