/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/proto/http.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

const struct http_fault_row http_faults[HTTP_FAULT_N] = {
	[HTTP_FINE] = { "fine", "nothing is wrong", 200 },
	[HTTP_BYTE] = { "bad-byte", "a NUL, or a line of the head that does not end in CR LF",
			400 },
	[HTTP_REQUEST_LINE] = { "bad-request-line",
				"want METHOD, TARGET and version, one space between", 400 },
	[HTTP_METHOD] = { "bad-method", "the method is no token", 400 },
	[HTTP_TARGET] = { "bad-target", "the target is no path: want /PATH", 400 },
	[HTTP_TARGET_LONG] = { "target-too-long", "the target is longer than 2047 bytes", 414 },
	[HTTP_VERSION] = { "bad-version", "want HTTP/1.1", 505 },
	[HTTP_PREFACE] = { "http2", "HTTP/2 is not spoken here: want HTTP/1.1", 505 },
	[HTTP_HEAD_LONG] = { "head-too-long", "the head is longer than 16 KiB", 431 },
	[HTTP_FIELDS] = { "too-many-fields", "the head has more than 100 fields", 431 },
	[HTTP_FIELD] = { "bad-field", "a field without a name, or with a space before its colon",
			 400 },
	[HTTP_FOLD] = { "folded-field", "a field that goes on in the next line", 400 },
	[HTTP_VALUE] = { "bad-field-value", "a control byte in a field", 400 },
	[HTTP_DUPLICATE] = { "duplicate-field", "a field that may stand once stands twice", 400 },
	[HTTP_HOST] = { "bad-host", "want one well-formed Host", 400 },
	[HTTP_LENGTH] = { "bad-length", "the Content-Length is no number", 400 },
	[HTTP_BOTH] = { "length-and-coding", "a Content-Length and a Transfer-Encoding", 400 },
	[HTTP_CODING] = { "bad-coding", "a Transfer-Encoding other than chunked", 501 },
	[HTTP_BODY_LONG] = { "body-too-long", "the body is longer than 8 MiB", 413 },
	[HTTP_CHUNK] = { "bad-chunk", "a chunk that is not HEX CR LF DATA CR LF", 400 },
	[HTTP_EXTENSION] = { "chunk-line-too-long", "a chunk's first line is longer than 64 bytes",
			     400 },
	[HTTP_TRAILER] = { "bad-trailer", "the trailers are malformed or longer than 4 KiB", 400 },
};

static int fault(enum http_fault *why, enum http_fault what)
{
	*why = what;
	return -1;
}

static bool is_token(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && (!s[i] || !strchr("!#$%&'*+-.^_`|~", s[i])))
			return false;
	return n > 0;
}

static bool is_graphic(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < 0x21 || s[i] > 0x7e)
			return false;
	return n > 0;
}

/* Spaces, tabs and what is not ASCII are fine. */
static bool is_value(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (((unsigned char)s[i] < 0x20 && s[i] != '\t') || s[i] == 0x7f)
			return false;
	return true;
}

static bool is_digits(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isdigit((unsigned char)s[i]))
			return false;
	return n > 0;
}

static bool same(const char *s, size_t n, const char *word)
{
	return strlen(word) == n && strncasecmp(s, word, n) == 0;
}

/* ---- the request line ---- */

static int parse_version(const char *s, size_t n, struct http_request *q, enum http_fault *why)
{
	if (n != 8 || strncmp(s, "HTTP/", 5) != 0 || !isdigit((unsigned char)s[5]) || s[6] != '.')
		return fault(why, HTTP_REQUEST_LINE);
	if (s[5] == '2')
		return fault(why, HTTP_PREFACE);
	if (s[5] != '1' || (s[7] != '0' && s[7] != '1'))
		return fault(why, HTTP_VERSION);
	q->minor = s[7] - '0';
	q->keep = q->minor == 1;
	return 0;
}

/* "GET /path HTTP/1.1" */
static int parse_line(const char *line, size_t n, struct http_request *q, enum http_fault *why)
{
	const char *one = memchr(line, ' ', n);
	const char *two = one ? memchr(one + 1, ' ', n - (size_t)(one + 1 - line)) : NULL;
	const size_t method = one ? (size_t)(one - line) : 0;
	const size_t target = two ? (size_t)(two - one - 1) : 0;

	if (!two || target == 0)
		return fault(why, HTTP_REQUEST_LINE);
	if (method >= sizeof(q->method) || !is_token(line, method))
		return fault(why, HTTP_METHOD);
	if (parse_version(two + 1, n - (size_t)(two + 1 - line), q, why) < 0)
		return -1;
	if (target >= sizeof(q->target))
		return fault(why, HTTP_TARGET_LONG);
	if (one[1] != '/' || !is_graphic(one + 1, target) || memchr(one, '#', target))
		return fault(why, HTTP_TARGET);
	memcpy(q->method, line, method);
	q->method[method] = '\0';
	memcpy(q->target, one + 1, target);
	q->target[target] = '\0';
	return 0;
}

/* ---- fields ---- */

const struct http_field *http_find(const struct http_request *q, const char *name)
{
	for (size_t i = 0; i < q->n_fields; i++)
		if (same(q->fields[i].name, q->fields[i].name_n, name))
			return &q->fields[i];
	return NULL;
}

bool http_value_is(const struct http_field *f, const char *word)
{
	return f && same(f->value, f->value_n, word);
}

bool http_value_has(const struct http_field *f, const char *element)
{
	const char *p = f ? f->value : NULL;
	const char *const end = f ? p + f->value_n : NULL;

	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const char *stop = comma ? comma : end;
		const char *next = comma ? comma + 1 : end;
		const char *semicolon = memchr(p, ';', (size_t)(stop - p));

		stop = semicolon ? semicolon : stop;
		while (p < stop && (*p == ' ' || *p == '\t'))
			p++;
		while (stop > p && (stop[-1] == ' ' || stop[-1] == '\t'))
			stop--;
		if (same(p, (size_t)(stop - p), element))
			return true;
		p = next;
	}
	return false;
}

static int parse_field(const char *line, size_t n, struct http_request *q, enum http_fault *why)
{
	const char *colon = memchr(line, ':', n);
	const size_t name = colon ? (size_t)(colon - line) : 0;
	struct http_field *f = &q->fields[q->n_fields];

	if (*line == ' ' || *line == '\t')
		return fault(why, HTTP_FOLD);
	if (!colon || !is_token(line, name))
		return fault(why, HTTP_FIELD);
	if (q->n_fields == HTTP_FIELDS_MAX)
		return fault(why, HTTP_FIELDS);
	*f = (struct http_field){ line, colon + 1, name, n - name - 1 };
	while (f->value_n && (*f->value == ' ' || *f->value == '\t'))
		f->value++, f->value_n--;
	while (f->value_n && (f->value[f->value_n - 1] == ' ' || f->value[f->value_n - 1] == '\t'))
		f->value_n--;
	if (!is_value(f->value, f->value_n))
		return fault(why, HTTP_VALUE);
	q->n_fields++;
	return 0;
}

static int check_once(const struct http_request *q, enum http_fault *why)
{
	static const char *const once[] = {
		"host",		"content-length",      "transfer-encoding",
		"content-type", "content-encoding",    "expect",
		"origin",	"mcp-protocol-version"
	};

	for (size_t k = 0; k < sizeof(once) / sizeof(once[0]); k++) {
		size_t seen = 0;

		for (size_t i = 0; i < q->n_fields; i++)
			seen += same(q->fields[i].name, q->fields[i].name_n, once[k]);
		if (seen > 1)
			return fault(why, HTTP_DUPLICATE);
	}
	return 0;
}

/* NAME[:PORT] or [ADDRESS][:PORT] */
static int check_host(const struct http_request *q, enum http_fault *why)
{
	const struct http_field *h = http_find(q, "host");
	const char *colon;
	size_t name;

	if (!h)
		return q->minor == 0 ? 0 : fault(why, HTTP_HOST);
	name = h->value_n;
	if (name && h->value[0] == '[') {
		const char *close = memchr(h->value, ']', name);

		colon = close ? close + 1 : h->value;
		if (!close || (colon < h->value + name && *colon != ':'))
			return fault(why, HTTP_HOST);
		name = (size_t)(colon - h->value);
	} else {
		colon = memchr(h->value, ':', name);
		name = colon ? (size_t)(colon - h->value) : name;
	}
	for (size_t i = 0; i < name; i++)
		if (!isalnum((unsigned char)h->value[i]) && !strchr("-._[:]", h->value[i]))
			return fault(why, HTTP_HOST);
	if (name == 0 ||
	    (name < h->value_n && !is_digits(h->value + name + 1, h->value_n - name - 1)))
		return fault(why, HTTP_HOST);
	return 0;
}

static int parse_length(const struct http_field *f, struct http_request *q, enum http_fault *why)
{
	size_t total = 0;

	if (!is_digits(f->value, f->value_n))
		return fault(why, HTTP_LENGTH);
	for (size_t i = 0; i < f->value_n; i++) {
		total = total * 10 + (size_t)(f->value[i] - '0');
		if (total > HTTP_BODY_MAX)
			return fault(why, HTTP_BODY_LONG);
	}
	q->length = total;
	return 0;
}

static int check_fields(struct http_request *q, enum http_fault *why)
{
	const struct http_field *length = http_find(q, "content-length");
	const struct http_field *coding = http_find(q, "transfer-encoding");

	if (check_once(q, why) < 0 || check_host(q, why) < 0)
		return -1;
	if (length && coding)
		return fault(why, HTTP_BOTH);
	if (coding && (q->minor == 0 || !http_value_is(coding, "chunked")))
		return fault(why, HTTP_CODING);
	q->chunked = coding != NULL;
	for (size_t i = 0; i < q->n_fields; i++)
		if (same(q->fields[i].name, q->fields[i].name_n, "connection") &&
		    http_value_has(&q->fields[i], "close"))
			q->keep = false;
	return length ? parse_length(length, q, why) : 0;
}

/* ---- the head ---- */

/* Where the head ends (after CR LF CR LF), 0: not yet; lines end in CR LF, nothing else. */
static int find_end(const char *data, size_t n, enum http_fault *why)
{
	const size_t most = n < HTTP_HEAD_MAX ? n : HTTP_HEAD_MAX;

	for (size_t i = 0; i < most; i++) {
		if (data[i] == '\0' || (data[i] == '\n' && (i == 0 || data[i - 1] != '\r')) ||
		    (i > 0 && data[i - 1] == '\r' && data[i] != '\n'))
			return fault(why, HTTP_BYTE);
		if (data[i] == '\n' && i >= 3 && data[i - 2] == '\n')
			return (int)i + 1;
	}
	if (n > 0 && !is_token(data, 1)) /* not HTTP at all: TLS, an empty line */
		return fault(why, HTTP_METHOD);
	return n < HTTP_HEAD_MAX ? 0 : fault(why, HTTP_HEAD_LONG);
}

int http_parse(const char *data, size_t n, struct http_request *out, enum http_fault *why)
{
	const int end = find_end(data, n, why);
	const char *p = data;
	bool first = true;

	if (end <= 0)
		return end;
	out->n_fields = 0;
	out->length = 0;
	out->chunked = false;
	while (p < data + end - 2) {
		const char *lf = memchr(p, '\n', (size_t)(data + end - p));
		const size_t len = (size_t)(lf - p) - 1;
		const int r = first ? parse_line(p, len, out, why) : parse_field(p, len, out, why);

		if (r < 0)
			return r;
		first = false;
		p = lf + 1;
	}
	if (first)
		return fault(why, HTTP_REQUEST_LINE);
	return check_fields(out, why) < 0 ? -1 : end;
}

/* ---- chunked bodies ---- */

enum { SIZE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF, TRAILER, TRAILER_LF, LAST_LF, WHOLE };

#define CHUNK_LINE  64
#define TRAILER_MAX 4096

static int hex(char c)
{
	const char lower = (char)tolower((unsigned char)c);

	if (isdigit((unsigned char)c))
		return c - '0';
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static int size_byte(struct http_chunks *c, char b, enum http_fault *why)
{
	const int digit = hex(b);

	if (digit >= 0) {
		c->digit = true;
		c->left = c->left * 16 + (size_t)digit;
		return c->left > HTTP_BODY_MAX ? fault(why, HTTP_BODY_LONG) : 0;
	}
	if (!c->digit || (b != '\r' && b != ';'))
		return fault(why, HTTP_CHUNK);
	c->state = b == ';' ? EXTENSION : SIZE_LF;
	return 0;
}

static int line_end(struct http_chunks *c)
{
	c->state = c->left ? DATA : TRAILER;
	c->line = 0;
	c->digit = false;
	return 0;
}

/* Trailers are dropped, but they must look like fields. */
static int trailer_byte(struct http_chunks *c, char b, enum http_fault *why)
{
	if (c->line > TRAILER_MAX || b == '\n' || (!is_value(&b, 1) && b != '\r'))
		return fault(why, HTTP_TRAILER);
	if (b == '\r')
		c->state = c->digit ? TRAILER_LF : LAST_LF;
	c->digit = true; /* this line is not empty */
	return 0;
}

static int one_byte(struct http_chunks *c, char b, enum http_fault *why)
{
	c->line++;
	switch (c->state) {
	case SIZE:
	case EXTENSION:
		if (c->line > CHUNK_LINE)
			return fault(why, HTTP_EXTENSION);
		if (c->state == SIZE)
			return size_byte(c, b, why);
		if (b == '\r')
			c->state = SIZE_LF;
		else if (!is_value(&b, 1))
			return fault(why, HTTP_CHUNK);
		return 0;
	case SIZE_LF:
		return b == '\n' ? line_end(c) : fault(why, HTTP_CHUNK);
	case DATA_CR:
		c->state = DATA_LF;
		return b == '\r' ? 0 : fault(why, HTTP_CHUNK);
	case DATA_LF:
		c->state = SIZE;
		c->line = 0;
		return b == '\n' ? 0 : fault(why, HTTP_CHUNK);
	case TRAILER:
		return trailer_byte(c, b, why);
	case TRAILER_LF:
		c->state = TRAILER;
		c->digit = false;
		return b == '\n' ? 0 : fault(why, HTTP_TRAILER);
	default:
		c->state = WHOLE;
		return b == '\n' ? 0 : fault(why, HTTP_TRAILER);
	}
}

int http_chunks(struct http_chunks *c, const char *data, size_t n, size_t *used, struct buf *out,
		enum http_fault *why)
{
	size_t i = 0;

	while (i < n && c->state != WHOLE) {
		size_t take = n - i < c->left ? n - i : c->left;

		if (c->state != DATA) {
			if (one_byte(c, data[i++], why) < 0)
				return -1;
			continue;
		}
		if (c->total + take > HTTP_BODY_MAX)
			return fault(why, HTTP_BODY_LONG);
		buf_put(out, data + i, take);
		i += take;
		c->total += take;
		c->left -= take;
		if (c->left == 0)
			c->state = DATA_CR;
	}
	*used = i;
	return c->state == WHOLE;
}
