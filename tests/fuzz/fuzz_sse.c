/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <string.h>

#include "agent/broker/sse.h"
#include "runtime/base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EVENT_MAX 4096

static int note(void *arg, const char *name, const char *data, size_t n, struct err *e)
{
	struct buf *seen = arg;

	(void)e;
	if (n > EVENT_MAX || strlen(data) != n || (name && strlen(name) >= SSE_NAME))
		__builtin_trap();
	for (size_t i = 0; i < n;) {
		const size_t k = utf8_length(data + i, n - i);

		if (k == 0)
			__builtin_trap();
		i += k;
	}
	buf_printf(seen, "%s|%zu|%s\n", name ? name : "-", n, data);
	return 0;
}

static void read_all(const uint8_t *data, size_t size, size_t step, struct buf *seen, struct err *e)
{
	struct sse s;

	sse_init(&s, EVENT_MAX);
	for (size_t i = 0; i < size && !e->code; i += step)
		(void)sse_feed(&s, data + i, size - i < step ? size - i : step, note, seen, e);
	if (!e->code)
		(void)sse_end(&s, note, seen, e);
	if (e->code && e->msg[0] == '\0')
		__builtin_trap();
	sse_release(&s);
}

/* A stream is the same wherever the network cut it; the first byte says where. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF struct buf whole = BUF_INIT(64u << 20);
	AUTO_BUF struct buf cut = BUF_INIT(64u << 20);
	struct err one = ERR_INIT, two = ERR_INIT;

	if (size < 1)
		return 0;
	read_all(data + 1, size - 1, size, &whole, &one);
	read_all(data + 1, size - 1, (size_t)data[0] % 16 + 1, &cut, &two);
	if (one.code != two.code || strcmp(one.msg, two.msg) != 0 ||
	    strcmp(whole.p ? whole.p : "", cut.p ? cut.p : "") != 0)
		__builtin_trap();
	return 0;
}
