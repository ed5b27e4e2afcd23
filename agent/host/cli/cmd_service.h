/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/host_config.h"
#include "agent/host/case/service_state.h"
#include "agent/host/cli/cli.h"

/* The commands of `sickbay service` that have a file of their own, and the options they share. */
struct service_host {
	const char *state, *services, *config; /* as given; then state and services as they hold */
	struct host_config host;
};

#define OPTS_HOST(h)                                                                           \
	{ "services", OPT_STR, &(h).services, "DIR", "service files (" SERVICES_DEFAULT ")" }, \
		{ "state", OPT_STR, &(h).state, "DIR",                                         \
		  "state directory (" CLI_STATE_DEFAULT ")" },                                 \
	{                                                                                      \
		"config", OPT_STR, &(h).config, "FILE", "the host's configuration"             \
	}
/* What was not given is as the host's configuration says; release h->host afterwards. */
int service_host_load(struct service_host *h, struct err *e);
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
