/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/testrun/world.h"

/*
 * From a core to functions, files and lines: in a replica of the service's
 * image with the deployed commit built as production builds it, and with the
 * core, as a descriptor, in that replica alone.  What production mapped is
 * found there by build id; what the image and the commit have under the same
 * name counts for nothing.
 */
struct symbols_job {
	const char *state;
	struct store *store;
	const struct service *service;
	struct audit *audit;
	const char *commit,
		*release;    /* what production ran; both NULL: the target's head is tried */
	int core;	     /* borrowed */
	const char *name;    /* of the core, in messages */
	const json_t *facts; /* what DECODE_CORE said of it */
};

struct symbols {
	json_t *trace;	 /* of DECODE_SYMBOLS */
	char commit[65]; /* from which the program was built, or "" where the image had it */
};

/* -ENOENT: no object in the replica has the program's build id; e says which, and what to do. */
int symbols_read(const struct symbols_job *job, struct symbols *out, struct err *e);
void symbols_release(struct symbols *s);
