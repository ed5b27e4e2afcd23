/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/syntax/source.h"

/*
 * By which name another file can call a function: as JavaScript's CommonJS and
 * ES modules export it, or as a module of Python has it.  A function inside
 * another one, a method, and a callback have none.
 */

/* The name, "" where the module itself is the function, "default" for that export; NULL: nobody
 * outside can call it.  free() it. */
char *function_export(const struct source *s, TSNode function);

/* How a function takes one of its parameters. */
enum param_kind {
	PARAM_POSITIONAL,
	PARAM_REST,	 /* ...rest, *args: a list of those that are left */
	PARAM_KEYWORD,	 /* Python: by name only */
	PARAM_KEYWORDS,	 /* Python: **kwargs */
	PARAM_SEPARATOR, /* Python: "*" and "/" alone; takes nothing */
	PARAM_PATTERN,	 /* taken apart at the door: it has no name */
};
/* The i-th parameter; false past the last.  *name: a copy, NULL where it has none. */
bool function_takes(const struct source *s, TSNode function, unsigned i, enum param_kind *kind,
		    char **name);
/* Whether the body gives that name another value: then what it holds is not what was passed. */
bool function_reassigns(const struct source *s, TSNode function, const char *name);
