/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/pipeline/pipeline.h"

/*
 * The proof once more, in fresh replicas, from the records 1 to 4 of the case
 * that p names; nothing is published in it.  Refuses by name what this host
 * has otherwise than 2-replica.json says: image, toolchain, reporters, policies.
 * *out is what 5-proof.json would be.
 */
int pipeline_prove_again(const struct pipeline *p, json_t **out, struct err *e);
