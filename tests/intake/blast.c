/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/*
 * blast PORT TOKEN CONNECTIONS REPORTS [RATE]: sends Sentry events over so many
 * kept-open connections, each waiting for its answer before the next, at most
 * RATE a second in all; prints {"acked","refused","lost","seconds","p50_ms",
 * "p99_ms"}.  "lost" are those without an answer: the server went away.
 */
#define CONNECTIONS_MAX 1024

struct client {
	int fd;
	uint64_t sent_ns; /* 0: idle */
	char answer[1024];
	size_t n;
};

static uint64_t now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return ((uint64_t)t.tv_sec * 1000000000) + (uint64_t)t.tv_nsec;
}

static int dial(unsigned port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
		perror("connect");
		exit(1);
	}
	return fd;
}

static size_t request(char *out, size_t size, const char *token, uint64_t k)
{
	char body[1600];
	const int n = snprintf(
		body, sizeof(body),
		"{\"event_id\":\"%032llx\",\"platform\":\"node\",\"release\":\"r1\",\"exception\":"
		"{\"values\":[{\"type\":\"TypeError\",\"value\":\"no "
		"%llu\",\"stacktrace\":{\"frames\":["
		"{\"filename\":\"/srv/"
		"server.js\",\"function\":\"handler\",\"lineno\":20,\"colno\":3},"
		"{\"filename\":\"/srv/"
		"a.js\",\"function\":\"price%llu\",\"lineno\":7,\"colno\":2}]}}]},"
		"\"extra\":{\"pad\":\"%0900d\"}}",
		(unsigned long long)k, (unsigned long long)k, (unsigned long long)(k % 3), 0);

	return (size_t)snprintf(
		out, size,
		"POST /api/42/store/ HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer "
		"%s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		token, n, body);
}

static int by_size(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

struct sums {
	uint64_t sent, acked, refused, lost;
	uint64_t *took; /* ns, of the acked ones */
};

/* One answer is a head with a length and that many bytes. */
static int answered(struct client *c)
{
	const char *end = strstr(c->answer, "\r\n\r\n");
	const char *length = strstr(c->answer, "Content-Length: ");

	return end && length &&
	       c->n >= (size_t)(end + 4 - c->answer) + strtoul(length + 16, NULL, 10);
}

static void hear(struct client *c, struct sums *s)
{
	const ssize_t got = recv(c->fd, c->answer + c->n, sizeof(c->answer) - 1 - c->n, 0);

	if (got <= 0) {
		s->lost++;
		(void)close(c->fd);
		c->fd = -1;
		return;
	}
	c->n += (size_t)got;
	c->answer[c->n] = '\0';
	if (!answered(c))
		return;
	if (strncmp(c->answer, "HTTP/1.1 200", 12) == 0)
		s->took[s->acked++] = now() - c->sent_ns;
	else
		s->refused++;
	c->sent_ns = 0;
	c->n = 0;
}

static int ask(struct client *c, const char *token, struct sums *s)
{
	char text[4096];
	const size_t n = request(text, sizeof(text), token, s->sent);

	if (send(c->fd, text, n, MSG_NOSIGNAL) != (ssize_t)n) {
		(void)close(c->fd);
		c->fd = -1;
		return -1;
	}
	c->sent_ns = now();
	s->sent++;
	return 0;
}

int main(int argc, char **argv)
{
	static struct client c[CONNECTIONS_MAX];
	static struct pollfd p[CONNECTIONS_MAX];
	const unsigned port = argc > 4 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	const size_t n = argc > 4 ? strtoul(argv[3], NULL, 10) : 0;
	const uint64_t total = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
	const uint64_t rate = argc > 5 ? strtoull(argv[5], NULL, 10) : 0;
	struct sums s = { .took = calloc(total + 1, sizeof(uint64_t)) };
	const uint64_t begin = now();
	size_t open = n;

	if (port == 0 || n == 0 || n > CONNECTIONS_MAX || total == 0 || !s.took) {
		(void)fprintf(stderr, "usage: blast PORT TOKEN CONNECTIONS REPORTS [RATE]\n");
		return 2;
	}
	for (size_t i = 0; i < n; i++)
		c[i].fd = dial(port);
	while (open && s.acked + s.refused + s.lost < total) {
		const uint64_t due = rate ? (now() - begin) * rate / 1000000000 : total;

		open = 0;
		for (size_t i = 0; i < n; i++) {
			if (c[i].fd >= 0 && !c[i].sent_ns && s.sent < total && s.sent <= due)
				(void)ask(&c[i], argv[2], &s);
			p[i] = (struct pollfd){ .fd = c[i].sent_ns ? c[i].fd : -1,
						.events = POLLIN };
			open += c[i].fd >= 0;
		}
		if (poll(p, n, 1) < 0 && errno != EINTR)
			break;
		for (size_t i = 0; i < n; i++)
			if (p[i].revents)
				hear(&c[i], &s);
	}
	const size_t half = s.acked / 2, late = s.acked * 99 / 100;

	qsort(s.took, s.acked, sizeof(uint64_t), by_size);
	(void)printf("{\"acked\":%llu,\"refused\":%llu,\"lost\":%llu,\"seconds\":%.2f,\"p50_ms\":"
		     "%.2f,\"p99_ms\":%.2f}\n",
		     (unsigned long long)s.acked, (unsigned long long)s.refused,
		     (unsigned long long)s.lost, (double)(now() - begin) / 1e9,
		     s.acked ? (double)s.took[half] / 1e6 : 0,
		     s.acked ? (double)s.took[late] / 1e6 : 0);
	for (size_t i = 0; i < n; i++)
		if (c[i].fd >= 0)
			(void)close(c[i].fd);
	free(s.took);
	return 0;
}
