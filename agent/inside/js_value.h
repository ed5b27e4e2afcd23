/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "runtime/base/buf.h"

/* Values of an input as JavaScript source, strings in the given quote. */
void js_put_value(struct buf *out, json_t *v, char quote);
/* The members of an array, with commas. */
void js_put_list(struct buf *out, json_t *v, char quote);
/* How many bytes of s are one identifier; 0: none begins here. */
size_t js_ident_length(const char *s);
