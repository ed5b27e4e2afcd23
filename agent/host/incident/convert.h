/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/incident/incident.h"
#include "runtime/proto/decode.h"

/*
 * From a raw report of production to an incident: the trace, the call that was
 * logged with it, and what the operator knows beside it.  Files are named by
 * the operator, but their content is untrusted: sickbay-decode reads them all.
 */
struct convert {
	enum decode_format from; /* DECODE_NODE, DECODE_PYTHON or DECODE_SANITIZER */
	int report;		 /* descriptor of the report, borrowed */
	const char *report_name;
	const char *input, *deploy, *metrics; /* files, or NULL */
	const char *service;		      /* name, or NULL: as the report says */
	struct incident_paths paths;
	struct buf *keep; /* receives the report as it came; or NULL */
};

/* A report that is text: "node", "python" or "sanitizer"; -EINVAL with the list of them in e. */
int convert_format(const char *name, enum decode_format *out, struct err *e);
int incident_convert(const struct convert *c, struct incident *out, struct err *e);
/*
 * The same from a report that sickbay-decode has read already (a value of
 * DECODE_REPORTS); `from` and `report` count for nothing.  Frames are not mapped
 * yet and there is no fingerprint: that is its service's to do.
 */
int incident_from_report(const struct convert *c, const json_t *report, struct incident *out,
			 struct err *e);
/* That: paths, coordinate, fingerprint and the name that follows from it. */
int incident_finish(const struct convert *c, struct incident *i, struct err *e);
