/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/err.h"

/*
 * One HTTP/1.x request, read strictly: what two readers could take for two
 * different requests is refused.  Parsed in place, nothing is allocated.
 */
#define HTTP_HEAD_MAX 16384
#define HTTP_BODY_MAX (4u << 20)

struct http_request {
	char method[16];
	char target[2048]; /* as sent: a path, "?" and a query */
	size_t body;	   /* length of what follows the head */
	bool keep;	   /* the connection is used again */
};

/*
 * data: what came so far.  >0: length of the complete head, *out is filled; 0: more is needed;
 * -EBADMSG: no request, -E2BIG: its head or body is too long, -ENOTSUP: a transfer coding or
 * version that is not spoken here.
 */
int http_parse(const char *data, size_t n, struct http_request *out, struct err *e);
