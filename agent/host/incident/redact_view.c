/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/incident/redact_view.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define RUN_BASE64 7  /* characters of five bytes */
#define RUN_HEX	   10 /* digits of five bytes */
#define RUN_LIST   5  /* bytes */
#define WRAP_LEAST 60 /* characters before a line of base64 is broken */

void view_release(struct view *v)
{
	free(v->exact);
	free(v->fold);
	free(v->from);
	free(v->to);
	*v = (struct view){ 0 };
}

static bool grow(struct view *v)
{
	const size_t cap = v->cap ? v->cap * 2 : 256;
	char *exact = realloc(v->exact, cap);
	uint32_t *from = realloc(v->from, cap * sizeof(*from));
	uint32_t *to = realloc(v->to, cap * sizeof(*to));

	if (exact)
		v->exact = exact;
	if (from)
		v->from = from;
	if (to)
		v->to = to;
	v->failed = !exact || !from || !to;
	v->cap = v->failed ? v->cap : cap;
	return !v->failed;
}

/* White space after white space makes that one longer. */
static void put(struct view *v, char c, uint32_t from, uint32_t to)
{
	if (isspace((unsigned char)c))
		c = ' ';
	if (c == ' ' && v->n && v->exact[v->n - 1] == ' ') {
		v->to[v->n - 1] = to;
		return;
	}
	if (v->failed || (v->n == v->cap && !grow(v)))
		return;
	v->exact[v->n] = c;
	v->from[v->n] = from;
	v->to[v->n++] = to;
}

/* Byte c stands for the characters a to b of in. */
static void put_from(struct view *out, const struct view *in, unsigned c, size_t a, size_t b)
{
	put(out, (char)c, in->from[a], in->to[b]);
}

static int finish(struct view *v, struct err *e)
{
	if (v->n) {
		v->fold = malloc(v->n);
		v->failed = v->failed || !v->fold;
	}
	if (v->failed) {
		view_release(v);
		return err_set(e, ENOMEM, "redact: out of memory");
	}
	for (size_t i = 0; i < v->n; i++)
		v->fold[i] = (char)tolower((unsigned char)v->exact[i]);
	return 0;
}

int view_of_text(const char *text, size_t n, struct view *out, struct err *e)
{
	struct view v = { .form = "as it is" };

	for (size_t i = 0; i < n; i++)
		put(&v, text[i], (uint32_t)i, (uint32_t)i + 1);
	if (finish(&v, e) < 0)
		return -e->code;
	*out = v;
	return 0;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* `most` digits at most; *value is their number; how many there were. */
static size_t digits(const struct view *in, size_t at, size_t most, unsigned base, uint32_t *value)
{
	size_t n = 0;

	*value = 0;
	while (n < most && at + n < in->n) {
		const int d = hex_value(in->exact[at + n]);

		if (d < 0 || (unsigned)d >= base)
			break;
		*value = *value * base + (unsigned)d;
		n++;
	}
	return n;
}

/* ---- escapes ---- */

static void put_utf8(struct view *out, const struct view *in, uint32_t c, size_t a, size_t b)
{
	if (c < 0x80) {
		put_from(out, in, c, a, b);
	} else if (c < 0x800) {
		put_from(out, in, 0xc0 | c >> 6, a, b);
		put_from(out, in, 0x80 | (c & 0x3f), a, b);
	} else if (c < 0x10000) {
		put_from(out, in, 0xe0 | c >> 12, a, b);
		put_from(out, in, 0x80 | (c >> 6 & 0x3f), a, b);
		put_from(out, in, 0x80 | (c & 0x3f), a, b);
	} else {
		put_from(out, in, 0xf0 | (c >> 18 & 7), a, b);
		put_from(out, in, 0x80 | (c >> 12 & 0x3f), a, b);
		put_from(out, in, 0x80 | (c >> 6 & 0x3f), a, b);
		put_from(out, in, 0x80 | (c & 0x3f), a, b);
	}
}

static char at_or_nul(const struct view *in, size_t i)
{
	return i < in->n ? in->exact[i] : '\0';
}

/* \uHHHH, both halves of a pair, \u{H...}; the length, 0: it is none. */
static size_t unicode_escape(const struct view *in, size_t i, struct view *out)
{
	uint32_t c, low;
	size_t n;

	if (at_or_nul(in, i + 2) == '{') {
		n = digits(in, i + 3, 6, 16, &c);
		if (n == 0 || at_or_nul(in, i + 3 + n) != '}')
			return 0;
		put_utf8(out, in, c, i, i + 3 + n);
		return n + 4;
	}
	if (digits(in, i + 2, 4, 16, &c) != 4)
		return 0;
	if (c >= 0xd800 && c < 0xdc00 && at_or_nul(in, i + 6) == '\\' &&
	    at_or_nul(in, i + 7) == 'u' && digits(in, i + 8, 4, 16, &low) == 4 && low >= 0xdc00 &&
	    low < 0xe000) {
		put_utf8(out, in, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00), i, i + 11);
		return 12;
	}
	put_utf8(out, in, c, i, i + 5);
	return 6;
}

static size_t backslash(const struct view *in, size_t i, struct view *out)
{
	static const char letters[] = "nrtvfabe0";
	const char c = at_or_nul(in, i + 1);
	uint32_t value;
	size_t n;

	if (c == 'x' && digits(in, i + 2, 2, 16, &value) == 2) {
		put_from(out, in, value, i, i + 3);
		return 4;
	}
	if (c == 'u') {
		n = unicode_escape(in, i, out);
		if (n)
			return n;
	}
	if (c == 'U' && digits(in, i + 2, 8, 16, &value) == 8) {
		put_utf8(out, in, value, i, i + 9);
		return 10;
	}
	n = digits(in, i + 1, 3, 8, &value);
	if (n > 1) {
		put_from(out, in, value & 0xff, i, i + n);
		return n + 1;
	}
	if (c == '\0')
		return 0;
	put_from(out, in, strchr(letters, c) ? ' ' : (unsigned char)c, i, i + 1);
	return 2;
}

static size_t entity(const struct view *in, size_t i, struct view *out)
{
	static const struct {
		const char *name;
		char c;
	} named[] = { { "&amp;", '&' },	  { "&lt;", '<' },   { "&gt;", '>' },	 { "&quot;", '"' },
		      { "&apos;", '\'' }, { "&nbsp;", ' ' }, { "&commat;", '@' } };
	const bool hex = tolower((unsigned char)at_or_nul(in, i + 2)) == 'x';
	uint32_t value;
	size_t n;

	for (size_t k = 0; k < sizeof(named) / sizeof(named[0]); k++) {
		n = strlen(named[k].name);
		if (i + n <= in->n && memcmp(in->exact + i, named[k].name, n) == 0) {
			put_from(out, in, (unsigned char)named[k].c, i, i + n - 1);
			return n;
		}
	}
	if (at_or_nul(in, i + 1) != '#')
		return 0;
	n = digits(in, i + 2 + hex, 7, hex ? 16 : 10, &value);
	if (n == 0)
		return 0;
	n += 2 + hex;
	n += at_or_nul(in, i + n) == ';';
	put_utf8(out, in, value, i, i + n - 1);
	return n;
}

static void unescape(const struct view *in, struct view *out)
{
	bool changed = false;

	for (size_t i = 0; i < in->n;) {
		uint32_t value;
		size_t n = 0;

		if (in->exact[i] == '\\')
			n = backslash(in, i, out);
		else if (in->exact[i] == '&')
			n = entity(in, i, out);
		else if (in->exact[i] == '%' && digits(in, i + 1, 2, 16, &value) == 2) {
			put_from(out, in, value, i, i + 2);
			n = 3;
		}
		changed |= n > 0;
		if (n == 0)
			put_from(out, in, (unsigned char)in->exact[i], i, i);
		i += n ? n : 1;
	}
	if (!changed)
		out->n = 0;
}

/* ---- literals that are joined ---- */

static bool is_quote(char c)
{
	return c == '\'' || c == '"' || c == '`';
}

/* From the end of one literal to the begin of the next: "' + '", "\" \"", "', '"; 0: it is not. */
static size_t glue(const struct view *in, size_t i)
{
	size_t k = i + 1;

	if (!is_quote(in->exact[i]))
		return 0;
	k += at_or_nul(in, k) == ' ';
	k += strchr("+.,&", at_or_nul(in, k)) && at_or_nul(in, k);
	k += at_or_nul(in, k) == ' ';
	return is_quote(at_or_nul(in, k)) ? k + 1 - i : 0;
}

static bool digit_at(const struct view *in, size_t i)
{
	return i < in->n && isdigit((unsigned char)in->exact[i]);
}

/* 1_234_567 and 1,234,567. */
static bool groups_digits(const struct view *in, size_t i)
{
	return strchr("_,' ", in->exact[i]) && in->exact[i] && i && digit_at(in, i - 1) &&
	       digit_at(in, i + 1) && digit_at(in, i + 2) && digit_at(in, i + 3) &&
	       !digit_at(in, i + 4);
}

static void join(const struct view *in, struct view *out)
{
	bool changed = false;

	for (size_t i = 0; i < in->n;) {
		const size_t n = glue(in, i) ? glue(in, i) : groups_digits(in, i);

		changed |= n > 0;
		if (n == 0)
			put_from(out, in, (unsigned char)in->exact[i], i, i);
		i += n ? n : 1;
	}
	if (!changed)
		out->n = 0;
}

/* ---- bytes ---- */

static void hex_runs(const struct view *in, size_t skip, struct view *out)
{
	for (size_t i = 0; i < in->n;) {
		size_t n = 0;

		while (i + n < in->n && hex_value(in->exact[i + n]) >= 0)
			n++;
		for (size_t k = skip; n >= RUN_HEX && k + 1 < n; k += 2)
			put_from(out, in,
				 (unsigned)(hex_value(in->exact[i + k]) << 4 |
					    hex_value(in->exact[i + k + 1])),
				 i + k, i + k + 1);
		if (n >= RUN_HEX)
			put_from(out, in, 0, i + n - 1, i + n - 1);
		i += n ? n : 1;
	}
}

/* One byte of a list at i, in the base: its length, 0: none. */
static size_t list_item(const struct view *in, size_t i, unsigned base, uint32_t *value)
{
	const size_t prefix =
		base == 16 && at_or_nul(in, i) == '0' && tolower(at_or_nul(in, i + 1)) == 'x' ? 2
											      : 0;
	const size_t n = digits(in, i + prefix, 4, base, value);

	if (n == 0 || *value > 255 || (base == 16 && n != 2))
		return 0;
	return isalnum((unsigned char)at_or_nul(in, i + prefix + n)) ? 0 : prefix + n;
}

static size_t list_gap(const struct view *in, size_t i)
{
	size_t n = 0;

	while (n < 3 && i + n < in->n && strchr(", ;:-|", in->exact[i + n]) && in->exact[i + n])
		n++;
	return n;
}

/* 99, 97, 110 and 0x63, 0x61 and 63:61:6e. */
static void lists(const struct view *in, unsigned base, struct view *out)
{
	for (size_t i = 0; i < in->n;) {
		const size_t mark = out->n;
		size_t k = i, items = 0, n = 0;
		uint32_t value;

		if (i == 0 || !isalnum((unsigned char)in->exact[i - 1]))
			while ((n = list_item(in, k, base, &value))) {
				size_t gap;

				put_from(out, in, value, k, k + n - 1);
				items++;
				k += n;
				gap = list_gap(in, k);
				if (gap == 0)
					break;
				k += gap;
			}
		if (items < RUN_LIST) {
			out->n = mark;
			i++;
			continue;
		}
		put_from(out, in, 0, k - 1, k - 1);
		i = k;
	}
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

/* The characters of one run; a line break within a long one does not end it. */
static size_t base64_run(const struct view *in, size_t i)
{
	size_t n = 0, line = 0;

	for (; i + n < in->n; n++) {
		if (base64_value(in->exact[i + n]) >= 0)
			line++;
		else if (in->exact[i + n] == ' ' && line >= WRAP_LEAST)
			line = 0;
		else
			break;
	}
	return n;
}

static void base64_runs(const struct view *in, size_t skip, struct view *out)
{
	for (size_t i = 0; i < in->n;) {
		const size_t n = base64_run(in, i);
		uint32_t bits = 0;
		unsigned have = 0;
		size_t last = i;

		for (size_t k = skip; n >= RUN_BASE64 && k < n; k++) {
			const int d = base64_value(in->exact[i + k]);

			if (d < 0)
				continue;
			bits = bits << 6 | (unsigned)d;
			have += 6;
			if (have >= 8) {
				have -= 8;
				put_from(out, in, bits >> have & 0xff, last, i + k);
			}
			last = i + k;
		}
		if (n >= RUN_BASE64)
			put_from(out, in, 0, i + n - 1, i + n - 1);
		i += n ? n : 1;
	}
}

int view_decode(const struct view *in, unsigned form, struct view *out, struct err *e)
{
	static const char *const names[VIEW_FORMS] = { "escaped",	  "in joined literals",
						       "hexadecimal",	  "hexadecimal",
						       "a list of bytes", "a list of bytes",
						       "base64",	  "base64",
						       "base64",	  "base64" };
	struct view v = { .form = names[form], .decoded = in->decoded || form > 1 };

	if (form == 0)
		unescape(in, &v);
	else if (form == 1)
		join(in, &v);
	else if (form < 4)
		hex_runs(in, form - 2, &v);
	else if (form < 6)
		lists(in, form == 4 ? 10 : 16, &v);
	else
		base64_runs(in, form - 6, &v);
	if (finish(&v, e) < 0)
		return -e->code;
	*out = v;
	return 0;
}
