/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "runtime/base/err.h"

/* The longer verbs of `sickbay policy`, a file each; rows of cmd_policy.c. */
int policy_cmd_fmt(int argc, char **argv, struct err *e);
int policy_cmd_suggest(int argc, char **argv, struct err *e);
int policy_cmd_replay(int argc, char **argv, struct err *e);
int policy_cmd_diff(int argc, char **argv, struct err *e);

/* Prints and drops v. CLI_OK or CLI_FAILED. */
int policy_print_json(json_t *v, struct err *e);
