/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * What a message says when its values are left out: numbers and quoted texts
 * become a mark, every way of having nothing (null, undefined, NoneType) the
 * same word.  Two failures of one type in one function are of one kind only
 * when these agree: "of null" and "of undefined" do, "is not a function" is
 * another failure.  With `members` the member that was wanted of nothing stays,
 * so that another expression is another kind.  free() it; NULL without memory.
 */
char *failure_kind(const char *message, bool members);
