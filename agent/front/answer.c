/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/front/front.h"

static const char *phrase(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} rows[] = {
		{ 200, "OK" },
		{ 202, "Accepted" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 417, "Expectation Failed" },
		{ 421, "Misdirected Request" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].status == status)
			return rows[i].phrase;
	return "Answer";
}

/* The next request may come, or the connection ends. */
static void done(struct front_state *f, struct conn *c)
{
	c->state = c->q.keep ? CONN_HEAD : CONN_CLOSING;
	c->since = f->now;
	c->events = c->stream = c->ended = false;
	c->served = true;
	c->beat = 0;
}

void answer_json(struct front_state *f, struct conn *c, int status, const char *fields,
		 json_t *body)
{
	AUTO_JSON json_t *own = body;
	AUTO_FREE char *text = own ? json_dumps(own, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	const size_t n = text ? strlen(text) : 0;

	if (conn_unread(c) == 0)
		c->progress = f->now;
	buf_printf(&c->out, "HTTP/1.1 %d %s\r\n%s%sContent-Length: %zu\r\nConnection: %s\r\n\r\n",
		   status, phrase(status), text ? "Content-Type: application/json\r\n" : "", fields,
		   n, c->q.keep ? "keep-alive" : "close");
	if (strcmp(c->q.method, "HEAD") != 0)
		buf_put(&c->out, text, n);
	done(f, c);
}

void answer_events(struct front_state *f, struct conn *c)
{
	if (conn_unread(c) == 0)
		c->progress = f->now;
	buf_printf(
		&c->out,
		"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
		"Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\nConnection: %s\r\n\r\n",
		c->q.keep ? "keep-alive" : "close");
	c->events = true;
}

void answer_event(struct conn *c, const char *name, const char *data, const char *end)
{
	const size_t first = name ? strlen("event: ") + strlen(name) + 1 : 0;
	const size_t all = first + strlen("data: ") + strlen(data) + strlen(end);

	buf_printf(&c->out, "%zx\r\n", all);
	if (name)
		buf_printf(&c->out, "event: %s\n", name);
	buf_puts(&c->out, "data: ");
	buf_puts(&c->out, data);
	buf_puts(&c->out, end);
	buf_puts(&c->out, "\r\n");
}

void answer_comment(struct conn *c)
{
	buf_puts(&c->out, "3\r\n:\n\n\r\n");
}

void answer_end(struct front_state *f, struct conn *c)
{
	buf_puts(&c->out, "0\r\n\r\n");
	done(f, c);
}
