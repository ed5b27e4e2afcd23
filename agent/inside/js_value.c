/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inside/js_value.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "agent/inside/input.h"
#include "agent/inside/reproduce.h"

size_t js_ident_length(const char *s)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || s[n] == '_' || s[n] == '$')
		n++;
	return n;
}

static void put_object(struct buf *out, json_t *v, char quote)
{
	const char *key, *between = " ";
	json_t *member;

	if (json_object_size(v) == 0) {
		buf_puts(out, "{}");
		return;
	}
	buf_putc(out, '{');
	json_object_foreach(v, key, member) {
		const size_t n = strlen(key);

		buf_puts(out, between);
		between = ", ";
		if (strcmp(key, "__proto__") == 0)
			buf_printf(out, "[%c__proto__%c]", quote, quote);
		else if (n > 0 && js_ident_length(key) == n && !isdigit((unsigned char)key[0]))
			buf_puts(out, key);
		else
			style_string(out, key, n, quote);
		buf_puts(out, ": ");
		js_put_value(out, member, quote);
	}
	buf_puts(out, " }");
}

void js_put_list(struct buf *out, json_t *v, char quote)
{
	json_t *member;
	size_t i;

	json_array_foreach(v, i, member) {
		if (i > 0)
			buf_puts(out, ", ");
		js_put_value(out, member, quote);
	}
}

static void put_plain(struct buf *out, json_t *v, char quote)
{
	const char *s = json_string_value(v);

	if (s) {
		const bool escaped = s[0] == '$' && s[1] == '$';

		style_string(out, s + escaped, json_string_length(v) - escaped, quote);
	} else if (json_is_integer(v)) {
		buf_printf(out, "%lld", (long long)json_integer_value(v));
	} else if (json_is_real(v)) {
		AUTO_FREE char *text = json_dumps(v, JSON_ENCODE_ANY);

		buf_puts(out, text ? text : "NaN");
	} else if (json_is_array(v)) {
		buf_putc(out, '[');
		js_put_list(out, v, quote);
		buf_putc(out, ']');
	} else if (json_is_object(v)) {
		put_object(out, v, quote);
	} else {
		buf_puts(out, json_is_null(v) ? "null" : json_is_true(v) ? "true" : "false");
	}
}

void js_put_value(struct buf *out, json_t *v, char quote)
{
	const char *text = NULL;

	switch (value_kind(v, &text)) {
	case VALUE_PLAIN:
		put_plain(out, v, quote);
		break;
	case VALUE_UNDEFINED:
		buf_puts(out, "undefined");
		break;
	case VALUE_NUMBER:
	case VALUE_NAME:
		buf_puts(out, text);
		break;
	case VALUE_BIGINT:
		buf_puts(out, "BigInt(");
		style_string(out, text, strlen(text), quote);
		buf_putc(out, ')');
		break;
	case VALUE_DATE:
		buf_puts(out, "new Date(");
		style_string(out, text, strlen(text), quote);
		buf_putc(out, ')');
		break;
	case VALUE_BYTES:
		buf_puts(out, "Buffer.from(");
		style_string(out, text, strlen(text), quote);
		buf_printf(out, ", %chex%c)", quote, quote);
		break;
	}
}
