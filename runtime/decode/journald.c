/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "runtime/base/buf.h"
#include "runtime/base/jmap.h"
#include "runtime/decode/decode_formats.h"
#include "runtime/decode/reports.h"
#include "runtime/decode/text.h"

/*
 * Entries of systemd's journal as `journalctl -o json` prints them, one object a
 * line (systemd's JOURNAL_EXPORT_FORMATS.md, "Journal JSON Format"): each field
 * is a string; an array of numbers, its bytes, where it cannot be printed; an
 * array of those where it came more than once; null where it was too large.
 * Fields that begin with '_' are journald's own, so that no client makes them up.
 */
#define CURSOR_MAX  512
#define MESSAGE_MAX (1u << 20)

/* It goes to a file, and from there to a command line. */
static bool is_cursor(const char *s)
{
	static const char taken[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789=;-_.:";
	const size_t n = strspn(s, taken);

	return n && n < CURSOR_MAX && s[n] == '\0';
}

static bool put_bytes(const json_t *v, struct buf *out)
{
	const json_t *first = json_array_get(v, 0), *one;
	size_t i;

	if (json_is_string(v)) {
		buf_put(out, json_string_value(v), json_string_length(v));
		return true;
	}
	if (json_is_array(first) || json_is_string(first)) /* the first of several */
		return json_is_string(first)
			       ? put_bytes(first, out)
			       : !json_is_array(json_array_get(first, 0)) && put_bytes(first, out);
	if (!first)
		return false;
	json_array_foreach(v, i, one) {
		if (!json_is_integer(one))
			return false;
		buf_putc(out, (char)(json_integer_value(one) & 0xff));
	}
	return true;
}

/* Its lines, without what no message may have. */
static json_t *message_text(const json_t *v, struct err *e)
{
	AUTO_BUF struct buf raw = BUF_INIT(MESSAGE_MAX), clean = BUF_INIT(4 * MESSAGE_MAX);
	AUTO_TEXT struct text t = { 0 };

	if (!put_bytes(v, &raw) || raw.failed || raw.n == 0 ||
	    text_read("message", raw.p, raw.n, &t, e) < 0)
		return NULL;
	for (size_t i = 0; i < t.n; i++) {
		buf_puts(&clean, t.line[i]);
		buf_putc(&clean, '\n');
	}
	return clean.failed || !clean.n ? NULL : json_stringn(clean.p, clean.n);
}

static const char *word(const json_t *entry, const char *name, const char *otherwise)
{
	const char *s = json_string_value(json_object_get(entry, name));

	return s && strlen(s) < 256 ? s : otherwise;
}

/* 1: an entry; 0: none that can be used. */
static int add_entry(const json_t *v, json_t *out, struct err *e)
{
	const char *cursor = json_string_value(json_object_get(v, "__CURSOR"));
	const json_int_t at = strtoll(word(v, "__REALTIME_TIMESTAMP", "0"), NULL, 10);
	struct err why = ERR_INIT;
	json_t *one;

	if (!cursor || !is_cursor(cursor) || at < 0)
		return 0;
	one = json_pack("{s:s,s:s,s:s,s:I,s:o*}", "cursor", cursor, "unit",
			word(v, "_SYSTEMD_UNIT", ""), "pid", word(v, "_PID", ""), "time_us", at,
			"text", message_text(json_object_get(v, "MESSAGE"), &why));
	if (json_array_append_new(out, one) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return 1;
}

int journald_decode(const struct source *in, json_t **out, struct err *e)
{
	AUTO_JSON json_t *entries = json_array();
	json_int_t malformed = 0;
	size_t at = 0;

	if (!entries)
		return err_set(e, ENOMEM, "out of memory");
	while (at < in->n) {
		const char *line = in->text + at;
		const char *end = memchr(line, '\n', in->n - at);
		const size_t n = end ? (size_t)(end - line) : in->n - at;
		AUTO_JSON json_t *v = NULL;
		struct err why = ERR_INIT;
		int r = 0;

		at += n + 1;
		if (n == 0)
			continue;
		if (payload_json(in, line, n, &v, &why) == 0 && json_is_object(v))
			r = add_entry(v, entries, e);
		if (r < 0)
			return r;
		malformed += r == 0;
	}
	*out = json_pack("{s:O,s:I}", "entries", entries, "malformed", malformed);
	return *out ? 0 : err_set(e, ENOMEM, "out of memory");
}
