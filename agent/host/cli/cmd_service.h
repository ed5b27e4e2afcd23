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

#define OPT_JSON(c)                                             \
	{                                                       \
		"json", OPT_FLAG, &(c).json, NULL, "print JSON" \
	}

int service_cmd_list(int argc, char **argv, struct err *e);
int service_cmd_show(int argc, char **argv, struct err *e);
int service_cmd_promote(int argc, char **argv, struct err *e);
/* Indented; returns the exit status. */
int service_print_json(const json_t *v, struct err *e);
int service_cmd_init(int argc, char **argv, struct err *e);
