/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "runtime/base/buf.h"

/* Base 64 with padding (RFC 4648, section 4). */
void base64_put(struct buf *out, const void *data, size_t n);
/* Exactly n bytes, canonical; 0 or -EINVAL. */
int base64_get(const char *text, size_t len, void *out, size_t n);
