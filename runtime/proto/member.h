/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/jmap.h"

/*
 * What the host asks of a backing service's member, and what it hears.  In the
 * member runs `sickbay-agent member`, which starts the service's program and
 * answers one question at a time over a unix stream socket, inherited as
 * MEMBER_FD; frames of runtime/base/msg.h.  The answers come from inside a
 * replica: they say what a member claims, no more.
 */
#define MEMBER_FD 3

enum member_msg {
	MEMBER_RUN = 1, /* struct member_command, its input as the blob -> MEMBER_RESULT */
	MEMBER_START,	/* struct member_command: the service's program -> MEMBER_RESULT */
	MEMBER_PROBE,	/* struct member_probe -> MEMBER_RESULT once it is ready, or is not */
	MEMBER_STOP,	/* struct member_stop -> MEMBER_RESULT; the member then ends */
	MEMBER_RESULT	/* struct member_result */
};

struct member_command {
	struct strlist argv;
	uint64_t timeout_ms; /* RUN */
};

/* One of the three. */
struct member_probe {
	struct strlist argv; /* exits with 0 */
	char *path;	     /* a unix socket that takes a connection */
	char *address;	     /* an IPv4 address with ... */
	uint64_t port;	     /* ... a port that takes one */
	uint64_t interval_ms, timeout_ms;
};

struct member_stop {
	uint64_t signal, timeout_ms;
};

struct member_result {
	bool ok;
	char *why; /* what failed, in words; NULL when it went well */
};

extern const struct jmap member_command_map[], member_probe_map[], member_stop_map[],
	member_result_map[];
