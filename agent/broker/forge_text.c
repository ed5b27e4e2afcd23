/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/broker/forge_impl.h"
#include "runtime/base/cleanup.h"

#define MARK	 "<!-- sickbay "
#define MARK_END " -->"
#define HEX	 (SHA256_HEX - 1)
#define SPACE	 " \t\r\n"
#define TEXT_MAX (1u << 20)

/* Forges and browsers end lines in their own ways, and drop what is empty at the ends. */
void forge_text_digest(const char *text, size_t n, char out[SHA256_HEX])
{
	uint8_t digest[SHA256_LEN];
	struct sha256 s;

	while (n && strchr(SPACE, text[n - 1]))
		n--;
	for (; n && strchr(SPACE, *text); n--)
		text++;
	sha256_init(&s);
	for (size_t i = 0, k; i < n; i += k + 1) {
		const char *cr = memchr(text + i, '\r', n - i);

		k = cr ? (size_t)(cr - text) - i : n - i;
		sha256_update(&s, text + i, k);
	}
	sha256_final(&s, digest);
	sha256_hex(digest, out);
}

json_t *forge_text_mark(const char *title, const char *text)
{
	char of_title[SHA256_HEX], of_text[SHA256_HEX];
	AUTO_BUF struct buf b = BUF_INIT(TEXT_MAX);

	forge_text_digest(title, strlen(title), of_title);
	forge_text_digest(text, strlen(text), of_text);
	buf_printf(&b, "%s\n\n" MARK "%s %s" MARK_END "\n", text, of_title, of_text);
	return b.failed ? NULL : json_string(b.p);
}

static const char *last_mark(const char *text)
{
	const char *found = NULL;

	for (const char *at = strstr(text, MARK); at; at = strstr(at + 1, MARK))
		found = at;
	return found;
}

static bool is_hex(const char *s)
{
	return strspn(s, "0123456789abcdef") == HEX;
}

void forge_text_read(const char *title, const char *text, struct forge_written *out)
{
	const char *mark = text ? last_mark(text) : NULL;
	const char *of_title = mark ? mark + strlen(MARK) : NULL, *of_text, *end;
	char now[SHA256_HEX];

	*out = (struct forge_written){ .digest = "" };
	if (!mark || !is_hex(of_title) || of_title[HEX] != ' ' || !is_hex(of_title + HEX + 1))
		return;
	of_text = of_title + HEX + 1;
	end = of_text + HEX;
	if (strncmp(end, MARK_END, strlen(MARK_END)) != 0)
		return;
	memcpy(out->digest, of_text, HEX);
	forge_text_digest(text, (size_t)(mark - text), now);
	end += strlen(MARK_END);
	out->text = strncmp(now, of_text, HEX) == 0 && strspn(end, SPACE) == strlen(end);
	if (title) {
		forge_text_digest(title, strlen(title), now);
		out->title = strncmp(now, of_title, HEX) == 0;
	}
}
