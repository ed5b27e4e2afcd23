/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/pr/html.h"

#include <stdio.h>
#include <string.h>

#include "agent/host/pr/pr.h"
#include "runtime/base/clock.h"
#include "runtime/base/sha256.h"
#include "runtime/base/utf8.h"

#define VALUE_DEPTH 6
#define VALUE_ITEMS 40
#define VALUE_BYTES 100000
#define TEXT_BYTES  8000

/* ---- the door ---- */

/* What would turn text round, hide it, or act on a terminal, by its number. */
static void put_hidden(struct buf *b, const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;
	unsigned point = u[0];

	if (n == 2)
		point = (u[0] & 0x1fu) << 6 | (u[1] & 0x3fu);
	else if (n == 3)
		point = (u[0] & 0x0fu) << 12 | (u[1] & 0x3fu) << 6 | (u[2] & 0x3fu);
	buf_printf(b, "<span class=\"hid\">U+%04X</span>", point);
}

static const char *entity(char c)
{
	static const struct {
		char c;
		const char *text;
	} rows[] = { { '&', "&amp;" },	{ '<', "&lt;" },   { '>', "&gt;" },
		     { '"', "&quot;" }, { '\'', "&#39;" }, { '`', "&#96;" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].c == c)
			return rows[i].text;
	return NULL;
}

static bool is_control(char c)
{
	return ((unsigned char)c < ' ' && c != '\n' && c != '\t') || c == 0x7f;
}

void html_text(struct buf *b, const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		const size_t whole = utf8_length(s + i, n - i);
		const size_t hidden = whole > 1 ? md_hidden(s + i) : 0;
		const char *special = entity(s[i]);

		if (whole == 0)
			buf_puts(b, "\xef\xbf\xbd");
		else if (hidden || is_control(s[i]))
			put_hidden(b, s + i, hidden ? hidden : 1);
		else if (special)
			buf_puts(b, special);
		else
			buf_put(b, s + i, whole);
		i += whole ? whole : 1;
	}
}

void html_cut(struct buf *b, const char *s, size_t n, size_t most)
{
	size_t kept = n;

	if (n > most) {
		kept = most;
		while (kept > 0 && ((unsigned char)s[kept] & 0xc0u) == 0x80u)
			kept--; /* not within a character */
	}
	html_text(b, s, kept);
	if (kept < n)
		buf_printf(b, " (cut here, %zu bytes more)", n - kept);
}

/* One conversion, as far as its letter; *p stands after it. */
static void convert(struct buf *b, const char **p, va_list *ap)
{
	char spec[16], text[64];
	const size_t n = strcspn(*p, "sdufz%lg");
	size_t len = n + 1;

	while ((*p)[len - 1] == 'l' || (*p)[len - 1] == 'z')
		len++;
	(void)snprintf(spec, sizeof(spec), "%%%.*s", (int)(len < 14 ? len : 14), *p);
	*p += len;
	if (strcmp(spec, "%s") == 0) {
		const char *s = va_arg(*ap, const char *);

		html_cut(b, s ? s : "", s ? strlen(s) : 0, TEXT_BYTES);
		return;
	}
	if (strcmp(spec, "%.*s") == 0) {
		const int most = va_arg(*ap, int);
		const char *s = va_arg(*ap, const char *);

		html_text(b, s, strnlen(s, (size_t)most));
		return;
	}
	text[0] = '\0';
	if (strcmp(spec, "%%") == 0)
		(void)snprintf(text, sizeof(text), "%%");
	else if (strcmp(spec, "%d") == 0)
		(void)snprintf(text, sizeof(text), "%d", va_arg(*ap, int));
	else if (strcmp(spec, "%u") == 0)
		(void)snprintf(text, sizeof(text), "%u", va_arg(*ap, unsigned));
	else if (strcmp(spec, "%zu") == 0)
		(void)snprintf(text, sizeof(text), "%zu", va_arg(*ap, size_t));
	else if (strcmp(spec, "%lld") == 0)
		(void)snprintf(text, sizeof(text), "%lld", va_arg(*ap, long long));
	else if (strcmp(spec, "%.0f") == 0)
		(void)snprintf(text, sizeof(text), "%.0f", va_arg(*ap, double));
	else if (strcmp(spec, "%.1f") == 0)
		(void)snprintf(text, sizeof(text), "%.1f", va_arg(*ap, double));
	else if (strcmp(spec, "%.2f") == 0)
		(void)snprintf(text, sizeof(text), "%.2f", va_arg(*ap, double));
	else if (strcmp(spec, "%.4f") == 0)
		(void)snprintf(text, sizeof(text), "%.4f", va_arg(*ap, double));
	else
		b->failed = b->failed ? b->failed : EINVAL; /* a mistake in our own source */
	buf_puts(b, text);
}

void html(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	while (*fmt) {
		const size_t plain = strcspn(fmt, "%");

		buf_put(b, fmt, plain);
		fmt += plain;
		if (*fmt) {
			fmt++;
			convert(b, &fmt, &ap);
		}
	}
	va_end(ap);
}

/* ---- the page ---- */

static void base64(const uint8_t *in, size_t n, char *out)
{
	static const char digit[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		const unsigned v = (unsigned)in[i] << 16 |
				   (i + 1 < n ? (unsigned)in[i + 1] << 8 : 0) |
				   (i + 2 < n ? in[i + 2] : 0u);

		*out++ = digit[v >> 18];
		*out++ = digit[v >> 12 & 63];
		*out++ = i + 1 < n ? digit[v >> 6 & 63] : '=';
		*out++ = i + 2 < n ? digit[v & 63] : '=';
	}
	*out = '\0';
}

static void put_source(struct buf *b, const char *text)
{
	uint8_t raw[SHA256_LEN];
	char code[48];

	sha256_of(text, strlen(text), raw);
	base64(raw, sizeof(raw), code);
	buf_printf(b, "'sha256-%s'", code);
}

void html_begin(struct buf *b, const char *title)
{
	buf_puts(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		    "style-src ");
	put_source(b, html_style());
	buf_puts(b, "; script-src ");
	put_source(b, html_script());
	buf_puts(b, "; base-uri 'none'; form-action 'none'\">\n"
		    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		    "<meta name=\"color-scheme\" content=\"light dark\">\n"
		    "<meta name=\"referrer\" content=\"no-referrer\">\n");
	html(b, "<title>%s</title>\n<style>", title);
	buf_puts(b, html_style());
	buf_puts(b,
		 "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">To the text</a>\n");
}

void html_end(struct buf *b)
{
	buf_puts(b,
		 "</main>\n<footer><p>Made by sickbay from its records and its log. The page loads "
		 "nothing and is no evidence itself: that is in the records, whose digests the "
		 "log has.</p></footer>\n<script>");
	buf_puts(b, html_script());
	buf_puts(b, "</script>\n</body>\n</html>\n");
}

void html_contents(struct buf *b, const struct html_part *parts, size_t n)
{
	html(b, "<nav aria-label=\"Parts of this page\"><ol>");
	for (size_t i = 0; i < n; i++)
		html(b, "<li><a href=\"#%s\">%s</a></li>", parts[i].id, parts[i].title);
	html(b, "</ol><p class=\"keys\"><kbd>j</kbd> <kbd>k</kbd> next and previous part, "
		"<kbd>o</kbd> open or close all evidence</p></nav>\n<main id=\"main\">\n");
}

void html_part_begin(struct buf *b, const struct html_part *part)
{
	html(b,
	     "<section id=\"%s\" tabindex=\"-1\" aria-labelledby=\"h-%s\">\n"
	     "<h2 id=\"h-%s\">%s</h2>\n",
	     part->id, part->id, part->id, part->title);
}

void html_part_end(struct buf *b)
{
	html(b, "</section>\n");
}

/* ---- shared ---- */

void html_date(struct buf *b, const char *rfc3339)
{
	char utc[CLOCK_RFC3339];
	uint64_t ns;

	if (clock_parse_rfc3339(rfc3339, &ns) < 0) {
		html(b, "&ndash;");
		return;
	}
	clock_rfc3339(ns, utc);
	html(b, "<time datetime=\"%s\">%.*s %.*s UTC</time>", utc, 10, utc, 8, utc + 11);
}

void html_span(struct buf *b, double us)
{
	const double s = us / 1e6;

	if (s < 60)
		html(b, "%.1f&nbsp;s", s);
	else if (s < 7200)
		html(b, "%lld&nbsp;min %lld&nbsp;s", (long long)s / 60, (long long)s % 60);
	else
		html(b, "%.1f&nbsp;h", s / 3600);
}

void html_table(struct buf *b, const char *caption, const char *const *columns)
{
	size_t n = 0;

	while (columns[n])
		n++;
	html(b,
	     "<div class=\"wide\" role=\"group\" aria-label=\"%s\"><table class=\"%s\"><caption>%s"
	     "</caption><thead><tr>",
	     caption, n > 4 ? "many" : "few", caption);
	for (; *columns; columns++) {
		const bool figures = **columns == '#';

		html(b,
		     figures ? "<th scope=\"col\" class=\"n\">%s</th>"
			     : "<th scope=\"col\">%s</th>",
		     *columns + figures);
	}
	html(b, "</tr></thead><tbody>\n");
}

void html_table_end(struct buf *b)
{
	html(b, "</tbody></table></div>\n");
}

void html_left_out(struct buf *b, size_t columns, size_t n)
{
	if (n == 0)
		return;
	if (columns)
		html(b, "<tr><td colspan=\"%zu\" class=\"none\">and %zu more</td></tr>", columns,
		     n);
	else
		html(b, "<li class=\"none\">and %zu more</li>", n);
}

void html_drawing(struct buf *b, const char *label, double width, double height)
{
	html(b,
	     "<figure><div class=\"draw\" role=\"group\" aria-label=\"%s\"><svg role=\"img\" "
	     "aria-label=\"%s\" viewBox=\"0 0 %.0f %.0f\">",
	     label, label, width, height);
}

void html_drawing_end(struct buf *b, const char *says)
{
	html(b, "</svg></div>");
	if (*says)
		html(b, "<figcaption>%s</figcaption>", says);
	html(b, "</figure>\n");
}

/* A value of a record is shown as far as there is room: items, depth, and all of it. */
struct room {
	unsigned depth;
	size_t end; /* of the page's bytes */
};

static void value_in(struct buf *b, const json_t *v, struct room room);

static bool is_full(const struct buf *b, const struct room *room, size_t shown)
{
	return shown >= VALUE_ITEMS || b->n >= room->end;
}

static void list_value(struct buf *b, const json_t *v, struct room room)
{
	const json_t *item;
	size_t i;

	html(b, "<ul>");
	json_array_foreach(v, i, item) {
		if (is_full(b, &room, i))
			break;
		html(b, "<li>");
		value_in(b, item, room);
		html(b, "</li>");
	}
	html_left_out(b, 0, json_array_size(v) - i);
	html(b, "</ul>");
}

static void object_value(struct buf *b, const json_t *v, struct room room)
{
	size_t shown = 0;
	const char *key;
	json_t *item;

	html(b, "<dl class=\"rec\">");
	json_object_foreach((json_t *)(uintptr_t)v, key, item) {
		if (is_full(b, &room, shown)) {
			html(b, "<dt>&hellip;</dt><dd class=\"none\">and %zu more</dd>",
			     json_object_size(v) - shown);
			break;
		}
		html(b, "<dt>%s</dt><dd>", key);
		value_in(b, item, room);
		html(b, "</dd>");
		shown++;
	}
	html(b, "</dl>");
}

static void value_in(struct buf *b, const json_t *v, struct room room)
{
	if (room.depth-- == 0)
		html(b, "<span class=\"none\">more, deeper than is shown</span>");
	else if (json_is_object(v) && json_object_size(v))
		object_value(b, v, room);
	else if (json_is_array(v) && json_array_size(v))
		list_value(b, v, room);
	else if (json_is_string(v))
		html(b, "%s", json_string_value(v));
	else if (json_is_integer(v))
		html(b, "%lld", (long long)json_integer_value(v));
	else if (json_is_real(v))
		html(b, "%.2f", json_real_value(v));
	else if (json_is_boolean(v))
		html(b, "%s", json_is_true(v) ? "yes" : "no");
	else
		html(b, "<span class=\"none\">none</span>");
}

void html_value(struct buf *b, const json_t *v)
{
	value_in(b, v, (struct room){ .depth = VALUE_DEPTH, .end = b->n + VALUE_BYTES });
}
