/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/base/err.h"

/* Gives up everything that decoding does not need (runtime/proto/confine.h), before the first
 * untrusted byte. */
int decode_confine(struct err *e);
