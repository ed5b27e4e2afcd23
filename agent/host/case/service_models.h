/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/host_config.h"
#include "agent/host/case/service.h"

/*
 * Whether the models that a service file names can be asked: each stands in
 * the host's configuration, with its prices, and the policy of its role allows
 * it.  -ENOENT, -EPERM, with the place in the service file and what to do.
 */
int service_check_models(const struct service *s, const struct host_config *c, struct err *e);
