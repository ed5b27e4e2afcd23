/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/syntax/lang.h"

/* What a text does to check something, or not to: the constructs that inspect_weakening.c compares.
 */
enum construct_kind {
	RAISE,
	ASSERTION,
	CHECK,
	GUARD, /* the condition in front of a raise */
	NARROWED,
	CATCH,
	CATCH_ALL,
	SWALLOW,
	SWITCH,
	SILENCED,
	NOTHING
};

/* What a call does, by the whole text of what is called or by its last name; NOTHING: unknown. */
enum construct_kind weakening_call(const struct lang *l, const char *whole, const char *name);
/* Does name = value turn a check off? */
bool weakening_switch(const struct lang *l, const char *name, const char *value);
/* Does a comment tell a checker of the code to look away? */
bool weakening_remark(const struct lang *l, const char *text);
