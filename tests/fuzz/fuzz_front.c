/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/front.h"

/* Bytes of a client, as they are: the first two choose the protocol and how they come. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	fuzz_open(MODEL_ANTHROPIC + data[0] % 4, data[0] & 4 ? "reproduce" : "patch");
	fuzz_client((const char *)data + 2, size - 2, data[1] ? data[1] * 64u : 16384);
	return 0;
}
