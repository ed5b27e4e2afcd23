/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* The bytes of the character that begins at text, of which n are there (RFC 3629: no overlong form,
 * no surrogate, nothing above U+10FFFF); 0: none does. */
size_t utf8_length(const void *text, size_t n);
