/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/service.h"
#include "agent/host/incident/incident.h"
#include "agent/host/queue/report.h"
#include "runtime/base/buf.h"

/* What commands take that bring a report: a file of an incident, or a raw report on standard input
 * and what the operator knows beside it. */
struct report_options {
	const char *from, *input, *deploy, *metrics;
};

/* A raw report from standard input, as an incident of the service; the report as it came is kept
 * in STATE/raw (raw.h), and the incident says where. */
int report_convert(const struct report_options *o, const struct service *s, const char *state,
		   struct incident *out, struct err *e);
/* The same from a text that was read already. */
int report_of_text(const char *from, const struct service *s, const char *state,
		   const struct buf *text, struct incident *out, struct err *e);
/* An incident from a file, "-" for standard input. */
int report_load(const char *path, struct incident *out, struct err *e);
