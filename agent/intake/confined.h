/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/base/err.h"

/* Gives up all that serving does not need: files, the user, starting anything, connecting. */
int intake_confine(struct err *e);
