/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <sys/socket.h>

#include "runtime/audit/auditlog.h"
#include "runtime/audit/serve.h"
#include "runtime/base/jmap.h"
#include "runtime/base/log.h"
#include "runtime/base/msg.h"
#include "runtime/proto/audit.h"

DEFINE_CLEANUP(struct auditlog, auditlog_close);

/*
 * The resident log: one process holds the log open for all of sickbay's own.
 * In each turn of the loop every peer that has something to say is heard once;
 * what they all append shares one sync, and nobody is answered before it.
 * The peers are root on this host, checked when they connect.
 */
#define PEERS	   256
#define FRAME_MS   5000	 /* a frame that began must end: peers do not trickle */
#define QUIET_MS   1000	 /* after which what is not signed yet is signed */
#define SIGN_AFTER 65536 /* records, however busy it is */

struct turn {
	json_t *answer; /* of an append, sent after the sync; NULL: none is owed */
	bool sync;
};

struct listener {
	struct auditlog *log;
	size_t n;		       /* of both */
	struct pollfd poll[2 + PEERS]; /* the life line, the door, the peers */
	struct turn turn[2 + PEERS];
};

static void drop(struct listener *l, size_t i)
{
	cleanup_close(&l->poll[i].fd);
	json_decref(l->turn[i].answer);
	l->n--;
	l->poll[i] = l->poll[l->n];
	l->turn[i] = l->turn[l->n];
}

static bool is_ours(int sock)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return false;
	return peer.uid == 0 || peer.uid == getuid(); /* the latter where nobody is root */
}

static void admit(struct listener *l)
{
	const int sock = accept4(l->poll[1].fd, NULL, NULL, SOCK_CLOEXEC);

	if (sock < 0)
		return;
	if (l->n == 2 + PEERS || !is_ours(sock)) {
		(void)close(sock);
		return;
	}
	l->poll[l->n] = (struct pollfd){ .fd = sock, .events = POLLIN };
	l->turn[l->n++] = (struct turn){ 0 };
}

/* 1: go on with this peer; 0: it left; <0: it spoke wrongly or cannot be answered. */
static int hear(struct listener *l, size_t i, bool *sync, struct err *e)
{
	AUTO_MSG struct msg m = MSG_INIT;
	struct turn *t = &l->turn[i];
	int r = msg_recv(l->poll[i].fd, FRAME_MS, &m, e);

	if (r <= 0)
		return r;
	if (m.type != AUDIT_MSG_APPEND) {
		r = serve_request(l->log, l->poll[i].fd, &m, e);
		return r < 0 ? r : 1;
	}
	r = serve_append(l->log, &m, false, &t->answer, &t->sync, e);
	if (r < 0)
		return serve_refusal(l->poll[i].fd, e) < 0 ? -EPIPE : 1;
	*sync |= t->sync;
	return 1;
}

/* Everybody's answer is the sync's: who asked for none is told as well. */
static void answer(struct listener *l, bool sync)
{
	struct err why = ERR_INIT;
	uint64_t first;
	const int r = sync ? auditlog_append(l->log, NULL, true, &first, &why) : 0;

	for (size_t i = l->n; i-- > 2;) {
		struct err e = ERR_INIT;
		struct turn *t = &l->turn[i];
		int sent;

		if (!t->answer)
			continue;
		if (r < 0 && t->sync)
			sent = serve_refusal(l->poll[i].fd, &why);
		else
			sent = msg_send(l->poll[i].fd, AUDIT_MSG_DONE, t->answer, NULL, 0, -1, &e);
		json_decref(t->answer);
		*t = (struct turn){ 0 };
		if (sent < 0)
			drop(l, i);
	}
}

static void turn(struct listener *l)
{
	bool sync = false;

	for (size_t i = l->n; i-- > 2;) {
		struct err e = ERR_INIT;
		int r;

		if (!l->poll[i].revents)
			continue;
		r = hear(l, i, &sync, &e);
		if (r < 0 && e.code)
			log_warn("a peer was dropped: %s", e.msg);
		if (r <= 0)
			drop(l, i);
	}
	answer(l, sync);
}

static uint64_t unsigned_records(const struct listener *l)
{
	return l->log->tree.size - l->log->newest.size;
}

static int loop(struct listener *l, struct err *e)
{
	while (!l->poll[0].revents) {
		const uint64_t rest = l->log->failed ? 0 : unsigned_records(l);
		const int n = poll(l->poll, l->n, rest ? QUIET_MS : -1);

		if (n < 0 && errno != EINTR)
			return err_sys(e, "cannot wait for peers");
		if (n > 0)
			turn(l);
		if (n > 0 && l->poll[1].revents)
			admit(l);
		if ((n == 0 || unsigned_records(l) > SIGN_AFTER) && serve_sign(l->log, e) < 0)
			return -e->code;
	}
	return serve_sign(l->log, e);
}

int serve_listen(int door, int life, int dir, int witness, struct err *e)
{
	CLEANUP(cleanup_auditlog_close) struct auditlog *log = NULL;
	struct listener l = { .n = 2 };
	int r = auditlog_open(dir, &log, e);

	if (r < 0)
		return r;
	l.log = log;
	log->witness = witness;
	l.poll[0] = (struct pollfd){ .fd = life, .events = POLLIN };
	l.poll[1] = (struct pollfd){ .fd = door, .events = POLLIN };
	r = loop(&l, e);
	while (l.n > 2)
		drop(&l, l.n - 1);
	return r;
}
