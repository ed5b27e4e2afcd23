/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inside/http.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct head {
	struct http_request r;
	bool has_length, has_host;
	int minor; /* of HTTP/1.x */
};

static bool is_token(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && (!s[i] || !strchr("!#$%&'*+-.^_`|~", s[i])))
			return false;
	return n > 0;
}

static bool is_visible(const char *s, size_t n, bool spaces)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x21 || s[i] == 0x7f)
			if (!spaces || (s[i] != ' ' && s[i] != '\t'))
				return false;
	return n > 0;
}

/* "GET /path HTTP/1.1" */
static int parse_line(const char *line, size_t n, struct head *h, struct err *e)
{
	const char *one = memchr(line, ' ', n);
	const char *two = one ? memchr(one + 1, ' ', n - (size_t)(one + 1 - line)) : NULL;
	const size_t method = one ? (size_t)(one - line) : 0;
	const size_t target = two ? (size_t)(two - one - 1) : 0;

	if (!two || method >= sizeof(h->r.method) || !is_token(line, method))
		return err_set(e, EBADMSG, "no request line");
	if (target >= sizeof(h->r.target))
		return err_set(e, E2BIG, "the target is too long");
	if (one[1] != '/' || !is_visible(one + 1, target, false))
		return err_set(e, EBADMSG, "the target is no path");
	if (n - (size_t)(two + 1 - line) != 8 || strncmp(two + 1, "HTTP/1.", 7) != 0 ||
	    (two[8] != '0' && two[8] != '1'))
		return err_set(e, ENOTSUP, "not HTTP/1.0 or HTTP/1.1");
	memcpy(h->r.method, line, method);
	h->r.method[method] = '\0';
	memcpy(h->r.target, one + 1, target);
	h->r.target[target] = '\0';
	h->minor = two[8] - '0';
	h->r.keep = h->minor == 1;
	return 0;
}

static int parse_length(const char *v, size_t n, struct head *h, struct err *e)
{
	size_t total = 0;

	if (h->has_length || n == 0)
		return err_set(e, EBADMSG, "more than one length, or none");
	for (size_t i = 0; i < n; i++) {
		if (!isdigit((unsigned char)v[i]))
			return err_set(e, EBADMSG, "the length is no number");
		total = total * 10 + (size_t)(v[i] - '0');
		if (total > HTTP_BODY_MAX)
			return err_set(e, E2BIG, "the body is too long");
	}
	h->has_length = true;
	h->r.body = total;
	return 0;
}

static bool named(const char *field, size_t n, const char *name)
{
	return strlen(name) == n && strncasecmp(field, name, n) == 0;
}

static int parse_field(const char *line, size_t n, struct head *h, struct err *e)
{
	const char *colon = memchr(line, ':', n);
	const size_t name = colon ? (size_t)(colon - line) : 0;
	const char *v = colon ? colon + 1 : line;
	size_t len = n - (size_t)(v - line);

	if (!colon || !is_token(line, name))
		return err_set(e, EBADMSG, "a field without a name");
	while (len && (*v == ' ' || *v == '\t'))
		v++, len--;
	while (len && (v[len - 1] == ' ' || v[len - 1] == '\t'))
		len--;
	if (len && !is_visible(v, len, true))
		return err_set(e, EBADMSG, "a control byte in a field");
	if (named(line, name, "transfer-encoding"))
		return err_set(e, ENOTSUP, "a transfer coding");
	if (named(line, name, "content-length"))
		return parse_length(v, len, h, e);
	if (named(line, name, "connection") && named(v, len, "close"))
		h->r.keep = false;
	if (named(line, name, "host")) {
		if (h->has_host)
			return err_set(e, EBADMSG, "more than one host");
		h->has_host = true;
	}
	return 0;
}

/* Lines end in CR LF, nothing else. */
static int parse_head(const char *data, size_t n, struct head *h, struct err *e)
{
	const char *p = data;
	const char *const end = data + n;
	bool first = true;

	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		size_t len;
		int r;

		if (!lf || lf == p || lf[-1] != '\r')
			return err_set(e, EBADMSG, "a line that does not end in CR LF");
		len = (size_t)(lf - p) - 1;
		r = first ? parse_line(p, len, h, e) : parse_field(p, len, h, e);
		if (r < 0)
			return r;
		first = false;
		p = lf + 1;
	}
	if (h->minor == 1 && !h->has_host)
		return err_set(e, EBADMSG, "no host");
	return 0;
}

int http_parse(const char *data, size_t n, struct http_request *out, struct err *e)
{
	const char *end = memmem(data, n, "\r\n\r\n", 4);
	struct head h = { 0 };
	int r;

	if (!end && n < HTTP_HEAD_MAX)
		return 0;
	if (!end || (size_t)(end - data) + 4 > HTTP_HEAD_MAX)
		return err_set(e, E2BIG, "the head is too long");
	r = parse_head(data, (size_t)(end - data) + 2, &h, e);
	if (r < 0)
		return r;
	*out = h.r;
	return (int)(end - data) + 4;
}
