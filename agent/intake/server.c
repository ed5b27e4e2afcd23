/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/intake/server_impl.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/msg.h"

/*
 * Theory of operation.  One turn: wait for clients, new connections or the
 * parent; let the library read and call on_request(); write and sync what was
 * gathered; wake those that waited, which the library then answers in the same
 * turn.  Memory is bounded by connections x the library's buffer, and by
 * max_memory for the bodies.  Every refusal has a status and a reason; what can
 * be tried again (429, 503) says when.
 */
#define TELL_MS	      1000  /* between two words of what was refused */
#define HEADER_MEMORY 16384 /* of one connection: request line, headers, answer */

static void gather(struct server *s, struct request *q)
{
	struct intake_record r = { .received_ns = clock_real_ns(),
				   .length = (uint32_t)q->body.n,
				   .source = (uint16_t)q->source,
				   .kind = (uint8_t)q->kind,
				   .encoding = (uint8_t)q->encoding,
				   .protobuf = q->protobuf };
	struct err e = ERR_INIT;

	if (q->body.n == 0) {
		s->counts.refused_other++;
		request_refuse(q, MHD_HTTP_BAD_REQUEST, "it has no body", 0);
		return;
	}
	if (q->hook >= 0)
		request_hook(s, q);
	if (q->status)
		return;
	if (journal_add(&s->journal, &r, q->body.p, &e) < 0) {
		s->counts.refused_backlog++;
		request_refuse(q, MHD_HTTP_TOO_MANY_REQUESTS,
			       "too many reports are being received: try again later", 1);
		return;
	}
	q->waits = true;
	q->next = s->waiting;
	s->waiting = q;
	client_waits(q->client);
	MHD_suspend_connection(q->connection);
}

static struct request *new_request(struct server *s, struct MHD_Connection *c)
{
	struct request *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->connection = c;
	q->client = client_of(c);
	q->hook = -1;
	q->body.max = s->s.setup.max_body;
	return q;
}

/* Eight parameters: the library's callback. */
/* NOLINTNEXTLINE(readability-function-size) */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *n, void **con)
{
	struct server *const s = ctx;
	struct request *q = *con;

	(void)version;
	if (!q) {
		q = client_of(c) ? new_request(s, c) : NULL;
		if (!q)
			return MHD_NO;
		*con = q;
		if (strcmp(url, "/healthz") == 0)
			q->status = MHD_HTTP_OK;
		else
			request_head(s, q, url, method);
		/* what is too large is not read to its end */
		return q->status == MHD_HTTP_CONTENT_TOO_LARGE ? request_answer(q) : MHD_YES;
	}
	if (*n) {
		request_body(s, q, data, *n);
		*n = 0;
		return MHD_YES;
	}
	if (!q->status && !q->waits)
		gather(s, q);
	if (q->status && !q->answered)
		return request_answer(q);
	return MHD_YES;
}

static void on_completed(void *ctx, struct MHD_Connection *c, void **con,
			 enum MHD_RequestTerminationCode why)
{
	struct server *const s = ctx;
	struct request *const q = *con;

	(void)c;
	(void)why;
	if (!q)
		return;
	client_served(q->client, now_ms());
	request_drop(s, q);
	free(q);
	*con = NULL;
}

/* ---- the loop ---- */

static bool parent_has_room(const struct server *s)
{
	struct pollfd p = { .fd = s->s.sock, .events = POLLOUT };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT);
}

static void tell(struct server *s, uint16_t type, json_t *body)
{
	AUTO_JSON json_t *own = body;
	struct err e = ERR_INIT;

	if (!own || msg_send(s->s.sock, type, own, NULL, 0, -1, &e) < 0)
		s->stop = true; /* nobody digests what would come */
}

static uint64_t refusals(const struct server *s)
{
	const struct intake_durable *const c = &s->counts;

	return c->refused_rate + c->refused_backlog + c->refused_token + c->refused_other +
	       c->ignored + s->clients.slow + s->clients.crowded;
}

/* Sums since the start: where the parent is busy, a later one tells it all. */
static void tell_durable(struct server *s)
{
	s->counts.segment = s->journal.now.number;
	s->counts.bytes = s->journal.now.bytes;
	s->counts.slow = s->clients.slow;
	s->counts.crowded = s->clients.crowded;
	s->untold = !parent_has_room(s);
	if (s->untold)
		return;
	s->told = refusals(s);
	s->told_ms = now_ms();
	tell(s, INTAKE_DURABLE, jmap_write(intake_durable_map, &s->counts));
}

/* Everything that waits is on disk, or nothing of it. */
static void settle(struct server *s)
{
	struct request *q = s->waiting;
	const size_t bytes = s->journal.gathered.n;
	struct intake_segment closed;
	struct err e = ERR_INIT;
	int r;

	if (!q)
		return;
	r = journal_sync(&s->journal, &closed, &e);
	s->waiting = NULL;
	while (q) {
		struct request *const next = q->next;

		if (r == 0) {
			q->status = MHD_HTTP_OK;
			s->counts.reports++;
		} else {
			request_refuse(q, MHD_HTTP_SERVICE_UNAVAILABLE,
				       "reports cannot be kept just now", RETRY_BACKLOG);
		}
		client_goes_on(q->client, now_ms());
		MHD_resume_connection(q->connection);
		q = next;
	}
	if (closed.number)
		tell(s, INTAKE_FULL, jmap_write(intake_segment_map, &closed));
	if (r < 0) {
		/* one a turn, perhaps for long: clients do not wait for who reads them */
		if (parent_has_room(s))
			tell(s, INTAKE_FAILED, json_pack("{s:s}", "message", e.msg));
		return;
	}
	s->written += bytes;
	tell_durable(s);
}

static int hear_parent(struct server *s, struct err *e)
{
	AUTO_MSG struct msg m = MSG_INIT;
	struct intake_segment seg = { 0 };
	struct intake_backlog log = { 0 };
	int r = msg_recv(s->s.sock, 5000, &m, e);

	if (r <= 0) {
		s->stop = true;
		return r;
	}
	if (m.type == INTAKE_BACKLOG) {
		r = jmap_read(intake_backlog_map, m.body, &log, "", e);
		s->backlog = log.bytes;
		s->written = 0;
	} else if (m.type == INTAKE_SEGMENT && m.fd >= 0) {
		r = jmap_read(intake_segment_map, m.body, &seg, "", e);
		if (r == 0)
			r = journal_segment(&s->journal, seg.number, take_fd(&m.fd), e);
	} else {
		r = err_set(e, EPROTO, "a message of unknown type %u", m.type);
	}
	return r;
}

static int timeout_of(struct server *s)
{
	const unsigned most = s->clients.n || refusals(s) != s->told ? 1000 : 60000;
	unsigned MHD_LONG_LONG ms;

	if (MHD_get_timeout(s->daemon, &ms) != MHD_YES)
		ms = most;
	return ms > most ? (int)most : (int)ms;
}

static int turn(struct server *s, struct err *e)
{
	struct pollfd p[2 + 8];
	const nfds_t k = (nfds_t)(2 + s->s.n_listen);
	int r = 0;

	p[0] = (struct pollfd){ .fd = s->s.sock, .events = POLLIN | (s->untold ? POLLOUT : 0) };
	p[1] = (struct pollfd){ .fd = s->poll_fd, .events = POLLIN };
	for (size_t i = 0; i < s->s.n_listen; i++)
		p[2 + i] = (struct pollfd){ .fd = s->s.listen[i], .events = POLLIN };
	if (poll(p, k, timeout_of(s)) < 0 && errno != EINTR)
		return err_sys(e, "wait for reports");
	if (p[0].revents & ~POLLOUT)
		r = hear_parent(s, e);
	if (s->untold)
		tell_durable(s);
	for (size_t i = 0; i < s->s.n_listen; i++)
		if (p[2 + i].revents)
			clients_accept(&s->clients, s->s.listen[i], s->daemon, now_ms());
	clients_sweep(&s->clients, now_ms());
	(void)MHD_run(s->daemon);
	if (s->waiting) {
		settle(s);
		(void)MHD_run(s->daemon); /* the answers */
	}
	/* where all are refused, too, but not each by itself */
	if (!s->untold && refusals(s) != s->told && now_ms() - s->told_ms >= TELL_MS)
		tell_durable(s);
	return r;
}

int server_run(struct server *s, struct err *e)
{
	int r = 0;

	while (r == 0 && !s->stop)
		r = turn(s, e);
	return r;
}

int server_open(struct server_setup *set, struct server **out, struct err *e)
{
	struct server *const s = calloc(1, sizeof(*s));
	const union MHD_DaemonInfo *info;

	if (!s)
		return err_set(e, ENOMEM, "out of memory");
	s->s = *set;
	journal_init(&s->journal, set->setup.segment, 32u << 20);
	s->clients = (struct clients){ .most = set->setup.connections,
				       .per_address = set->setup.per_address,
				       .request_ms = set->setup.request_ms,
				       .silence_ms = set->setup.timeout_ms };
	s->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL,
		on_request, s, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
		MHD_OPTION_NOTIFY_CONNECTION, clients_notify, &s->clients,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)set->setup.connections + CLIENTS_SPARE,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)((set->setup.timeout_ms + 999) / 1000),
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_MEMORY,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	info = s->daemon ? MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!info) {
		server_close(s);
		return err_set(e, ENOMEM, "the HTTP library does not start");
	}
	s->poll_fd = info->epoll_fd;
	*out = s;
	return 0;
}

void server_close(struct server *s)
{
	if (!s)
		return;
	while (s->waiting) {
		struct request *const q = s->waiting;

		s->waiting = q->next;
		request_refuse(q, MHD_HTTP_SERVICE_UNAVAILABLE, "it ends", 1);
		MHD_resume_connection(q->connection);
	}
	if (s->daemon)
		MHD_stop_daemon(s->daemon);
	for (size_t i = 0; i < s->s.n_listen; i++)
		(void)close(s->s.listen[i]);
	for (size_t i = 0; i < s->s.n_hooks; i++)
		hook_close(s->s.hooks[i]);
	jmap_release(intake_setup_map, &s->s.setup);
	journal_release(&s->journal);
	free(s);
}
