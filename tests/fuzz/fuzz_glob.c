/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz floor: policy */
#include <stdint.h>
#include <string.h>

#include "policy/glob.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The meaning of a pattern, written down without regard for time. */
static bool naive(const char *p, const char *s, bool start)
{
	if (strcmp(p, "/**") == 0)
		return *s == '\0' || *s == '/';
	if (*p == '\0')
		return *s == '\0';
	if (start && strncmp(p, "**/", 3) == 0) {
		if (naive(p + 3, s, true))
			return true;
		for (; *s; s++)
			if (*s == '/' && naive(p + 3, s + 1, true))
				return true;
		return false;
	}
	if (strncmp(p, "**", 2) == 0) {
		for (;; s++) {
			if (naive(p + 2, s, false))
				return true;
			if (!*s)
				return false;
		}
	}
	if (*p == '*') {
		for (;; s++) {
			if (naive(p + 1, s, false))
				return true;
			if (!*s || *s == '/')
				return false;
		}
	}
	if (!*s || (*p == '?' ? *s == '/' : *s != *p))
		return false;
	return naive(p + 1, s + 1, *p == '/');
}

/* PATTERN, a newline, a path: the automaton and the meaning agree. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *const nl = memchr(data, '\n', size);
	char pattern[20], path[20];
	size_t n, m;

	if (!nl)
		return 0;
	n = (size_t)(nl - data);
	m = size - n - 1;
	if (n >= sizeof(pattern) || m >= sizeof(path))
		return 0;
	memcpy(pattern, data, n);
	memcpy(path, nl + 1, m);
	pattern[n] = path[m] = '\0';
	if (glob_check(pattern))
		return 0;
	if (glob_match(pattern, path) != naive(pattern, path, true))
		__builtin_trap();
	return 0;
}
