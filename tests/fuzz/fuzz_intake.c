/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/proto/intake.h"

#include "tests/fuzz/fuzz.h"

/* A segment of the journal: every record that is read lies within it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t at = 0;

	while (at < size) {
		struct intake_record r;
		const uint8_t *payload = NULL;
		const int64_t n = intake_get(data + at, size - at, &r, &payload);

		if (n <= 0)
			break;
		if ((size_t)n > size - at || payload + r.length > data + size)
			abort();
		at += (size_t)n;
	}
	return 0;
}
