/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inside/mcp.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"
#include "runtime/proto/http.h"

#define EXCHANGES  16 /* under way at one time; more lines wait */
#define ANSWER_MAX (16u << 20)
#define PIECE	   65536

struct server {
	struct sockaddr_in address;
	char host[64], path[512];
};

struct exchange {
	int fd;	    /* -1: free */
	json_t *id; /* of the request, NULL: none is waited for */
	struct buf answer;
};

struct bridge {
	struct server server;
	int in, out;
	bool ended;
	struct buf lines; /* of standard input, not taken yet */
	struct exchange x[EXCHANGES];
};

static int parse_url(const char *url, struct server *s, struct err *e)
{
	const char *rest = url + strlen("http://");
	char host[64], port[6];
	unsigned long number;
	size_t n;

	if (strncmp(url, "http://", strlen("http://")) != 0)
		return err_set(e, EINVAL, "'%s': want http://ADDRESS:PORT/PATH", url);
	n = strcspn(rest, "/");
	if (n >= sizeof(s->host) || strlen(rest + n) >= sizeof(s->path) || rest[n] != '/' ||
	    strpbrk(rest, " \r\n") || sscanf(rest, "%63[^:/]:%5[0-9]/", host, port) != 2)
		return err_set(e, EINVAL, "'%s': want http://ADDRESS:PORT/PATH", url);
	memcpy(s->host, rest, n);
	s->host[n] = '\0';
	(void)snprintf(s->path, sizeof(s->path), "%s", rest + n);
	number = strtoul(port, NULL, 10);
	s->address =
		(struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)number) };
	if (number == 0 || number > 65535 ||
	    inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host,
		      &s->address.sin_addr) != 1)
		return err_set(e, EINVAL, "'%s': no address and port", url);
	return 0;
}

/* ---- one exchange ---- */

static void release(struct exchange *x)
{
	if (x->fd >= 0)
		(void)close(x->fd);
	json_decref(x->id);
	buf_release(&x->answer);
	*x = (struct exchange){ .fd = -1 };
}

static int write_line(const struct bridge *b, const char *text, size_t n, struct err *e)
{
	if (fd_write_all(b->out, text, n, "standard output", e) < 0)
		return -e->code;
	return fd_write_all(b->out, "\n", 1, "standard output", e);
}

/* A request whose exchange broke is answered here. */
static int answer_broken(const struct bridge *b, const struct exchange *x, const char *why,
			 struct err *e)
{
	AUTO_JSON json_t *m = NULL;
	AUTO_FREE char *text = NULL;

	if (!x->id)
		return 0;
	m = json_pack("{s:s,s:O,s:{s:i,s:s}}", "jsonrpc", "2.0", "id", x->id, "error", "code",
		      -32603, "message", why);
	text = m ? json_dumps(m, JSON_COMPACT) : NULL;
	return text ? write_line(b, text, strlen(text), e) : err_set(e, ENOMEM, "out of memory");
}

static json_t *id_of(const char *line, size_t n)
{
	AUTO_JSON json_t *m = json_loadb(line, n, 0, NULL);
	json_t *id = json_object_get(m, "method") ? json_object_get(m, "id") : NULL;

	return json_is_string(id) || json_is_number(id) ? json_incref(id) : NULL;
}

static int post(const struct server *s, const char *line, size_t n, struct err *e)
{
	AUTO_BUF struct buf head = BUF_INIT(HTTP_HEAD_MAX);
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	buf_printf(&head,
		   "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
		   "Accept: application/json\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
		   s->path, s->host, n);
	if (fd < 0 || connect(fd, (const void *)&s->address, sizeof(s->address)) < 0)
		return err_sys(e, "connect to '%s'", s->host);
	if (fd_write_all(fd, head.p, head.n, s->host, e) < 0 ||
	    fd_write_all(fd, line, n, s->host, e) < 0)
		return -e->code;
	return take_fd(&fd);
}

static int begin(struct bridge *b, const char *line, size_t n, struct err *e)
{
	struct err why = ERR_INIT;
	struct exchange *x = b->x;

	while (x->fd >= 0) /* there is a free one, or no line would have been taken */
		x++;
	x->id = id_of(line, n);
	x->answer.max = ANSWER_MAX;
	x->fd = post(&b->server, line, n, &why);
	if (x->fd < 0) {
		const int r = answer_broken(b, x, why.msg, e);

		x->fd = -1;
		release(x);
		return r;
	}
	return 0;
}

/* The whole answer came. An empty body is that of a notification. */
static int finish(struct bridge *b, struct exchange *x, struct err *e)
{
	const char *end = x->answer.n ? memmem(x->answer.p, x->answer.n, "\r\n\r\n", 4) : NULL;
	const char *body = end ? end + 4 : NULL;
	const char *length = end ? strcasestr(x->answer.p, "\r\nContent-Length: ") : NULL;
	const size_t n = end ? x->answer.n - (size_t)(body - x->answer.p) : 0;
	int r = 0;

	if (!length || length > end ||
	    strtoul(length + strlen("\r\nContent-Length: "), NULL, 10) != n ||
	    (n && memchr(body, '\n', n)))
		r = answer_broken(b, x, "the answer was cut short", e);
	else if (n)
		r = write_line(b, body, n, e);
	release(x);
	return r;
}

static int on_answer(struct bridge *b, struct exchange *x, struct err *e)
{
	char piece[PIECE];
	const ssize_t n = recv(x->fd, piece, sizeof(piece), 0);

	if (n < 0 && errno == EINTR)
		return 0;
	if (n > 0)
		buf_put(&x->answer, piece, (size_t)n);
	return n > 0 && !x->answer.failed ? 0 : finish(b, x, e);
}

/* ---- lines ---- */

static bool is_full(const struct bridge *b)
{
	for (size_t i = 0; i < EXCHANGES; i++)
		if (b->x[i].fd < 0)
			return false;
	return true;
}

static bool is_quiet(const struct bridge *b)
{
	for (size_t i = 0; i < EXCHANGES; i++)
		if (b->x[i].fd >= 0)
			return false;
	return true;
}

static int take_lines(struct bridge *b, struct err *e)
{
	size_t done = 0;
	int r = 0;

	while (r == 0 && !is_full(b) && done < b->lines.n) {
		const char *line = b->lines.p + done;
		const char *lf = memchr(line, '\n', b->lines.n - done);
		size_t n = lf ? (size_t)(lf - line) : 0;

		if (!lf)
			break;
		done += n + 1;
		if (n && line[n - 1] == '\r')
			n--;
		if (n)
			r = begin(b, line, n, e);
	}
	if (done) {
		memmove(b->lines.p, b->lines.p + done, b->lines.n - done);
		b->lines.n -= done;
	}
	return r;
}

static int on_input(struct bridge *b, struct err *e)
{
	char piece[PIECE];
	const ssize_t n = read(b->in, piece, sizeof(piece));

	if (n < 0 && errno == EINTR)
		return 0;
	if (n < 0)
		return err_sys(e, "read standard input");
	b->ended = n == 0;
	buf_put(&b->lines, piece, (size_t)n);
	if (b->ended && b->lines.n &&
	    b->lines.p[b->lines.n - 1] != '\n') /* the last line may lack its end */
		buf_putc(&b->lines, '\n');
	return buf_check(&b->lines, "a line of standard input", e);
}

static int turn(struct bridge *b, struct err *e)
{
	struct pollfd p[1 + EXCHANGES];
	int r = 0;

	p[0] = (struct pollfd){ .fd = b->ended || is_full(b) ? -1 : b->in, .events = POLLIN };
	for (size_t i = 0; i < EXCHANGES; i++)
		p[1 + i] = (struct pollfd){ .fd = b->x[i].fd, .events = POLLIN };
	if (poll(p, 1 + EXCHANGES, -1) < 0 && errno != EINTR)
		return err_sys(e, "wait for messages");
	for (size_t i = 0; r == 0 && i < EXCHANGES; i++)
		if (p[1 + i].fd >= 0 && p[1 + i].revents)
			r = on_answer(b, &b->x[i], e);
	if (r == 0 && p[0].fd >= 0 && p[0].revents)
		r = on_input(b, e);
	return r == 0 ? take_lines(b, e) : r;
}

int mcp_bridge(const char *url, int in, int out, struct err *e)
{
	struct bridge b = { .in = in, .out = out, .lines = BUF_INIT(HTTP_BODY_MAX + PIECE) };
	int r = parse_url(url, &b.server, e);

	for (size_t i = 0; i < EXCHANGES; i++)
		b.x[i].fd = -1;
	(void)signal(SIGPIPE, SIG_IGN);
	while (r == 0 && !(b.ended && b.lines.n == 0 && is_quiet(&b)))
		r = turn(&b, e);
	for (size_t i = 0; i < EXCHANGES; i++)
		release(&b.x[i]);
	buf_release(&b.lines);
	return r < 0 ? err_wrap(e, "mcp") : 0;
}
