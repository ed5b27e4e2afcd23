/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/service_state.h"
#include "agent/host/cli/cli.h"

/* The commands of `sickbay service` that have a file of their own, and the options they share. */
#define OPT_SERVICES(c)                                                                           \
	{                                                                                         \
		"services", OPT_STR, &(c).services, "DIR", "service files (" SERVICES_DEFAULT ")" \
	}
#define OPT_STATE(c)                                                                           \
	{                                                                                      \
		"state", OPT_STR, &(c).state, "DIR", "state directory (" CLI_STATE_DEFAULT ")" \
	}

int service_cmd_init(int argc, char **argv, struct err *e);
