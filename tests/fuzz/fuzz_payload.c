/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/decode/reports.h"
#include "tests/fuzz/fuzz.h"

/* The first byte says which reader of a producer's payload gets the rest. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static payload_reader *const readers[] = { sentry_envelope, sentry_event, otlp_traces,
						   otlp_logs,	    alertmanager, native,
						   text_any,	    github_hook,  gitlab_hook };
	char *text = malloc(size + 1);
	struct findings f = { 0 };
	struct err e = ERR_INIT;
	struct source in = { .name = "fuzz", .text = text };

	if (!text || size == 0 || findings_init(&f, &e) < 0) {
		free(text);
		return 0;
	}
	in.n = size - 1;
	in.options = json_pack("{s:b}", "protobuf", (data[0] & 0x80) != 0);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	(void)readers[(data[0] & 0x7f) % 9](&in, &f, &e);
	json_decref((json_t *)(uintptr_t)in.options);
	findings_release(&f);
	free(text);
	return 0;
}
