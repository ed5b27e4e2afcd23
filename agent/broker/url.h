/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/broker/resolve.h"
#include "runtime/base/err.h"

/* Where a URL leads, as far as a connection needs it. */
struct url {
	bool tls;
	char host[RESOLVE_HOST]; /* without the brackets of IPv6 */
	uint16_t port;
	bool literal; /* an address: nothing to look up */
};

/* https://HOST[:PORT]/..., or http:// to a literal loopback address (127.0.0.0/8, ::1); no user,
 * password or fragment.  Errors do not repeat the URL: it may hold what is nobody's business. */
int url_read(const char *text, struct url *out, struct err *e);
/* http://HOST:PORT of a proxy, anywhere. */
int url_read_proxy(const char *text, struct url *out, struct err *e);
