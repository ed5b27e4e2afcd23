/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <string.h>

#include "runtime/proto/stub.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A refusal says where; what is accepted can be sent as it is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	struct stub s = { 0 };
	const struct stub_answer *a;

	if (stub_parse("f.json", (const char *)data, size, &s, &e) < 0) {
		if (e.code <= 0 || s.answers.n || strncmp(e.msg, "f.json:", 7) != 0)
			__builtin_trap();
		return 0;
	}
	a = s.answers.v;
	for (size_t i = 0; i < s.answers.n; i++) {
		if (a[i].path[0] != '/' || strpbrk(a[i].path, " \r\n") || (a[i].body && a[i].json))
			__builtin_trap();
		for (size_t k = 0; k < a[i].headers.n; k++)
			if (strpbrk(a[i].headers.v[k].key, ":\r\n") ||
			    strpbrk(a[i].headers.v[k].value, "\r\n"))
				__builtin_trap();
	}
	stub_release(&s);
	return 0;
}
