/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inside/mcp.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "tests/tap.h"

/* The bridge in a child, a double of the HTTP server here. */
struct rig {
	int sock, in, out; /* in: what the bridge reads */
	pid_t pid;
};

static void rig_open(struct rig *r)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	struct err e = ERR_INIT;
	int in[2], out[2];
	char url[64];

	r->sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(bind(r->sock, (void *)&a, len) == 0 && listen(r->sock, 64) == 0);
	CHECK_INT(getsockname(r->sock, (void *)&a, &len), 0);
	CHECK(pipe(in) == 0 && pipe(out) == 0);
	(void)snprintf(url, sizeof(url), "http://localhost:%d/mcp", ntohs(a.sin_port));
	(void)fflush(stdout);
	r->pid = fork();
	if (r->pid == 0) {
		(void)close(in[1]);
		(void)close(out[0]);
		(void)close(r->sock);
		_exit(mcp_bridge(url, in[0], out[1], &e) < 0 ? 1 : 0);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	r->in = in[1];
	r->out = out[0];
}

static void rig_close(struct rig *r)
{
	int status = 1;

	if (r->in >= 0)
		(void)close(r->in);
	CHECK_INT(waitpid(r->pid, &status, 0), r->pid);
	CHECK_INT(status, 0);
	(void)close(r->out);
	(void)close(r->sock);
}

static void say(const struct rig *r, const char *text)
{
	CHECK_INT(write(r->in, text, strlen(text)), (long long)strlen(text));
}

/* One request, up to the end of its body; static. */
static const char *request(const struct rig *r, int *fd)
{
	static char text[65536];
	size_t n = 0;

	*fd = accept(r->sock, NULL, NULL);
	memset(text, 0, sizeof(text));
	while (n < sizeof(text) - 1) {
		const char *body = strstr(text, "\r\n\r\n");
		const char *length = strstr(text, "Content-Length: ");
		ssize_t k;

		if (body && length && strlen(body + 4) == strtoul(length + 16, NULL, 10))
			break;
		k = recv(*fd, text + n, sizeof(text) - 1 - n, 0);
		if (k <= 0)
			break;
		n += (size_t)k;
	}
	return text;
}

static void answer(int fd, const char *text)
{
	CHECK_INT(send(fd, text, strlen(text), MSG_NOSIGNAL), (long long)strlen(text));
	(void)close(fd);
}

static const char *line(const struct rig *r)
{
	static char text[4096];
	size_t n = 0;
	struct pollfd p = { .fd = r->out, .events = POLLIN };

	memset(text, 0, sizeof(text));
	while (n < sizeof(text) - 1 && poll(&p, 1, 20000) > 0 && read(r->out, text + n, 1) == 1 &&
	       text[n] != '\n')
		n++;
	text[n] = '\0';
	return text;
}

static void a_line_is_posted_and_its_answer_is_a_line(void)
{
	struct rig r;
	const char *q;
	int fd;

	rig_open(&r);
	say(&r, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\r\n\n");
	q = request(&r, &fd);
	CHECK(strncmp(q, "POST /mcp HTTP/1.1\r\nHost: localhost:", 36) == 0);
	CHECK(strstr(q, "\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}") != NULL);
	answer(fd, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{\"id\":1}");
	CHECK_STR(line(&r), "{\"id\":1}");
	say(&r, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n");
	(void)request(&r, &fd);
	answer(fd, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
	say(&r, "{\"last\":1}"); /* without an end */
	(void)close(r.in);
	r.in = -1;
	(void)request(&r, &fd);
	answer(fd, "HTTP/1.1 400 Bad Request\r\nContent-Length: 11\r\n\r\n{\"error\":1}");
	CHECK_STR(line(&r), "{\"error\":1}");
	rig_close(&r);
}

static void several_are_under_way_and_more_wait(void)
{
	enum { N = 20 };
	struct rig r;
	int fds[N], answered = 0;

	rig_open(&r);
	for (int i = 0; i < N; i++)
		say(&r, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n");
	for (int i = 0; i < 16; i++)
		(void)request(&r, &fds[i]);
	for (int i = 15; i >= 0; i--)
		answer(fds[i], "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
	for (int i = 16; i < N; i++) {
		(void)request(&r, &fds[i]);
		answer(fds[i], "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
	}
	for (int i = 0; i < N; i++)
		answered += strcmp(line(&r), "{}") == 0;
	CHECK_INT(answered, N);
	rig_close(&r);
}

static void an_exchange_that_breaks_is_answered_with_an_error(void)
{
	static const char *const broken[] = { "", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
					      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{\n}",
					      "HTTP/1.1 200 OK\r\n\r\n{}" };
	struct rig r;
	int fd;

	rig_open(&r);
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		say(&r, "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"ping\"}\n");
		(void)request(&r, &fd);
		answer(fd, broken[i]);
		CHECK_STR(line(&r), "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"error\":{\"code\":-32603,"
				    "\"message\":\"the answer was cut short\"}}");
	}
	(void)close(r.sock);
	r.sock = -1;
	say(&r, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ping\"}\n");
	CHECK(strstr(line(&r), "Connection refused") != NULL);
	rig_close(&r);
}

static void a_url_that_is_none_is_named(void)
{
	static const char *const urls[] = { "https://127.0.0.1:1/mcp", "http://127.0.0.1/mcp",
					    "http://127.0.0.1:1",      "http://example:1/mcp",
					    "http://127.0.0.1:0/mcp",  "http://127.0.0.1:99999/mcp",
					    "http://127.0.0.1:1/m cp", "" };

	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct err e = ERR_INIT;

		CHECK_INT(mcp_bridge(urls[i], -1, -1, &e), -EINVAL);
		CHECK(strstr(e.msg, urls[i]) && strncmp(e.msg, "mcp: ", 5) == 0);
	}
}

TAP_MAIN(TEST(a_line_is_posted_and_its_answer_is_a_line), TEST(several_are_under_way_and_more_wait),
	 TEST(an_exchange_that_breaks_is_answered_with_an_error), TEST(a_url_that_is_none_is_named))
