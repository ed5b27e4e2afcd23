/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/decode/decode_formats.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_decoder(data, size, journald_decode);
	return 0;
}
