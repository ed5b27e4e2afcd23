/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/decode/vars.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/buf.h"
#include "runtime/base/jmap.h"

#define DEPTH_MAX 16
#define TEXT_MAX  (1u << 20)

/* Each reader gives a new value, or NULL and *why. */
typedef json_t *leaf_reader(const char *s, size_t n, const char **why);

static const char cut[] = "the reporter cut it";
static const char removed[] = "the reporter removed it";
static const char described[] = "the reporter only describes it";

static json_t *special(const char *name, const char *text)
{
	return json_pack("{s:s}", name, text);
}

/* In an input "$name" stands for something else: a text that begins so has two. */
static json_t *text_value(const char *s, size_t n)
{
	AUTO_BUF struct buf b = BUF_INIT(TEXT_MAX);

	if (n == 0 || s[0] != '$')
		return json_stringn(s, n);
	buf_putc(&b, '$');
	buf_put(&b, s, n);
	return b.failed ? NULL : json_stringn(b.p, b.n);
}

static bool is_integer(const char *s, size_t n)
{
	const size_t sign = n && s[0] == '-';
	size_t i = sign;

	while (i < n && isdigit((unsigned char)s[i]))
		i++;
	return i == n && n > sign;
}

static json_t *integer(const char *s, size_t n)
{
	char text[24];

	if (n < 19) {
		(void)snprintf(text, sizeof(text), "%.*s", (int)n, s);
		return json_integer(strtoll(text, NULL, 10));
	}
	return json_pack("{s:s%}", "$bigint", s, n);
}

/* ---- as V8's inspector describes values ---- */

static json_t *inspected(const char *s, size_t n, const char **why)
{
	static const char *const numbers[] = { "NaN", "Infinity", "-Infinity", "-0" };

	*why = described;
	if (n == 4 && strncmp(s, "null", n) == 0)
		return json_null();
	if (n == 9 && strncmp(s, "undefined", n) == 0)
		return json_pack("{s:b}", "$undefined", 1);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (n == strlen(numbers[i]) && strncmp(s, numbers[i], n) == 0)
			return special("$number", numbers[i]);
	if (n > 1 && s[n - 1] == 'n' && is_integer(s, n - 1))
		return json_pack("{s:s%}", "$bigint", s, n - 1);
	return NULL;
}

static json_t *inspector_leaf(const char *s, size_t n, const char **why)
{
	if (n > 2 && s[0] == '<' && s[n - 1] == '>')
		return inspected(s + 1, n - 2, why);
	if (n > 2 && s[0] == '[' && isalpha((unsigned char)s[1]) && s[n - 1] == ']') {
		*why = removed;
		return NULL;
	}
	if (n >= 3 && strncmp(s + n - 3, "...", 3) == 0) {
		*why = cut;
		return NULL;
	}
	return text_value(s, n);
}

/* ---- as Python's repr() writes them ---- */

static int hex_digits(const char **s, const char *end, size_t digits, uint32_t *out)
{
	*out = 0;
	for (; digits; digits--, (*s)++) {
		static const char hex[] = "0123456789abcdef";
		const char *at = *s < end && **s ? strchr(hex, **s) : NULL;

		if (!at)
			return -1;
		*out = *out * 16 + (uint32_t)(at - hex);
	}
	return 0;
}

/* One escape after its backslash, as a code point (bytes: as a byte). */
static int escape(const char **s, const char *end, uint32_t *out)
{
	static const char names[] = "nrt\\'\"", means[] = "\n\r\t\\'\"";
	const char c = *s < end ? *(*s)++ : '\0';
	const char *at = c ? strchr(names, c) : NULL;

	if (at) {
		*out = (unsigned char)means[at - names];
		return 0;
	}
	return c == 'x'	  ? hex_digits(s, end, 2, out)
	       : c == 'u' ? hex_digits(s, end, 4, out)
	       : c == 'U' ? hex_digits(s, end, 8, out)
			  : -1;
}

/* In UTF-8 (RFC 3629); -1: it is no character. */
static int put_character(struct buf *out, uint32_t c)
{
	if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return -1;
	if (c >= 0x10000) {
		buf_putc(out, (char)(0xf0 | c >> 18));
		buf_putc(out, (char)(0x80 | (c >> 12 & 0x3f)));
	} else if (c >= 0x800) {
		buf_putc(out, (char)(0xe0 | c >> 12));
	}
	if (c >= 0x800)
		buf_putc(out, (char)(0x80 | (c >> 6 & 0x3f)));
	else if (c >= 0x80)
		buf_putc(out, (char)(0xc0 | c >> 6));
	buf_putc(out, (char)(c < 0x80 ? c : 0x80 | (c & 0x3f)));
	return 0;
}

/* What stands between the quotes; false: it is no literal as a whole. */
static bool unquote(const char *s, size_t n, bool bytes, struct buf *out)
{
	const char *end = s + n - 1;
	const char quote = n >= 2 ? s[0] : '\0';

	if ((quote != '\'' && quote != '"') || *end != quote)
		return false;
	for (s++; s < end;) {
		const char plain = *s++;
		uint32_t c = 0;

		if (plain == quote)
			return false;
		if (plain != '\\') {
			buf_putc(out, plain);
			continue;
		}
		if (escape(&s, end, &c) < 0 || (c == 0 && !bytes))
			return false;
		if (bytes)
			buf_putc(out, (char)c);
		else if (put_character(out, c) < 0)
			return false;
	}
	return out->failed == 0;
}

static json_t *python_string(const char *s, size_t n)
{
	AUTO_BUF struct buf b = BUF_INIT(TEXT_MAX);

	return unquote(s, n, false, &b) ? text_value(b.p ? b.p : "", b.n) : NULL;
}

static json_t *python_bytes(const char *s, size_t n)
{
	AUTO_BUF struct buf b = BUF_INIT(TEXT_MAX), hex = BUF_INIT(2u * TEXT_MAX);

	if (!unquote(s, n, true, &b))
		return NULL;
	for (size_t i = 0; i < b.n; i++)
		buf_printf(&hex, "%02x", (unsigned char)b.p[i]);
	return special("$bytes", hex.p ? hex.p : "");
}

static json_t *python_number(const char *s, size_t n)
{
	char text[400], *end = NULL;
	double v;

	if (is_integer(s, n))
		return integer(s, n);
	if (n >= sizeof(text) || strspn(s, "0123456789+-.e") != n)
		return NULL;
	(void)snprintf(text, sizeof(text), "%s", s);
	v = strtod(text, &end);
	if (end == text || *end)
		return NULL;
	return v == 0 && text[0] == '-' ? special("$number", "-0") : json_real(v);
}

static json_t *repr_leaf(const char *s, size_t n, const char **why)
{
	static const char *const floats[][2] = { { "nan", "NaN" },
						 { "inf", "Infinity" },
						 { "-inf", "-Infinity" } };

	*why = n >= 3 && strncmp(s + n - 3, "...", 3) == 0 ? cut
	       : n && s[0] == '['			   ? removed
							   : described;
	if (strcmp(s, "None") == 0)
		return json_null();
	if (strcmp(s, "True") == 0 || strcmp(s, "False") == 0)
		return json_boolean(s[0] == 'T');
	for (size_t i = 0; i < sizeof(floats) / sizeof(floats[0]); i++)
		if (strcmp(s, floats[i][0]) == 0)
			return special("$number", floats[i][1]);
	if (s[0] == 'b')
		return python_bytes(s + 1, n - 1);
	if (s[0] == '\'' || s[0] == '"')
		return python_string(s, n);
	return python_number(s, n);
}

/* ---- a tree of them ---- */

struct typing {
	leaf_reader *leaf;
	bool null_hides; /* of an array: whatever could not be told */
	const char *why;
};

static json_t *typed(struct typing *t, const json_t *v, unsigned depth);

static json_t *typed_array(struct typing *t, const json_t *v, unsigned depth)
{
	json_t *out = json_array(), *member;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)v, i, member) {
		const bool hidden = t->null_hides && json_is_null(member);
		json_t *one = hidden ? NULL : typed(t, member, depth + 1);

		if (hidden)
			t->why = "the reporter leaves out the elements that are objects";
		if (!one || json_array_append_new(out, one) < 0) {
			json_decref(out);
			return NULL;
		}
	}
	return out;
}

static json_t *typed_object(struct typing *t, const json_t *v, unsigned depth)
{
	json_t *out = json_object(), *member;
	const char *key;

	json_object_foreach((json_t *)(uintptr_t)v, key, member) {
		json_t *one = key[0] == '$' ? NULL : typed(t, member, depth + 1);

		if (key[0] == '$')
			t->why = "it has a member whose name begins with '$'";
		if (!one || json_object_set_new(out, key, one) < 0) {
			json_decref(out);
			return NULL;
		}
	}
	return out;
}

static json_t *typed(struct typing *t, const json_t *v, unsigned depth)
{
	if (depth > DEPTH_MAX) {
		t->why = "it is nested too deep";
		return NULL;
	}
	if (json_is_string(v))
		return t->leaf(json_string_value(v), json_string_length(v), &t->why);
	if (json_is_array(v))
		return typed_array(t, v, depth);
	if (json_is_object(v))
		return typed_object(t, v, depth);
	return json_incref((json_t *)(uintptr_t)v);
}

int vars_typed(const json_t *vars, enum vars_form form, const json_t *meta, json_t **out,
	       json_t **lost, struct err *e)
{
	AUTO_JSON json_t *values = json_object(), *without = json_object();
	const char *name;
	json_t *v;
	int r = values && without ? 0 : -1;

	json_object_foreach((json_t *)(uintptr_t)vars, name, v) {
		struct typing t = { .leaf = form == VARS_REPR ? repr_leaf : inspector_leaf,
				    .null_hides = form == VARS_INSPECTOR,
				    .why = described };
		json_t *one = json_object_get(meta, name) ? NULL : typed(&t, v, 0);

		if (!one) {
			const char *why = json_object_get(meta, name) ? cut : t.why;

			r |= json_object_set_new(without, name, json_string(why));
			one = json_incref(v);
		}
		r |= json_object_set_new(values, name, one);
	}
	if (r < 0)
		return err_set(e, ENOMEM, "out of memory");
	*out = take_ptr(values);
	*lost = json_object_size(without) ? take_ptr(without) : NULL;
	return 0;
}
