/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/service.h"
#include "agent/host/cli/report.h"
#include "agent/host/incident/incident.h"
#include "images/store.h"
#include "runtime/proto/audit.h"

/*
 * A core file as a report ("--from core").  It is production's memory: it lies
 * in a file below STATE/raw that has no name and goes with this process; what is
 * kept is what was read from it, functions, files and lines.
 */
#define CORE_FROM "core"
#define CORE_MAX  (1ull << 30) /* bytes */

struct core {
	int fd;
	char name[128]; /* in messages */
	json_t *facts;	/* of DECODE_CORE */
};

/* Reads all of `in` (borrowed; closed by nobody), then looks at it. -EFBIG beyond CORE_MAX. */
int core_take(const char *state, int in, const char *name, struct core *out, struct err *e);
void core_release(struct core *c);
/* Whether the process that crashed is one of production: 0; -EPERM: it runs in a replica; -ENOENT:
 * it is gone, so nobody can tell. Asked before the core is read, as the kernel keeps it until then.
 */
int core_check(uint64_t pid, struct err *e);
/* Which service's program it is: the one whose file maps production's path of it. -ENOENT: of none
 * here; e names the program. `name` is to be freed. */
int core_service(const struct core *c, const char *services, char **name, struct err *e);

struct core_host { /* borrowed */
	const char *state;
	struct store *store;
	struct audit *audit;
};
/* The incident, by a replica of the service; -ENOENT as symbols_read() has it. Without `keep` what
 * was read is not kept in STATE/raw. */
int core_convert(const struct core_host *h, const struct core *c, const struct report_options *o,
		 const struct service *s, bool keep, struct incident *out, struct err *e);
/* The same for a command that has neither store nor log open: CLI_OK, or the status to exit with.
 */
int core_run(const char *state, const struct core *c, const struct report_options *o,
	     const struct service *s, bool keep, struct incident *out, struct err *e);
