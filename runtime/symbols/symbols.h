/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <elfutils/libdwfl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/base/jmap.h"

/*
 * sickbay-symbols: inside a replica, turns the registers and stacks of a core
 * into functions, files and lines, with the programs and libraries that lie in
 * that replica.  Nothing of the replica but this program runs beside the core.
 *
 * SYMBOLS_CORE is the core.  The task says what production had mapped, as
 * sickbay-decode read it from the core:
 *   {"tree": DIR, "program": PATH, "modules": [{"path","build_id","start"}, ...]}
 * On standard output comes one object:
 *   {"frames": [{"function","file","line","inlined","object"}, ...],	innermost first
 *    "objects": [{"build_id","path"}, ...],	 what was found, in the modules' order; path null:
 * nothing "why": TEXT}				 where the stack could not be followed to its end
 */
#define SYMBOLS_CORE   3
#define SYMBOLS_FRAMES 256 /* innermost ones that are told */

struct module { /* an object that production had mapped */
	char *path, *build_id;
	uint64_t start; /* where its first byte lay */
	char *found;	/* the same object in the replica; NULL: there is none */
	bool own;	/* the service's: its relative file names are those of the repository */
};

/* Looks for the module's object: where production had it, else (by build id) below `tree`. -1:
 * it is not there. The result is open for reading. */
int object_open(struct module *m, const char *tree);

/* The core, as pages of our own that can be changed; for as long as this process runs. */
struct mapped {
	unsigned char *p;
	size_t n;
};
int core_map(int fd, struct mapped *out, struct err *e);
/* Where the thread stands at no code: its registers become those of the call that led there. */
bool core_take_back(const struct mapped *m);

/* Frames of the thread that the kernel wrote first: the one that was hit. */
int frames_read(Dwfl *dwfl, const struct module *modules, json_t *out, char why[256],
		struct err *e);
