/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "runtime/base/err.h"

/*
 * The registry client: what a broker does that was set up with `registries`.
 * It fetches manifests and blobs by name or digest, one at a time, to the
 * descriptor that came with each request.  See runtime/proto/broker_registry.h.
 */
struct registries;

struct vault;

/* Reads credentials and authorities, before the program gives up the file system. The vault and the
 * resolver's socket (resolve.h) are borrowed. */
int registries_open(const json_t *list, struct vault *v, int resolver, struct registries **out,
		    struct err *e);
/* Answers on `sock` until the peer closes it. */
int registries_serve(struct registries *r, int sock, struct err *e);
void registries_close(struct registries *r); /* NULL is fine */
