/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inside/message.h"

#include <ctype.h>
#include <string.h>

#define SHAPE_MAX (64u << 10)

/* The length of a quoted text with its quotes; 0: none begins here. */
static size_t quoted_length(const char *s)
{
	const char *end = *s == '\'' || *s == '"' || *s == '`' ? strchr(s + 1, *s) : NULL;

	return end ? (size_t)(end - s) + 1 : 0;
}

static size_t number_length(const char *s)
{
	size_t n = 0;

	if (s[0] == '0' && s[1] == 'x')
		return 2 + strspn(s + 2, "0123456789abcdefABCDEF");
	while (isdigit((unsigned char)s[n]))
		n++;
	return n;
}

/* What the gate hid: a value, of whatever kind it was. */
static size_t hidden_length(const char *s)
{
	static const char *const marks[] = { "[masked]", "********" };

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (strncmp(s, marks[i], strlen(marks[i])) == 0)
			return strlen(marks[i]);
	return 0;
}

char *message_shape(const json_t *chain, const struct corpus *repo)
{
	const char *s = json_string_value(json_object_get(json_array_get(chain, 0), "message"));
	AUTO_BUF struct buf out = BUF_INIT(SHAPE_MAX);

	while (s && *s) {
		const size_t quoted = quoted_length(s);
		const size_t value = quoted ? quoted : number_length(s) + hidden_length(s);

		if (quoted > 3 && corpus_has_word(repo, s + 1, quoted - 2))
			buf_put(&out, s, quoted);
		else
			buf_putc(&out, value ? '?' : *s);
		s += value ? value : 1;
	}
	return out.p ? buf_take(&out) : strdup("");
}
