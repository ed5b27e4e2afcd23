/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/audit/chain.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/clock.h"

#define HEAD	 "{\"v\":1,\"seq\":"
#define TAIL	 ",\"prev\":\"" /* + 64 digits + "\"}" */
#define TAIL_LEN (sizeof(TAIL) - 1 + SHA256_HEX - 1 + 2)

/* One character of valid UTF-8. */
static uint32_t utf8_next(const unsigned char **p)
{
	const unsigned char *s = *p;
	const int more = *s >= 0xf0 ? 3 : *s >= 0xe0 ? 2 : *s >= 0xc0 ? 1 : 0;
	uint32_t c = more ? *s & (0x3fu >> more) : *s;

	for (int i = 1; i <= more; i++)
		c = c << 6 | (s[i] & 0x3f);
	*p = s + 1 + more;
	return c;
}

/* What could move the cursor, reverse or hide text, or end a line in some viewer. */
static bool is_hostile(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x00, 0x1f },	    { 0x7f, 0x9f },	{ 0xad, 0xad },	    { 0x61c, 0x61c },
		{ 0x180e, 0x180e }, { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
		{ 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff }, { 0xfff0, 0xffff }, { 0xe0000, 0xe0fff },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

static void put_escaped(struct buf *out, uint32_t c)
{
	if (c > 0xffff) {
		buf_printf(out, "\\u%04x", 0xd800 + ((c - 0x10000) >> 10));
		c = 0xdc00 + ((c - 0x10000) & 0x3ff);
	}
	buf_printf(out, "\\u%04x", c);
}

static void put_string(struct buf *out, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	buf_putc(out, '"');
	while (*p) {
		const unsigned char *from = p;
		const uint32_t c = utf8_next(&p);

		if (is_hostile(c)) {
			put_escaped(out, c);
			continue;
		}
		if (c == '"' || c == '\\')
			buf_putc(out, '\\');
		buf_put(out, from, (size_t)(p - from));
	}
	buf_putc(out, '"');
}

static int put_strings(struct buf *out, const char *key, const json_t *list, struct err *e)
{
	const size_t n = json_array_size(list);

	buf_putc(out, '[');
	for (size_t i = 0; i < n; i++) {
		const char *s = json_string_value(json_array_get(list, i));

		if (!s)
			return err_set(e, EINVAL, "field '%s': an array may hold only strings",
				       key);
		if (i)
			buf_putc(out, ',');
		put_string(out, s);
	}
	buf_putc(out, ']');
	return 0;
}

int chain_put_value(struct buf *out, const char *key, const json_t *value, struct err *e)
{
	switch (json_typeof(value)) {
	case JSON_STRING:
		put_string(out, json_string_value(value));
		return 0;
	case JSON_INTEGER:
		buf_printf(out, "%lld", (long long)json_integer_value(value));
		return 0;
	case JSON_TRUE:
	case JSON_FALSE:
		buf_puts(out, json_is_true(value) ? "true" : "false");
		return 0;
	case JSON_NULL:
		buf_puts(out, "null");
		return 0;
	case JSON_ARRAY:
		return put_strings(out, key, value, e);
	case JSON_OBJECT:
	case JSON_REAL:
		break;
	}
	return err_set(e, EINVAL,
		       "field '%s': only strings, integers, booleans, null and arrays of strings",
		       key);
}

static bool key_is_plain(const char *key)
{
	const size_t n = strlen(key);

	return n > 0 && n < 64 && key[0] >= 'a' && key[0] <= 'z' &&
	       strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

static bool is_word(const char *key, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(key, *words) == 0)
			return true;
	return false;
}

static int put_member(struct buf *out, const char *key, const json_t *value, struct err *e)
{
	buf_printf(out, ",\"%s\":", key);
	return chain_put_value(out, key, value, e);
}

static int put_fields(struct buf *out, const json_t *event, struct err *e)
{
	static const char *const first[] = { "type", "case", "actor", NULL };
	static const char *const ours[] = { "v", "seq", "ts", "prev", NULL };
	const char *key;
	json_t *value;
	int r = 0;

	for (size_t i = 0; first[i] && r == 0; i++) {
		value = json_object_get(event, first[i]);
		if (value && !json_is_string(value))
			return err_set(e, EINVAL, "field '%s' must be a string", first[i]);
		if (value)
			r = put_member(out, first[i], value, e);
	}
	for (void *it = json_object_iter((json_t *)(uintptr_t)event); it && r == 0;
	     it = json_object_iter_next((json_t *)(uintptr_t)event, it)) {
		key = json_object_iter_key(it);
		if (is_word(key, first))
			continue;
		if (!key_is_plain(key) || is_word(key, ours))
			return err_set(e, EINVAL, "field '%s': the name is not allowed", key);
		r = put_member(out, key, json_object_iter_value(it), e);
	}
	return r;
}

int chain_write(struct buf *out, const json_t *event, uint64_t seq, uint64_t real_ns,
		const uint8_t prev[SHA256_LEN], struct err *e)
{
	const char *type = json_string_value(json_object_get(event, "type"));
	const size_t from = out->n;
	char ts[CLOCK_RFC3339], hex[SHA256_HEX];
	int r;

	if (!type || !*type || strlen(type) > 63 ||
	    strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789.-") != strlen(type))
		return err_set(e, EINVAL, "an event needs a type of [a-z0-9.-]");
	clock_rfc3339(real_ns, ts);
	buf_printf(out, HEAD "%llu,\"ts\":\"%s\"", (unsigned long long)seq, ts);
	r = put_fields(out, event, e);
	if (r < 0)
		return err_wrap(e, "event '%s'", type);
	sha256_hex(prev, hex);
	buf_printf(out, TAIL "%s\"}", hex);
	r = buf_check(out, "audit records", e);
	if (r < 0)
		return r;
	if (out->n - from > CHAIN_LINE_MAX)
		return err_set(e, E2BIG, "event '%s': the record has %zu bytes, the most is %d",
			       type, out->n - from, CHAIN_LINE_MAX);
	return 0;
}

int hex_read(const char *hex, uint8_t out[SHA256_LEN])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < 2 * SHA256_LEN; i++) {
		const char *d = hex[i] ? strchr(digits, hex[i]) : NULL;

		if (!d)
			return -EINVAL;
		out[i / 2] = (uint8_t)((i % 2 ? out[i / 2] << 4 : 0) | (d - digits));
	}
	return 0;
}

static int seq_read(const char *s, const char *end, uint64_t *seq)
{
	uint64_t v = 0;
	const char *from = s;

	for (; s < end && *s >= '0' && *s <= '9'; s++) {
		if (v > (UINT64_MAX - 9) / 10)
			return -EINVAL;
		v = v * 10 + (uint64_t)(*s - '0');
	}
	if (s == from || s == end || *s != ',' || (*from == '0' && s - from > 1))
		return -EINVAL;
	*seq = v;
	return 0;
}

int chain_read(const char *line, size_t n, uint64_t *seq, uint8_t prev[SHA256_LEN])
{
	const char *tail;

	if (n < sizeof(HEAD) + TAIL_LEN || n > CHAIN_LINE_MAX ||
	    memcmp(line, HEAD, sizeof(HEAD) - 1) != 0)
		return -EINVAL;
	tail = line + n - TAIL_LEN;
	if (memcmp(tail, TAIL, sizeof(TAIL) - 1) != 0 || memcmp(line + n - 2, "\"}", 2) != 0)
		return -EINVAL;
	if (hex_read(tail + sizeof(TAIL) - 1, prev) < 0)
		return -EINVAL;
	return seq_read(line + sizeof(HEAD) - 1, tail, seq);
}

enum chain_fault chain_check(const char *line, size_t n, uint64_t seq,
			     const uint8_t prev[SHA256_LEN])
{
	uint8_t got_prev[SHA256_LEN];
	uint64_t got;

	if (chain_read(line, n, &got, got_prev) < 0)
		return CHAIN_MALFORMED;
	if (got != seq)
		return CHAIN_SEQ;
	return memcmp(got_prev, prev, SHA256_LEN) == 0 ? CHAIN_OK : CHAIN_PREV;
}
