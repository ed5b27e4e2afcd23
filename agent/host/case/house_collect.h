/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "agent/host/case/host_config.h"
#include "runtime/proto/audit.h"

/*
 * What lies in the state directory and is needed no more: layers that nothing
 * names, what killed runs left, what replicas wrote and was kept past its
 * retention.  Never a case, never the log, never what production said.
 */
struct house_collection {
	const char *state;
	const struct host_config *config;
	struct audit *audit; /* NULL: find, remove nothing */
	uint64_t age_ms;     /* what is younger is left alone */
};

/* *out: [{"what","path","bytes","removed"}]; what is in use by the time it would go stays. */
int house_collect(const struct house_collection *c, json_t **out, struct err *e);
