/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/pr/verify.h"

/* Repeats the proof of an exported case that holds, and adds the check "re-run". CLI_OK also when
 * it comes out otherwise; else the status to exit with. */
int case_rerun(struct checking *c, const char *state, const char *service, struct err *e);
