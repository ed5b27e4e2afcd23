/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"
#include "runtime/base/msg.h"
#include "runtime/proto/front.h"
#include "runtime/proto/gate.h"
#include "runtime/proto/model.h"
#include "tests/tap.h"

/*
 * The program itself over a loopback socket, and a double of the gate at the
 * other end of its socketpair: the test says what the client sends, looks at
 * what the gate is asked, answers, and looks at what the client hears.
 */
#define RIG_MS 20000 /* what does not come by then is a failure */

struct rig {
	struct front front;
	int sock; /* listening */
	uint16_t port;
};

static json_t *rig_task(const char *role, int protocol)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:{s:s},s:s,s:i,s:i,s:[s,s,s],s:s,s:{s:[s]}}", "role",
			 role, "language", "javascript", "framework", "tape", "repo", "/srv/app",
			 "incident", "schema", "sickbay.incident/1", "history", "abc123 parse: fix",
			 "evaluations", 20, "parallel", 2, "models", "loop/small", "loop/large",
			 "else/other", "protocol", model_protocol_words[protocol], "scope", "write",
			 "lib/**");
}

static void rig_open_with(struct rig *r, json_t *task, const struct front_setup *setup)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	AUTO_MSG struct msg m = MSG_INIT;
	struct err e = ERR_INIT;

	r->sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(r->sock >= 0 && bind(r->sock, (void *)&in, len) == 0 && listen(r->sock, 256) == 0 &&
	      getsockname(r->sock, (void *)&in, &len) == 0);
	r->port = ntohs(in.sin_port);
	if (front_start(setup, &r->sock, 1, &r->front, &e) < 0) {
		printf("Bail out! %s\n", e.msg);
		exit(1);
	}
	CHECK_INT(msg_recv(r->front.gate, RIG_MS, &m, &e), 1);
	CHECK_INT(m.type, GATE_HELLO);
	CHECK_INT(msg_send(r->front.gate, GATE_TASK, task, NULL, 0, -1, &e), 0);
	json_decref(task);
}

static inline void rig_open(struct rig *r, const char *role, int protocol)
{
	const struct front_setup setup = { .name = (char[]){ "agent" } };

	rig_open_with(r, rig_task(role, protocol), &setup);
}

/* It must be running still, and ends with its gate. */
static void rig_close(struct rig *r)
{
	int status = -1;

	CHECK_INT(kill(r->front.pid, 0), 0);
	CHECK_INT(waitpid(r->front.pid, &status, WNOHANG), 0);
	front_stop(&r->front, NULL);
	(void)close(r->sock);
}

/* ---- clients ---- */

static int rig_connect(const struct rig *r)
{
	const struct sockaddr_in in = { .sin_family = AF_INET,
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
					.sin_port = htons(r->port) };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0 && connect(fd, (const void *)&in, sizeof(in)) == 0);
	return fd;
}

static void rig_say(int fd, const void *data, size_t n)
{
	while (n) {
		const ssize_t k = send(fd, data, n, MSG_NOSIGNAL);

		if (k <= 0)
			return; /* refused before its end: the answer tells */
		data = (const char *)data + k;
		n -= (size_t)k;
	}
}

static inline void rig_text(int fd, const char *text)
{
	rig_say(fd, text, strlen(text));
}

static void rig_post(int fd, const char *path, const char *fields, const char *body)
{
	AUTO_BUF struct buf b = BUF_INIT(64u << 20);

	buf_printf(&b,
		   "POST %s HTTP/1.1\r\nHost: 127.0.0.1:80\r\nContent-Type: application/json\r\n"
		   "x-api-key: placeholder\r\n%sContent-Length: %zu\r\n\r\n",
		   path, fields, strlen(body));
	buf_puts(&b, body);
	rig_say(fd, b.p, b.n);
}

struct heard {
	int status;	/* 0: none */
	struct buf all; /* as it came */
	size_t head;	/* length of its head */
	bool closed;
};

static void heard_release(struct heard *h)
{
	buf_release(&h->all);
}
#define AUTO_HEARD __attribute__((cleanup(heard_release)))

/* Whether a whole answer is there: its end is counted, or marked, or the connection's. */
static bool heard_whole(struct heard *h)
{
	const char *end = h->all.n ? strstr(h->all.p, "\r\n\r\n") : NULL;
	const char *length;

	if (!end)
		return false;
	h->head = (size_t)(end - h->all.p) + 4;
	(void)sscanf(h->all.p, "HTTP/1.1 %d", &h->status);
	if (h->status == 100)
		return true;
	length = strstr(h->all.p, "Content-Length: ");
	if (length && length < end)
		return h->all.n >= h->head + strtoul(length + 16, NULL, 10);
	return h->all.n >= 5 && strcmp(h->all.p + h->all.n - 5, "0\r\n\r\n") == 0;
}

static int rig_hear(int fd, struct heard *h)
{
	buf_release(&h->all);
	h->all.max = 64u << 20;
	h->status = 0;
	h->closed = false;
	while (!heard_whole(h)) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		char piece[65536];
		ssize_t n;

		if (poll(&p, 1, RIG_MS) <= 0)
			break;
		n = recv(fd, piece, sizeof(piece), 0);
		if (n <= 0) {
			h->closed = true;
			break;
		}
		buf_put(&h->all, piece, (size_t)n);
	}
	return h->status;
}

static json_t *heard_json(const struct heard *h)
{
	return h->all.n > h->head ? json_loads(h->all.p + h->head, 0, NULL) : NULL;
}

/* The named reason of a refusal, "" if there is none; static. */
static inline const char *heard_reason(const struct heard *h)
{
	static char reason[64];
	AUTO_JSON json_t *body = heard_json(h);
	const char *s =
		json_string_value(json_object_get(json_object_get(body, "error"), "reason"));

	(void)snprintf(reason, sizeof(reason), "%s", s ? s : "");
	return reason;
}

static bool heard_has(const struct heard *h, const char *text)
{
	return h->all.n && strstr(h->all.p, text);
}

/* ---- the gate's side ---- */

/* The next message that is no note; its type, 0: none came. */
static uint16_t rig_gate(const struct rig *r, struct msg *m)
{
	struct err e = ERR_INIT;

	do
		if (msg_recv(r->front.gate, RIG_MS, m, &e) != 1)
			return 0;
	while (m->type == GATE_NOTE);
	return m->type;
}

static json_int_t rig_id(const struct msg *m)
{
	return json_integer_value(json_object_get(m->body, "id"));
}

static void rig_answer(const struct rig *r, uint16_t type, json_t *body)
{
	struct err e = ERR_INIT;

	CHECK(body != NULL);
	CHECK_INT(msg_send(r->front.gate, type, body, NULL, 0, -1, &e), 0);
	json_decref(body);
}
