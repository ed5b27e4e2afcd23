/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/front.h"

/* A well-formed request with this body: MCP, or a provider's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const paths[] = { "/mcp", "/mcp", "/mcp", "/v1/messages" };
	AUTO_BUF struct buf b = BUF_INIT(1u << 20);

	if (size < 1)
		return 0;
	fuzz_open(MODEL_ANTHROPIC, data[0] & 4 ? "reproduce" : "patch");
	buf_printf(&b,
		   "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n%s"
		   "Content-Length: %zu\r\n\r\n",
		   paths[data[0] % 4], data[0] & 8 ? "Accept: text/event-stream\r\n" : "",
		   size - 1);
	buf_put(&b, data + 1, size - 1);
	fuzz_client(b.p, b.n, 16384);
	return 0;
}
