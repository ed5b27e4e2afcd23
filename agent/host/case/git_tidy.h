/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/base/err.h"

/*
 * What a git that was killed left in a repository of our own: lock files, which
 * would make every later write fail, half-written objects and private indexes.
 * The caller holds the repository's lock, so that no living git owns any of them.
 */
int git_tidy(const char *dir, struct err *e);
