/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/pipeline/stages.h"

/*
 * What a case leaves to read when the service's mode ends it before a pull
 * request: report.md, and test.patch where a failing test was found.  No value
 * of production stands in them.
 */
#define REPORT_FILE	"report.md"
#define TEST_PATCH_FILE "test.patch"

/* What would be done, and what is in the way of it. */
int report_observed(struct work *w, struct err *e);
/* The test that was found; borrowed. */
struct report_test {
	const char *name;	/* NULL: it has none */
	const char *input_from; /* of a report without a call; NULL: the agent does not say */
	const json_t *isolate;	/* as 3-match.json has it */
};
/* Where it fails, how often it was seen to, and the test. */
int report_reproduced(struct work *w, const struct report_test *t, struct err *e);
