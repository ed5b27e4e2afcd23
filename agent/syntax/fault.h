/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "agent/syntax/lang.h"
#include "runtime/base/err.h"

/*
 * What kind of thing went wrong, from the type and message of an exception (or
 * the words of a sanitizer), by table.  The message is only searched for names
 * that must then be found in the source; nothing of it is ever written out.
 */
enum fault_class {
	FAULT_NULL = 1 << 0,
	FAULT_TYPE = 1 << 1,
	FAULT_KEY = 1 << 2,
	FAULT_INDEX = 1 << 3,
	FAULT_DIVIDE = 1 << 4,
	FAULT_CONVERT = 1 << 5, /* a value that cannot be converted, decoded, parsed */
	FAULT_OVERFLOW = 1 << 6,
	FAULT_MEMORY = 1 << 7, /* use after free, double free */
	FAULT_DEPTH = 1 << 8,  /* recursion without end */
	FAULT_OTHER = 1 << 9,
};
#define FAULT_ANY 0x3ffu

struct fault {
	unsigned classes;
	char type[128];
	char member[128];  /* the property or attribute named in the message, or "" */
	char subject[128]; /* the expression named in the message, or "" */
};

void fault_of(const struct lang *lang, const char *type, const char *message, struct fault *out);
/* "a null value", "an index out of range": for prose. */
const char *fault_words(unsigned classes);
