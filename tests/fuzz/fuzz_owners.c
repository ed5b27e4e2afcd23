/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/decode/decode_formats.h"
#include "tests/fuzz/fuzz.h"

/* The path that is asked about stands on the first line. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nl = size ? memchr(data, '\n', size) : NULL;
	const size_t n = nl ? (size_t)(nl - data) : 0;
	AUTO_JSON json_t *path = json_stringn((const char *)data, n);
	AUTO_JSON json_t *options = path ? json_pack("{s:[O,s]}", "paths", path, "lib/a.js") : NULL;

	if (nl && options)
		fuzz_decoder_with(nl + 1, size - n - 1, options, owners_decode);
	return 0;
}
