/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/percent.h"

#include <ctype.h>

static int hex_digit(char c)
{
	return isdigit((unsigned char)c)    ? c - '0'
	       : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
					    : -1;
}

void percent_decode(const char *s, size_t n, bool plus, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		const int high = s[i] == '%' && i + 2 < n ? hex_digit(s[i + 1]) : -1;
		const int low = high >= 0 ? hex_digit(s[i + 2]) : -1;

		if (low >= 0) {
			buf_putc(out, (char)(high * 16 + low));
			i += 2;
		} else {
			buf_putc(out, plus && s[i] == '+' ? ' ' : s[i]);
		}
	}
}
