/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/queue/intake.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/host/queue/intake_impl.h"
#include "agent/host/queue/spool.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/msg.h"
#include "runtime/base/secret_file.h"
#include "runtime/base/sha256.h"
#include "runtime/base/spawn.h"
#include "runtime/proto/broker.h"
#include "runtime/proto/broker_forge.h"
#include "runtime/proto/intake.h"

#define READY_MS 20000
#define BACKLOG	 4096 /* connections that wait to be accepted */

/* ---- sockets ---- */

/* What is left of a run that was killed is nobody's; one that is served is another's. */
static int clear_socket(const struct sockaddr_un *at, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	struct stat st;

	if (lstat(at->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return 0;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(e, "make a socket");
	if (connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0 || errno == EAGAIN)
		return err_set(e, EADDRINUSE, "listen at '%s': another program serves it",
			       at->sun_path);
	return unlink(at->sun_path) < 0 ? err_sys(e, "remove '%s'", at->sun_path) : 0;
}

static int unix_socket(const char *path, struct err *e)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (strlen(path) >= sizeof(at.sun_path))
		return err_set(e, ENAMETOOLONG, "'%s': a socket's path has at most %zu bytes", path,
			       sizeof(at.sun_path) - 1);
	memcpy(at.sun_path, path, strlen(path));
	if (clear_socket(&at, e) < 0)
		return -e->code;
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, BACKLOG) < 0)
		return err_sys(e, "listen at '%s'", path);
	if (chmod(path, 0666) < 0) /* who may send is the token's matter */
		return err_sys(e, "mode of '%s'", path);
	return take_fd(&fd);
}

static int tcp_socket(const char *where, char **address, struct err *e)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const char *colon = strrchr(where, ':');
	char host[INET_ADDRSTRLEN] = "";
	const int on = 1;
	char *end = NULL;
	unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;

	if (!colon || !colon[1] || *end || port > 65535 ||
	    (size_t)(colon - where) >= sizeof(host) ||
	    (memcpy(host, where, (size_t)(colon - where)),
	     inet_pton(AF_INET, host, &at.sin_addr) != 1))
		return err_set(e, EINVAL, "/intake/listen: '%s' is neither ADDRESS:PORT nor a path",
			       where);
	at.sin_port = htons((uint16_t)port);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, BACKLOG) < 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) < 0)
		return err_sys(e, "listen at '%s'", where);
	if (asprintf(address, "%s:%u", host, ntohs(at.sin_port)) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return take_fd(&fd);
}

static int send_socket(struct intake *i, const char *where, struct err *e)
{
	AUTO_JSON json_t *none = json_object();
	AUTO_CLOSE int fd = -1;

	if (i->n_address == sizeof(i->address) / sizeof(i->address[0]))
		return err_set(e, E2BIG, "/intake/listen: more than %zu places",
			       sizeof(i->address) / sizeof(i->address[0]));
	if (where[0] == '/') {
		fd = unix_socket(where, e);
		if (fd >= 0)
			i->address[i->n_address] = strdup(where);
	} else {
		fd = tcp_socket(where, &i->address[i->n_address], e);
	}
	if (fd < 0)
		return fd;
	if (!none || !i->address[i->n_address])
		return err_set(e, ENOMEM, "out of memory");
	i->n_address++;
	return msg_send(i->sock, INTAKE_LISTEN, none, NULL, 0, fd, e);
}

/* ---- webhooks of forges ---- */

static int send_hook(struct intake *i, const struct forge_place *f, size_t place, struct err *e)
{
	AUTO_FREE char *file = NULL;
	AUTO_JSON json_t *body = NULL;
	AUTO_CLOSE int fd = -1;

	if (broker_credential(f->webhook_secret, &file, e) < 0)
		return err_wrap(e, "/forges/%zu/webhook_secret", place);
	fd = secret_file_open(file, e);
	if (fd < 0)
		return err_wrap(e, "/forges/%zu/webhook_secret", place);
	body = json_pack("{s:s,s:s,s:s,s:I}", "name", f->name, "kind", forge_kind_words[f->kind],
			 "file", file, "place", (json_int_t)place);
	return body ? msg_send(i->sock, INTAKE_HOOK, body, NULL, 0, fd, e)
		    : err_set(e, ENOMEM, "out of memory");
}

/* The secrets are opened here and read by sickbay-intake alone. */
static int send_hooks(struct intake *i, struct err *e)
{
	const struct forge_place *f = i->q->config->forges.v;

	for (size_t k = 0; k < i->q->config->forges.n; k++)
		if (f[k].webhook_secret && send_hook(i, &f[k], k, e) < 0)
			return -e->code;
	return 0;
}

/* ---- the program ---- */

static int start(struct intake *i, struct err *e)
{
	char path[PATH_MAX];
	char arg0[] = "sickbay-intake";
	char *argv[] = { arg0, NULL };
	const struct timeval most = { .tv_sec = 30 }; /* it reads whatever else it does */
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "make a socket pair");
	(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most));
	{
		const int fds[][2] = { { pair[1], INTAKE_FD } };
		const struct spawn s = { .path = path, .argv = argv, .fds = fds, .n_fds = 1 };

		i->sock = pair[0];
		r = spawn_sibling("sickbay-intake", path, sizeof(path), e);
		if (r == 0)
			r = spawn_start(&s, &i->pid, e);
	}
	(void)close(pair[1]);
	return r;
}

static json_t *setup_of(const struct host_config *c)
{
	const struct intake_from *from = c->intake.sources.v;
	json_t *list = json_array();

	for (size_t k = 0; list && k < c->intake.sources.n; k++)
		(void)json_array_append_new(
			list, json_pack("{s:s,s:s,s:I,s:I}", "name", from[k].name, "token_sha256",
					from[k].token_sha256, "rate", (json_int_t)from[k].rate,
					"burst", (json_int_t)from[k].burst));
	return json_pack(
		"{s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "sources", list, "max_body",
		(json_int_t)c->intake.max_report, "max_memory", (json_int_t)c->intake.max_memory,
		"max_backlog", (json_int_t)c->intake.max_backlog, "segment",
		(json_int_t)INTAKE_SEGMENT_BYTES, "connections", (json_int_t)c->intake.connections,
		"timeout_ms", (json_int_t)c->intake.timeout_ms, "rate", (json_int_t)c->intake.rate,
		"burst", (json_int_t)c->intake.burst, "request_ms",
		(json_int_t)c->intake.request_ms, "per_address", (json_int_t)c->intake.per_address);
}

static int await_ready(struct intake *i, struct err *e)
{
	AUTO_MSG struct msg m = MSG_INIT;
	const int r = msg_recv(i->sock, READY_MS, &m, e);

	if (r == 1 && m.type == INTAKE_READY)
		return 0;
	return r < 0 ? r : err_set(e, EPROTO, "sickbay-intake did not start: see its own message");
}

static int introduce(struct intake *i, const struct strlist *listen, struct err *e)
{
	AUTO_JSON json_t *setup = setup_of(i->q->config);
	AUTO_JSON json_t *none = json_object();
	int r;

	if (!setup || !none)
		return err_set(e, ENOMEM, "out of memory");
	r = msg_send(i->sock, INTAKE_SETUP, setup, NULL, 0, -1, e);
	if (r == 0)
		r = send_hooks(i, e);
	for (size_t k = 0; r == 0 && k < listen->n; k++)
		r = send_socket(i, listen->v[k], e);
	if (r == 0)
		r = msg_send(i->sock, INTAKE_START, none, NULL, 0, -1, e);
	if (r == 0)
		r = await_ready(i, e);
	/* one to write to, and one for when that is full */
	i->wanted = 2;
	return r == 0 ? journal_extend(i, e) : r;
}

int intake_open(const struct queue *q, const struct strlist *listen, struct intake **out,
		struct err *e)
{
	struct intake *const i = calloc(1, sizeof(*i));
	int r;

	if (!i)
		return err_set(e, ENOMEM, "out of memory");
	i->q = q;
	i->sock = -1;
	listen = listen ? listen : &q->config->intake.listen;
	i->dir = spool_dir(q->state, INTAKE_DIR, e);
	r = i->dir < 0 ? i->dir : journal_open(i, e);
	if (r == 0)
		r = start(i, e);
	if (r == 0)
		r = introduce(i, listen, e);
	if (r < 0) {
		intake_close(i);
		return r;
	}
	*out = i;
	return 0;
}

const char *intake_address(const struct intake *i, size_t n)
{
	return n < i->n_address ? i->address[n] : NULL;
}

int intake_fd(const struct intake *i)
{
	return i->sock;
}

static int hear_durable(struct intake *i, const json_t *body, struct err *e)
{
	struct intake_durable d = { 0 };

	if (jmap_read(intake_durable_map, body, &d, "", e) < 0)
		return -e->code;
	journal_durable(i, d.segment, d.bytes);
	i->counts.accepted = d.reports;
	i->counts.refused_rate = d.refused_rate;
	i->counts.refused_backlog = d.refused_backlog;
	i->counts.refused_token = d.refused_token;
	i->counts.refused_other = d.refused_other;
	i->counts.slow = d.slow;
	i->counts.crowded = d.crowded;
	i->counts.other_events = d.ignored;
	return 0;
}

int intake_hear(struct intake *i, struct err *e)
{
	AUTO_MSG struct msg m = MSG_INIT;
	struct intake_segment full = { 0 };
	const int r = msg_recv(i->sock, 5000, &m, e);

	if (r <= 0)
		return r < 0 ? r : err_set(e, EPIPE, "sickbay-intake ended");
	switch (m.type) {
	case INTAKE_DURABLE:
		return hear_durable(i, m.body, e);
	case INTAKE_FULL:
		if (jmap_read(intake_segment_map, m.body, &full, "", e) < 0)
			return -e->code;
		return journal_full(i, full.number, full.bytes, e) < 0 ? -e->code
								       : journal_extend(i, e);
	case INTAKE_FAILED:
		log_warn("reports are refused: %s",
			 json_string_value(json_object_get(m.body, "message")));
		return 0;
	default:
		return err_set(e, EPROTO, "sickbay-intake said something that is not known");
	}
}

void intake_counts(const struct intake *i, struct intake_counts *out)
{
	*out = i->counts;
}

void intake_close(struct intake *i)
{
	struct err ignored = ERR_INIT;
	int status;

	if (!i)
		return;
	cleanup_close(&i->sock); /* which is how it learns */
	if (i->pid > 0)
		(void)spawn_wait(i->pid, &status, &ignored);
	journal_close(i);
	cleanup_close(&i->dir);
	for (size_t k = 0; k < i->n_address; k++) {
		if (i->address[k][0] == '/')
			(void)unlink(i->address[k]);
		free(i->address[k]);
	}
	free(i);
}

/* Letters and digits only: a DSN's key and a command line take nothing else as it is. */
void intake_token(char token[44], char digest[65])
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	const size_t n = sizeof(letters) - 1;
	uint8_t random, hash[SHA256_LEN];

	for (size_t k = 0; k < 43;) {
		if (getrandom(&random, 1, 0) != 1)
			abort();
		if (random < 4 * n) /* so that each is as likely */
			token[k++] = letters[random % n];
	}
	token[43] = '\0';
	sha256_of(token, 43, hash);
	sha256_hex(hash, digest);
}
