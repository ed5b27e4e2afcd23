/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

#include "runtime/base/jmap.h"
#include "runtime/base/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A body from a peer that was taken over: refused with a reason, or a value that encodes to a body
 * of the same value. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF struct buf wire = BUF_INIT(MSG_MAX);
	AUTO_JSON json_t *value = NULL;
	AUTO_JSON json_t *back = NULL;
	struct err e = ERR_INIT;

	if (msg_decode(data, size, &value, &e) < 0) {
		if (e.code <= 0 || e.msg[0] == '\0' || value)
			__builtin_trap();
		return 0;
	}
	if (msg_encode(value, &wire, &e) < 0 || msg_decode(wire.p, wire.n, &back, &e) < 0 ||
	    !json_equal(value, back))
		__builtin_trap();
	return 0;
}
