/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/broker/provider.h"
#include "agent/broker/trust.h"
#include "agent/broker/url.h"
#include "agent/broker/vault.h"
#include "runtime/proto/broker.h"

/* What was opened as root before the broker confined itself. */
struct endpoint {
	const struct broker_endpoint *said;
	const struct provider *provider;
	struct url url, proxy;
	struct secret secret; /* line NULL: none is sent */
	struct trust *trust;  /* NULL: plain HTTP on loopback */
	bool own_trust;
};

struct setup {
	struct broker_setup said;
	struct endpoint *v; /* of said.endpoints */
	size_t n;
	struct vault *vault;
	struct trust *system; /* read when the first one needs it */
};

/* Reads the message, then keys and certificates; the error names the endpoint and the file. */
int setup_open(const json_t *body, struct setup *out, struct err *e);
int setup_trust(struct setup *s, const char *ca, struct trust **out, struct err *e);
void setup_close(struct setup *s);
