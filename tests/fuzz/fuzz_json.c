/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/decode/decode_formats.h"
#include "tests/fuzz/fuzz.h"

/* Both readers: what strict JSON accepts, JSON with comments accepts, too. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_decoder(data, size, json_decode);
	fuzz_decoder(data, size, jsonc_decode);
	return 0;
}
