/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/service.h"

/*
 * An HTTP request that production reported, as calls that a test can make: by the
 * client that a framework has for its tests, which lets through what a handler
 * throws, where a server would answer with 500.  `new_test.http` of the service
 * file says which client, and where the application is.  What only the way there
 * needed (who is asked, what is accepted, who is logged in) is not replayed.
 */

/* Whether the application is named as its client wants it. */
bool request_check(const struct service_tests *suite);
/*
 * The input as a test replays it.  One with a request gets the "script" beside its "http"; any
 * other is the same.  New reference; NULL where input is.  -EINVAL: the request cannot be
 * replayed, e says what of it.
 */
int request_replayed(const struct service_tests *suite, const json_t *input, json_t **out,
		     struct err *e);
