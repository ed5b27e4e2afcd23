/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "runtime/base/err.h"

/*
 * What speaks for and against letting sickbay go further with a service: its
 * cases, how they ended, and what people did with them.
 * {"cases","running","outcomes":{OUTCOME: n},"decisions":{DECISION:
 * n},"right","wrong","latest":[ID]} right: merged, also edited; wrong: closed as wrong, reverted or
 * recurred.
 */
int service_evidence(const char *state, const char *service, json_t **out, struct err *e);
