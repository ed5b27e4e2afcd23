/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/base64.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_put(struct buf *out, const void *data, size_t n)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < n; i += 3) {
		const size_t have = n - i < 3 ? n - i : 3;
		uint32_t v = 0;

		for (size_t k = 0; k < 3; k++)
			v = v << 8 | (k < have ? p[i + k] : 0u);
		for (size_t k = 0; k < 4; k++)
			buf_put(out, k <= have ? &digits[v >> (18 - 6 * k) & 63] : "=", 1);
	}
}

static int group64(const char *text, size_t have, uint32_t *v)
{
	*v = 0;
	for (size_t k = 0; k < 4; k++) {
		const char *d = text[k] ? strchr(digits, text[k]) : NULL;

		if (k > have ? text[k] != '=' : !d)
			return -EINVAL;
		*v = *v << 6 | (k > have ? 0 : (uint32_t)(d - digits));
	}
	return 0;
}

int base64_get(const char *text, size_t len, void *out, size_t n)
{
	uint8_t *p = out;

	if (len != (n + 2) / 3 * 4)
		return -EINVAL;
	for (size_t i = 0; i < n; i += 3, text += 4) {
		const size_t have = n - i < 3 ? n - i : 3;
		uint32_t v;

		if (group64(text, have, &v) < 0 || v & (0xffffffu >> (8 * have)))
			return -EINVAL; /* bits that stand for nothing must be zero */
		for (size_t k = 0; k < have; k++)
			p[i + k] = (uint8_t)(v >> (16 - 8 * k));
	}
	return 0;
}
