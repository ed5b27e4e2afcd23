/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "runtime/base/err.h"
#include "runtime/decode/decode_formats.h"

/* A list of tests under unique ids: the second "x" becomes "x#2". */
#define TEST_ID_MAX 4096

enum test_status { TEST_PASS, TEST_FAIL, TEST_SKIP, TEST_TODO };

struct tests {
	json_t *list; /* {"id","status","ms"} */
	json_t *seen; /* id -> how often */
};

int tests_init(struct tests *t, struct err *e);
void tests_release(struct tests *t);
int tests_add(struct tests *t, const char *id, enum test_status status, double ms, struct err *e);
/* What formats that know nothing but tests give: no faults, no values; plan -1: none stated. */
int tests_value(const struct tests *t, json_int_t plan, bool ended, json_t **out, struct err *e);
