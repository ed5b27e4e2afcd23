/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/testrun/testrun.h"

/*
 * Whether a service can be healed at all: its toolchain is prepared, its
 * replica built at the head of the target branch, and its suite run there with
 * no agent in it.  The baseline that this gives is kept, so that a case at the
 * same commit need not run the suite again.
 */
struct check_input {
	const char *state;
	struct store *store;
	const struct service *service;
	struct audit *audit;
};

/*
 * Writes STATE/services/NAME/check.json, and *record is what stands in it:
 * {"schema","service","file","mode","ready","passed","commit","image","toolchain","baseline","runs",
 *  "tests","passing","failing","skipped","flaky","missing","why","at","output","measured"}.
 * "missing" (in plain words), "why" (what failed), "at" (toolchain, source, suite) and, of a suite,
 * both ends of its "output" are there where it is not ready;
 * "passed" is the time of the last check that was, if one ever was.
 * <0: sickbay itself could not; *no_sandbox: because replicas cannot be built here.
 */
int service_check(const struct check_input *in, json_t **record, bool *no_sandbox, struct err *e);
