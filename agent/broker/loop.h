/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/broker/setup.h"

/* Serves the orchestrator on BROKER_FD until it closes it. */
int loop_run(struct setup *s, int resolver, struct err *e);
