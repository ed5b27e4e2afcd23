/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/id.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "runtime/base/utf8.h"

void id_random(char out[ID_LEN])
{
	static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
	uint8_t raw[10];

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		abort(); /* 10 bytes are never short once the pool is ready */
	for (size_t i = 0; i < ID_LEN - 1; i++) {
		const size_t bit = i * 5;
		const unsigned two = (unsigned)raw[bit / 8] << 8 |
				     (bit / 8 + 1 < sizeof(raw) ? raw[bit / 8 + 1] : 0);

		out[i] = alphabet[(two >> (11 - bit % 8)) & 31];
	}
	out[ID_LEN - 1] = '\0';
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool name_is_safe(const char *s)
{
	const size_t n = strlen(s);

	if (n == 0 || n > 63 || !is_word(s[0]) || strstr(s, ".."))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_word(s[i]) && !strchr("._-", s[i]))
			return false;
	return true;
}

bool is_object_id(const char *s)
{
	const size_t n = strlen(s);

	return (n == 40 || n == 64) && strspn(s, "0123456789abcdef") == n;
}

/* One component: n bytes at s. */
static bool component_is_clean(const char *s, size_t n)
{
	if (n == 0 || n > 255 || (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
		return false;
	if (n == 4 && strncasecmp(s, ".git", 4) == 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f || s[i] == '\\')
			return false;
	return true;
}

static bool is_utf8(const char *s)
{
	size_t left = strlen(s), n = 1;

	for (; left && n; s += n, left -= n)
		n = utf8_length(s, left);
	return left == 0;
}

bool path_is_clean(const char *s)
{
	if (strlen(s) > 4000 || !is_utf8(s))
		return false;
	for (;;) {
		const size_t n = strcspn(s, "/");

		if (!component_is_clean(s, n))
			return false;
		if (s[n] == '\0')
			return true;
		s += n + 1;
	}
}
