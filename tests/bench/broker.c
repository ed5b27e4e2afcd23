/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/proto/broker.h"

/*
 * bench-broker ROUNDS: until the first byte of an answer, straight to a server
 * on loopback and to the same server through sickbay-broker, in turns, over
 * connections that stay open; then STREAMS at once.  Prints; asserts nothing.
 */
#define STREAMS	   100
#define EVENTS	   50 /* of each stream, EVENT_MS apart */
#define EVENT_MS   20
#define ROUNDS_MAX 10000

#define START                                                                                \
	"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\"," \
	"\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],"        \
	"\"stop_reason\":null,\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\n"      \
	"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"   \
	"\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
#define DELTA                                                                              \
	"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0," \
	"\"delta\":{\"type\":\"text_delta\",\"text\":\"a few words of an answer\"}}\n\n"
#define END                                                                                   \
	"event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"  \
	"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":" \
	"\"end_turn\"},\"usage\":{\"output_tokens\":7}}\n\n"                                  \
	"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
#define HEAD                                                                        \
	"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: " \
	"chunked\r\n\r\n"

/* ---- the server: one process for each connection ---- */

static void chunk(int fd, const char *text)
{
	struct err e = ERR_INIT;
	char piece[1024];
	const int n = snprintf(piece, sizeof(piece), "%zx\r\n%s\r\n", strlen(text), text);

	if (n < 0 || fd_write_all(fd, piece, (size_t)n, "answer", &e) < 0)
		_exit(0);
}

/* 1: a whole request; 0: the connection ended. */
static int read_request(int fd, bool *slow)
{
	char text[65536];
	size_t n = 0;

	for (;;) {
		const ssize_t got = read(fd, text + n, sizeof(text) - 1 - n);
		const char *body, *length;

		if (got <= 0)
			return 0;
		n += (size_t)got;
		text[n] = '\0';
		body = strstr(text, "\r\n\r\n");
		length = strcasestr(text, "content-length:");
		if (!body || !length)
			continue;
		if ((size_t)(text + n - (body + 4)) >= strtoul(length + 15, NULL, 10)) {
			*slow = strstr(body, "slow") != NULL;
			return 1;
		}
	}
}

static _Noreturn void serve_one(int fd)
{
	struct err e = ERR_INIT;
	bool slow = false;

	while (read_request(fd, &slow)) {
		if (fd_write_all(fd, HEAD, strlen(HEAD), "answer", &e) < 0)
			_exit(0);
		chunk(fd, START);
		for (int i = 0; i < (slow ? EVENTS : 1); i++) {
			chunk(fd, DELTA);
			if (slow)
				(void)usleep(EVENT_MS * 1000);
		}
		chunk(fd, END);
		if (fd_write_all(fd, "0\r\n\r\n", 5, "answer", &e) < 0)
			_exit(0);
	}
	_exit(0);
}

static _Noreturn void serve(int sock)
{
	const int one = 1;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGCHLD, SIG_IGN);
	for (;;) {
		const int fd = accept4(sock, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (fork() == 0)
			serve_one(fd);
		(void)close(fd);
	}
}

static pid_t start_server(uint16_t *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	const int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t p;

	if (sock < 0 || bind(sock, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(sock, 256) < 0 || getsockname(sock, (struct sockaddr *)&at, &n) < 0)
		return -1;
	*port = ntohs(at.sin_port);
	p = fork();
	if (p == 0)
		serve(sock);
	(void)close(sock);
	return p;
}

/* ---- straight ---- */

static int connect_to(uint16_t port)
{
	const struct sockaddr_in at = { .sin_family = AF_INET,
					.sin_port = htons(port),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int one = 1, sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return connect(sock, (const struct sockaddr *)&at, sizeof(at)) == 0 ? sock : -1;
}

/* Until the first byte of the body; then reads the rest. */
static int ask_straight(int sock, uint64_t *ns, struct err *e)
{
	static const char body[] =
		"{\"model\":\"fast\",\"max_tokens\":100,\"stream\":true,\"messages\":[{\"role\":"
		"\"user\",\"content\":\"hi\"}]}";
	char text[65536];
	size_t n = 0;
	const uint64_t begin = clock_mono_ns();
	const int len = snprintf(text, sizeof(text),
				 "POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: "
				 "application/json\r\ncontent-length: %zu\r\n\r\n%s",
				 strlen(body), body);

	if (fd_write_all(sock, text, (size_t)len, "request", e) < 0)
		return -e->code;
	*ns = 0;
	for (;;) {
		const ssize_t got = read(sock, text + n, sizeof(text) - 1 - n);
		const char *at;

		if (got <= 0)
			return err_set(e, EPIPE, "the server closed");
		n += (size_t)got;
		text[n] = '\0';
		at = strstr(text, "\r\n\r\n");
		if (at && at[4] && *ns == 0)
			*ns = clock_mono_ns() - begin;
		if (n >= 5 && strcmp(text + n - 5, "0\r\n\r\n") == 0)
			return 0;
	}
}

/* ---- through the broker ---- */

static int call(struct broker *b, uint64_t id, const char *model, struct err *e)
{
	AUTO_JSON json_t *body = json_pack("{s:s,s:i,s:[{s:s,s:s}]}", "model", model, "max_tokens",
					   100, "messages", "role", "user", "content", "hi");
	char endpoint[] = "here", name[16];
	const struct broker_call c = { .id = id,
				       .endpoint = endpoint,
				       .model = name,
				       .protocol = MODEL_ANTHROPIC,
				       .stream = true,
				       .max_output = 100,
				       .body = body };

	(void)snprintf(name, sizeof(name), "%s", model);
	return broker_call(b, &c, e);
}

/* Reads until `ends` calls ended; *first is when the first event came. */
static int read_calls(struct broker *b, unsigned ends, uint64_t *first, struct err *e)
{
	*first = 0;
	while (ends) {
		AUTO_MSG struct msg m = MSG_INIT;
		const int r = broker_recv(b, 30000, &m, e);

		if (r <= 0)
			return r < 0 ? r : err_set(e, EPIPE, "the broker died");
		if (*first == 0)
			*first = clock_mono_ns();
		if (m.type != BROKER_END)
			continue;
		ends--;
		if (strcmp(json_string_value(json_object_get(m.body, "kind")), MODEL_OK) != 0)
			return err_set(e, EIO, "a call ended with: %s",
				       json_string_value(json_object_get(m.body, "message")));
	}
	return 0;
}

static long peak_kib(const struct broker *b)
{
	AUTO_BUF struct buf text = BUF_INIT(65536);
	struct err e = ERR_INIT;
	const char *at;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/status", broker_pid(b));
	at = file_read_at(AT_FDCWD, path, 65536, &text, &e) < 0 ? NULL : strstr(text.p, "VmHWM:");
	return at ? strtol(at + 6, NULL, 10) : -1;
}

static int by_size(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t percentile(uint64_t *v, unsigned n, unsigned percent)
{
	qsort(v, n, sizeof(*v), by_size);
	return v[(uint64_t)n * percent / 100 < n ? (uint64_t)n * percent / 100 : n - 1];
}

static int first_bytes(struct broker *b, uint16_t port, unsigned rounds, struct err *e)
{
	static uint64_t straight[ROUNDS_MAX], through[ROUNDS_MAX];
	AUTO_CLOSE int sock = connect_to(port);
	uint64_t warm;

	for (unsigned i = 0; i < rounds + 10; i++) { /* the first ones make connections */
		uint64_t *s = i < 10 ? &warm : &straight[i - 10];
		uint64_t *t = i < 10 ? &warm : &through[i - 10], begin;

		if (ask_straight(sock, s, e) < 0)
			return -e->code;
		begin = clock_mono_ns();
		if (call(b, i + 1, "fast", e) < 0 || read_calls(b, 1, t, e) < 0)
			return -e->code;
		*t -= begin;
	}
	(void)printf("%-44s p50 %7.3f ms  p90 %7.3f ms\n",
		     "first byte, straight to a server on loopback",
		     (double)percentile(straight, rounds, 50) / 1e6,
		     (double)percentile(straight, rounds, 90) / 1e6);
	(void)printf("%-44s p50 %7.3f ms  p90 %7.3f ms\n", "first byte, through sickbay-broker",
		     (double)percentile(through, rounds, 50) / 1e6,
		     (double)percentile(through, rounds, 90) / 1e6);
	return printf("%-44s     %7.3f ms\n", "the broker's part (of the medians)",
		      ((double)percentile(through, rounds, 50) -
		       (double)percentile(straight, rounds, 50)) /
			      1e6) < 0
		       ? -EIO
		       : 0;
}

static int streams(struct broker *b, struct err *e)
{
	const uint64_t begin = clock_mono_ns();
	uint64_t first;

	for (unsigned i = 0; i < STREAMS; i++)
		if (call(b, 1000000 + i, "slow", e) < 0)
			return -e->code;
	if (read_calls(b, STREAMS, &first, e) < 0)
		return -e->code;
	return printf("%d streams of %d events at once: %.3f s (of which the server waits %.3f s), "
		      "the "
		      "broker's peak memory %.1f MiB\n",
		      STREAMS, EVENTS, (double)(clock_mono_ns() - begin) / 1e9,
		      EVENTS * EVENT_MS / 1e3, (double)peak_kib(b) / 1024) < 0
		       ? -EIO
		       : 0;
}

static int run(uint16_t port, unsigned rounds, struct err *e)
{
	char name[] = "here", url[64];
	struct broker_endpoint at = {
		.name = name, .protocol = MODEL_ANTHROPIC, .url = url, .parallel = STREAMS
	};
	const struct broker_setup s = { .endpoints = { &at, 1 } };
	struct broker *b = NULL;
	int r;

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u", port);
	r = broker_open(&s, &b, e);
	if (r == 0)
		r = first_bytes(b, port, rounds, e);
	if (r == 0)
		r = streams(b, e);
	broker_close(b);
	return r;
}

int main(int argc, char **argv)
{
	const unsigned long rounds = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	struct err e = ERR_INIT;
	uint16_t port = 0;
	pid_t server;
	int r;

	if (rounds < 1 || rounds > ROUNDS_MAX)
		return 2;
	(void)signal(SIGPIPE, SIG_IGN);
	server = start_server(&port);
	r = server > 0 ? run(port, (unsigned)rounds, &e) : err_sys(&e, "start a server");
	if (server > 0) {
		(void)kill(server, SIGKILL);
		(void)waitpid(server, NULL, 0);
	}
	if (r < 0)
		(void)fprintf(stderr, "bench-broker: %s\n", e.msg);
	return r < 0;
}
