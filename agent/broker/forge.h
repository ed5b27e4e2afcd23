/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "runtime/base/err.h"

/*
 * Forges: what a broker does that was set up with `forges`.  See
 * runtime/proto/broker_forge.h.
 */
struct forges;
struct vault;

int forges_open(const json_t *list, struct vault *v, int resolver, struct forges **out,
		struct err *e);
/* Answers on `sock` until the peer closes it. */
int forges_serve(struct forges *f, int sock, struct err *e);
void forges_close(struct forges *f); /* NULL is fine */
