/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "runtime/base/buf.h"

/*
 * Appends n bytes with each "%XX" as the byte that it stands for (RFC 3986,
 * 2.1); what is no such thing stays.  `plus`: '+' is a blank, as in forms (WHATWG URL,
 * application/x-www-form-urlencoded).
 */
void percent_decode(const char *s, size_t n, bool plus, struct buf *out);
