/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "runtime/base/err.h"
#include "runtime/base/jmap.h"

/*
 * Recorded answers of an HTTP service (sickbay-service(5)): the operator's
 * file, strict JSON with comments, checked on the host before it is given to
 * the server in the replica.
 */
struct stub_answer {
	char *method; /* NULL: GET */
	char *path;   /* with a query only where it has to be the same */
	uint64_t status;
	struct strmap headers;
	char *body;
	json_t *json; /* a body as JSON instead */
};

struct stub {
	uint64_t version;
	struct objlist answers; /* struct stub_answer; the first that fits is given */
};

int stub_parse(const char *name, const char *text, size_t n, struct stub *out, struct err *e);
void stub_release(struct stub *s);
