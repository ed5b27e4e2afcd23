/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

/*
 * A text as it may be read: byte i of a view stands for bytes from[i] to to[i]
 * of the text it was made from in the end.  Runs of white space are one space.
 */
struct view {
	char *exact, *fold; /* as it stands, and in lower case */
	uint32_t *from, *to;
	size_t n, cap;
	const char *form;
	bool decoded; /* bytes that were hexadecimal, a list or base64: accidents are likely */
	bool failed;  /* out of memory */
};

void view_release(struct view *v);
int view_of_text(const char *text, size_t n, struct view *out, struct err *e);

#define VIEW_FORMS 10
/* How `in` reads in one of the other forms, the form's number below VIEW_FORMS; empty (n is 0)
 * where it has nothing of that form. */
int view_decode(const struct view *in, unsigned form, struct view *out, struct err *e);
