/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/service.h"
#include "agent/host/incident/incident.h"

/* The report's own place names become the repository's before anything is recorded; it has a
 * fingerprint afterwards. */
int report_resolve(const struct service *s, struct incident *i, struct err *e);
