/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/proof/kind.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "runtime/base/buf.h"

#define KIND_MAX (64u << 10)

static bool is_nothing(const char *word, size_t n)
{
	static const char *const words[] = { "null", "undefined", "None", "NoneType", "nil" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i]) == n && memcmp(words[i], word, n) == 0)
			return true;
	return false;
}

static size_t word_length(const char *s)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || s[n] == '_')
		n++;
	return n;
}

/* The length of a quoted text with its quotes; 0: none begins here. */
static size_t quoted_length(const char *s)
{
	const char *end = *s == '\'' || *s == '"' || *s == '`' ? strchr(s + 1, *s) : NULL;

	return end ? (size_t)(end - s) + 1 : 0;
}

/* What is quoted here is a name of the code: which expression had nothing. */
static bool names_code(const struct buf *before)
{
	static const char *const words[] = { "(reading ", "(setting ", "attribute ",
					     "local variable " };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const size_t n = strlen(words[i]);

		if (before->n >= n && memcmp(before->p + before->n - n, words[i], n) == 0)
			return true;
	}
	return false;
}

char *failure_kind(const char *message, bool members)
{
	struct buf out = BUF_INIT(KIND_MAX);

	buf_puts(&out, "");
	for (const char *s = message ? message : ""; *s;) {
		const size_t quoted = quoted_length(s), word = word_length(s);

		if (quoted && members && names_code(&out))
			buf_put(&out, s, quoted);
		else if (quoted)
			buf_puts(&out, is_nothing(s + 1, quoted - 2) ? "nothing" : "?");
		else if (word && is_nothing(s, word))
			buf_puts(&out, "nothing");
		else if (isdigit((unsigned char)*s))
			buf_putc(&out, '?');
		else
			buf_put(&out, s, word ? word : 1);
		s += quoted ? quoted : word ? word : 1;
	}
	return out.p ? buf_take(&out) : strdup("");
}
