/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "runtime/base/err.h"

/*
 * Variables of a frame, from the form that a reporter gives them to typed
 * values (sickbay-incident(5), TYPED VALUES).  Nothing is guessed: a value that
 * the form does not give back as a whole stays as it came, and *lost names it
 * with the reason, {NAME: WHY}.
 *
 * VARS_INSPECTOR: Sentry's SDK for Node.js, from V8's inspector, one level deep
 * (its integration LocalVariablesAsync): "<null>", "<undefined>", "<NaN>",
 * "<12n>"; an array's elements that are no numbers, strings or booleans are all
 * null; an object's members that are objects are absent without a mark.
 * VARS_REPR: its SDK for Python (serializer.py): each leaf is its repr(),
 * tuples and sets are lists.
 */
enum vars_form { VARS_INSPECTOR, VARS_REPR };

/* meta: of these variables in the event's "_meta", or NULL; what it names was cut. New references;
 * *lost NULL where there is none. */
int vars_typed(const json_t *vars, enum vars_form form, const json_t *meta, json_t **out,
	       json_t **lost, struct err *e);
