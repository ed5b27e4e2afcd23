/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/proto/member.h"

#include <stddef.h>

#define ARGS_MAX    256
#define WAIT_MAX_MS 3600000
#define WORDS_MAX   1000

#define AT(type, field) .offset = offsetof(struct type, field)

const struct jmap member_command_map[] = {
	{ .name = "argv",
	  .kind = JMAP_STRS,
	  AT(member_command, argv),
	  .required = 1,
	  .min = 1,
	  .max = ARGS_MAX,
	  .help = "the command" },
	{ .name = "timeout_ms",
	  .kind = JMAP_U64,
	  AT(member_command, timeout_ms),
	  .max = WAIT_MAX_MS,
	  .help = "longest run" },
	{ 0 },
};

const struct jmap member_probe_map[] = {
	{ .name = "argv",
	  .kind = JMAP_STRS,
	  AT(member_probe, argv),
	  .max = ARGS_MAX,
	  .help = "a command that exits with 0" },
	{ .name = "path",
	  .kind = JMAP_STR,
	  AT(member_probe, path),
	  .max = 107,
	  .help = "a unix socket" },
	{ .name = "address",
	  .kind = JMAP_STR,
	  AT(member_probe, address),
	  .max = 15,
	  .help = "an IPv4 address" },
	{ .name = "port",
	  .kind = JMAP_U64,
	  AT(member_probe, port),
	  .max = 65535,
	  .help = "its TCP port" },
	{ .name = "interval_ms",
	  .kind = JMAP_U64,
	  AT(member_probe, interval_ms),
	  .required = 1,
	  .min = 1,
	  .max = WAIT_MAX_MS,
	  .help = "between two questions" },
	{ .name = "timeout_ms",
	  .kind = JMAP_U64,
	  AT(member_probe, timeout_ms),
	  .required = 1,
	  .min = 1,
	  .max = WAIT_MAX_MS,
	  .help = "until it counts as not ready" },
	{ 0 },
};

const struct jmap member_stop_map[] = {
	{ .name = "signal",
	  .kind = JMAP_U64,
	  AT(member_stop, signal),
	  .required = 1,
	  .min = 1,
	  .max = 31,
	  .help = "what the service is told to stop by" },
	{ .name = "timeout_ms",
	  .kind = JMAP_U64,
	  AT(member_stop, timeout_ms),
	  .required = 1,
	  .min = 1,
	  .max = WAIT_MAX_MS,
	  .help = "until it is not waited for any longer" },
	{ 0 },
};

const struct jmap member_result_map[] = {
	{ .name = "ok", .kind = JMAP_BOOL, AT(member_result, ok), .help = "it went well" },
	{ .name = "why",
	  .kind = JMAP_STR,
	  AT(member_result, why),
	  .max = WORDS_MAX,
	  .help = "what failed" },
	{ 0 },
};
