/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/utf8.h"

#include <stdbool.h>
#include <string.h>

size_t utf8_length(const void *text, size_t n)
{
	const unsigned char *s = text;
	const size_t len = n == 0 ? 0 : s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;

	if (len <= 1)
		return len;
	if (s[0] < 0xc2 || s[0] > 0xf4 || n < len)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

void utf8_clean(const void *data, size_t n, struct buf *out)
{
	const char *s = data;
	size_t at = 0, len;

	while (at < n) {
		const size_t from = at;

		while (at < n && s[at] && (len = utf8_length(s + at, n - at)) > 0)
			at += len;
		buf_put(out, s + from, at - from);
		if (at < n) {
			buf_puts(out, "\xef\xbf\xbd");
			at++;
		}
	}
}

static bool continues(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

void utf8_head(const char *text, size_t max, struct buf *out)
{
	size_t n = strnlen(text, max + 1);

	if (n > max)
		for (n = max; n > 0 && continues(text[n]); n--)
			;
	buf_put(out, text, n);
}

void utf8_tail(const char *text, size_t max, struct buf *out)
{
	const size_t n = strlen(text);
	size_t from = n > max ? n - max : 0;

	while (from > 0 && from < n && continues(text[from]))
		from++;
	buf_put(out, text + from, n - from);
}
