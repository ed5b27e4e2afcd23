/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "runtime/base/buf.h"

/* The bytes of the character that begins at text, of which n are there (RFC 3629: no overlong form,
 * no surrogate, nothing above U+10FFFF); 0: none does. */
size_t utf8_length(const void *text, size_t n);
/* Appends bytes as text: what is not UTF-8, and NUL, becomes U+FFFD. */
void utf8_clean(const void *data, size_t n, struct buf *out);
/* Appends the first or the last part of a text, at most max bytes, in whole characters. */
void utf8_head(const char *text, size_t max, struct buf *out);
void utf8_tail(const char *text, size_t max, struct buf *out);
