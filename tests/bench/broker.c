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
 * bench-broker PROGRAMS ROUNDS: until the first byte of an answer, straight to a
 * server on loopback, to the same server through sickbay-broker, and through
 * sickbay-front, a gate that allows everything and sickbay-broker, in turns; then
 * STREAMS at once.  Prints; asserts nothing.
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

/* ---- through the front: tests/front/relay.c ---- */

struct relay {
	pid_t pid;
	int life; /* it ends when this is closed */
	uint16_t port;
	char key[32];
};

static int make_key(struct relay *r, struct err *e)
{
	AUTO_CLOSE int fd = -1;

	(void)snprintf(r->key, sizeof(r->key), "/tmp/bench-broker.XXXXXX");
	fd = mkostemp(r->key, O_CLOEXEC); /* mode 0600 */
	return fd < 0 ? err_sys(e, "make a key file") : fd_write_all(fd, "key\n", 4, r->key, e);
}

static int start_relay(const char *programs, uint16_t server, struct relay *r, struct err *e)
{
	char path[512], url[64], protocol[] = "anthropic-messages", name[] = "front-relay";
	char *const argv[] = { name, protocol, url, r->key, NULL };
	int in[2], out[2];
	char said[64] = "";

	(void)snprintf(path, sizeof(path), "%s/front-relay", programs);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u", server);
	if (make_key(r, e) < 0)
		return -e->code;
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	r->pid = fork();
	if (r->pid == 0) {
		(void)dup2(in[0], 0);
		(void)dup2(out[1], 1);
		(void)execv(path, argv);
		_exit(127);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	r->life = in[1];
	if (read(out[0], said, sizeof(said) - 1) <= 0 || strncmp(said, "listening ", 10) != 0)
		return err_set(e, EPROTO, "'%s' does not listen", path);
	r->port = (uint16_t)strtoul(said + 10, NULL, 10);
	/* what it says of each request fits into the pipe for as long as this runs, or is lost */
	return fcntl(out[0], F_SETPIPE_SZ, 1 << 20) < 0 ? err_sys(e, "widen a pipe") : 0;
}

static void stop_relay(struct relay *r)
{
	if (r->pid > 0) {
		(void)close(r->life);
		(void)waitpid(r->pid, NULL, 0);
	}
	if (r->key[0])
		(void)unlink(r->key);
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

struct rounds {
	uint64_t straight[ROUNDS_MAX], broker[ROUNDS_MAX], front[ROUNDS_MAX];
};

static void say(const char *name, uint64_t *v, unsigned n, uint64_t base)
{
	const uint64_t p50 = percentile(v, n, 50);

	(void)printf("%-38s p50 %6.3f ms  p90 %6.3f ms", name, (double)p50 / 1e6,
		     (double)percentile(v, n, 90) / 1e6);
	if (base)
		(void)printf("  %+7.3f ms", ((double)p50 - (double)base) / 1e6);
	(void)puts("");
}

/* One round of each; the connection of a request through the front is a new one. */
static int round_of(struct broker *b, int sock, uint16_t front, uint64_t id, uint64_t ns[3],
		    struct err *e)
{
	AUTO_CLOSE int inside = connect_to(front);
	uint64_t begin;

	if (ask_straight(sock, &ns[0], e) < 0)
		return -e->code;
	begin = clock_mono_ns();
	if (call(b, id, "fast", e) < 0 || read_calls(b, 1, &ns[1], e) < 0)
		return -e->code;
	ns[1] -= begin;
	return ask_straight(inside, &ns[2], e) < 0 ? err_wrap(e, "through the front") : 0;
}

static int first_bytes(struct broker *b, uint16_t port, uint16_t front, unsigned n, struct err *e)
{
	static struct rounds r;
	AUTO_CLOSE int sock = connect_to(port);
	uint64_t base, ns[3];

	for (unsigned i = 0; i < n + 10; i++) { /* the first ones make connections */
		if (round_of(b, sock, front, i + 1, ns, e) < 0)
			return -e->code;
		if (i < 10)
			continue;
		r.straight[i - 10] = ns[0];
		r.broker[i - 10] = ns[1];
		r.front[i - 10] = ns[2];
	}
	base = percentile(r.straight, n, 50);
	(void)puts("first byte of a model's answer");
	say("  straight to a server on loopback", r.straight, n, 0);
	say("  through sickbay-broker", r.broker, n, base);
	say("  through sickbay-front, too", r.front, n, base);
	return 0;
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

static int run(uint16_t port, uint16_t front, unsigned rounds, struct err *e)
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
		r = first_bytes(b, port, front, rounds, e);
	if (r == 0)
		r = streams(b, e);
	broker_close(b);
	return r;
}

int main(int argc, char **argv)
{
	const unsigned long rounds = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	struct relay relay = { .pid = -1, .life = -1 };
	struct err e = ERR_INIT;
	uint16_t port = 0;
	pid_t server;
	int r;

	if (rounds < 1 || rounds > ROUNDS_MAX)
		return 2;
	(void)signal(SIGPIPE, SIG_IGN);
	server = start_server(&port);
	r = server > 0 ? start_relay(argv[1], port, &relay, &e) : err_sys(&e, "start a server");
	if (r == 0)
		r = run(port, relay.port, (unsigned)rounds, &e);
	stop_relay(&relay);
	if (server > 0) {
		(void)kill(server, SIGKILL);
		(void)waitpid(server, NULL, 0);
	}
	if (r < 0)
		(void)fprintf(stderr, "bench-broker: %s\n", e.msg);
	return r < 0;
}
