/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/gate/model.h"

/* What the parts of the door to models (model*.c) share. */

/* What a call may be: where it goes and what it costs. Borrowed from the configuration. */
struct model_place {
	const struct model_endpoint *endpoint;
	const struct model_price *price;
	const char *name; /* ENDPOINT/MODEL, borrowed from the service file's list */
};

/* Fills in a refusal; returns 1, as model_ask() does. */
int model_refuse(struct policy_verdict *why, const char *rule, const char *place, const char *fmt,
		 ...) __attribute__((format(printf, 4, 5)));
/* 0: *out is where it goes; 1: refused. */
int model_resolve(const struct host_config *c, const struct policy *p, const struct strlist *models,
		  const struct gate_model *rq, struct model_place *out, struct policy_verdict *why);
