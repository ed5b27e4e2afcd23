/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/testrun/member.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/host/testrun/world.h"
#include "runtime/base/clock.h"
#include "runtime/base/log.h"
#include "runtime/base/msg.h"
#include "runtime/proto/member.h"
#include "runtime/sandbox/hold.h"

#define AGENT_PATH "/opt/sickbay/bin/sickbay-agent"
#define TAIL_MAX   2048
#define TAIL_SHOWN 280
#define READ_MS	   5000	 /* a frame that was begun must be complete by then */
#define GRACE_MS   10000 /* for an answer, beyond the time that the member was given */
#define TMP_SIZE   (UINT64_C(64) << 20)
#define OUTPUT_MAX (UINT64_C(256) << 20)

struct member {
	const struct service_backing *service;
	struct sandbox *sandbox;
	int sock;
	bool ended;
	char tail[TAIL_MAX]; /* its last output */
	size_t n_tail;
};

/* ---- what it said ---- */

static void keep_tail(void *ctx, int fd, const void *data, size_t n)
{
	struct member *m = ctx;
	const char *p = data;

	(void)fd;
	if (n > TAIL_MAX) {
		p += n - TAIL_MAX;
		n = TAIL_MAX;
	}
	if (m->n_tail + n > TAIL_MAX) {
		const size_t drop = m->n_tail + n - TAIL_MAX;

		memmove(m->tail, m->tail + drop, m->n_tail - drop);
		m->n_tail -= drop;
	}
	memcpy(m->tail + m->n_tail, p, n);
	m->n_tail += n;
}

/* The last lines as one, whole from its first. */
static void shown_tail(const struct member *m, char out[TAIL_SHOWN + 1])
{
	size_t from = m->n_tail > TAIL_SHOWN ? m->n_tail - TAIL_SHOWN : 0, n = 0;
	const char *line = from ? memchr(m->tail + from, '\n', m->n_tail - from) : NULL;

	if (line && line + 1 < m->tail + m->n_tail)
		from = (size_t)(line + 1 - m->tail);
	for (size_t i = from; i < m->n_tail; i++) {
		const unsigned char c = (unsigned char)m->tail[i];

		if (c >= ' ' && c < 0x7f)
			out[n++] = (char)c;
		else if (n > 0 && out[n - 1] != ' ')
			out[n++] = ' ';
	}
	while (n > 0 && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
}

/* What it wrote just before its answer may still be in the pipe. */
static int failed(struct member *m, int code, const char *why, struct err *e)
{
	struct err ignored = ERR_INIT;
	char said[TAIL_SHOWN + 1];

	if (!m->ended && sandbox_step(m->sandbox, &ignored) != 0)
		m->ended = true;
	shown_tail(m, said);
	return err_set(e, code, "backing service '%s' %s; its last output: %s", m->service->name,
		       why, *said ? said : "none");
}

static int died(struct member *m, struct err *e)
{
	const struct exit_record *x = sandbox_exit(m->sandbox);
	char why[100];

	m->ended = true;
	(void)snprintf(why, sizeof(why), "ended (%s %d)", exit_kind_name(x->kind), x->code);
	return failed(m, EHOSTDOWN, why, e);
}

/* ---- start ---- */

static int put_replaced(const char *text, const char *address, struct strlist *out)
{
	AUTO_BUF struct buf b = BUF_INIT(64u << 10);
	const char *at;

	for (; (at = strstr(text, "@address")); text = at + strlen("@address")) {
		buf_put(&b, text, (size_t)(at - text));
		buf_puts(&b, address);
	}
	buf_puts(&b, text);
	return b.failed ? -ENOMEM : strlist_add(out, b.p);
}

static int replaced(const struct member *m, const struct strlist *argv, struct strlist *out,
		    struct err *e)
{
	for (size_t i = 0; i < argv->n; i++)
		if (put_replaced(argv->v[i], m->service->address, out) < 0)
			return err_set(e, ENOMEM, "out of memory");
	return 0;
}

static int build_env(const struct member_job *job, struct strlist *env, struct err *e)
{
	const struct service_backing *b = job->service;
	AUTO_FREE char *home = NULL;
	struct strlist own = { 0 };
	int bad = asprintf(&home, "HOME=%s", b->cwd) < 0;

	bad = bad || replica_set_env(env, "PATH=/usr/local/bin:/usr/bin:/bin") < 0 ||
	      replica_set_env(env, "LANG=C.UTF-8") < 0 || replica_set_env(env, home) < 0;
	for (size_t i = 0; !bad && job->image_env && i < job->image_env->n; i++)
		bad = replica_set_env(env, job->image_env->v[i]) < 0;
	for (size_t i = 0; !bad && i < b->env.n; i++) {
		AUTO_FREE char *line = NULL;

		bad = asprintf(&line, "%s=%s", b->env.v[i].key, b->env.v[i].value) < 0 ||
		      put_replaced(line, b->address, &own) < 0 ||
		      replica_set_env(env, own.v[own.n - 1]) < 0;
	}
	strlist_release(&own);
	return bad ? err_set(e, ENOMEM, "out of memory") : 0;
}

static int start_keeper(struct member *m, const struct member_job *job, struct strlist *env,
			struct err *e)
{
	static const char *const argv[] = { AGENT_PATH, "--member", NULL };
	static const struct sandbox_tmpfs tmpfs[] = {
		{ .path = (char *)(uintptr_t) "/tmp", .size = TMP_SIZE },
		{ .path = (char *)(uintptr_t) "/run", .size = TMP_SIZE },
	};
	const struct service_backing *b = job->service;
	const struct sandbox_bind bind = { .fd = job->agent_program, .target = AGENT_PATH };
	struct sandbox_fd fd = { .to = MEMBER_FD };
	struct sandbox_spec spec = { .name = job->name,
				     .state = job->state,
				     .layers = job->layers,
				     .n_layers = job->n_layers,
				     .host_root = job->host_root,
				     .freeze = job->freeze,
				     .binds = &bind,
				     .n_binds = 1,
				     .tmpfs = tmpfs,
				     .n_tmpfs = 2,
				     .uid = (uint32_t)b->user,
				     .gid = (uint32_t)b->user,
				     .hostname = b->name,
				     .cwd = b->cwd,
				     .argv = (char *const *)(uintptr_t)argv,
				     .envp = env->v,
				     .loopback = true,
				     .stdin_fd = -1,
				     .fds = &fd,
				     .n_fds = 1,
				     .on_output = keep_tail,
				     .ctx = m,
				     .beside = job->beside };
	int pair[2], r;

	spec.limits = (struct sandbox_limits){ .memory = b->memory,
					       .disk = b->disk,
					       .pids = (uint32_t)b->pids,
					       .cpu_milli = (uint32_t)b->cpu_milli,
					       .output = OUTPUT_MAX,
					       .wall_ms = job->wall_ms };
	spec.seccomp.preset = SECCOMP_BUILD_NET;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "make a member's socket");
	fd.from = pair[1];
	m->sock = pair[0];
	r = sandbox_start(&spec, &m->sandbox, e);
	(void)close(pair[1]);
	return r;
}

int member_open(const struct member_job *job, struct member **out, struct err *e)
{
	struct member *m = calloc(1, sizeof(*m));
	struct strlist env = { 0 };
	int r;

	if (!m)
		return err_set(e, ENOMEM, "out of memory");
	m->service = job->service;
	m->sock = -1;
	r = build_env(job, &env, e);
	if (r == 0)
		r = start_keeper(m, job, &env, e);
	strlist_release(&env);
	if (r < 0) {
		member_close(m);
		return err_wrap(e, "backing service '%s'", job->service->name);
	}
	*out = m;
	return 0;
}

const struct sandbox *member_sandbox(const struct member *m)
{
	return m->sandbox;
}

const struct service_backing *member_service(const struct member *m)
{
	return m->service;
}

/* ---- questions ---- */

static int ask(struct member *m, uint16_t type, json_t *body, const struct buf *blob, struct err *e)
{
	AUTO_JSON json_t *own = body;
	struct err gone = ERR_INIT;

	if (!own)
		return err_set(e, ENOMEM, "out of memory");
	if (msg_send(m->sock, type, own, blob ? blob->p : NULL, blob ? blob->n : 0, -1, &gone) < 0)
		return failed(m, EHOSTDOWN, "does not listen", e);
	return 0;
}

/* Its keeper closed the socket: the end of the member follows. */
static int went_away(struct member *m, const char *what, struct err *e)
{
	const uint64_t until = clock_mono_ns() / 1000000 + GRACE_MS;
	char why[100];
	uint64_t now;

	while ((now = clock_mono_ns() / 1000000) < until) {
		struct pollfd p = { .fd = sandbox_fd(m->sandbox), .events = POLLIN };

		if (poll(&p, 1, (int)(until - now)) > 0 && member_step(m, e) < 0)
			return -e->code;
	}
	(void)snprintf(why, sizeof(why), "%s: it does not answer any more", what);
	return failed(m, EHOSTDOWN, why, e);
}

static int hear(struct member *m, const char *what, struct err *e)
{
	AUTO_MSG struct msg msg = MSG_INIT;
	struct member_result result = { 0 };
	struct err bad = ERR_INIT;
	char why[500];
	int r = msg_recv(m->sock, READ_MS, &msg, &bad);

	if (r == 0)
		return went_away(m, what, e);
	if (r == 1 && msg.type == MEMBER_RESULT)
		r = jmap_read(member_result_map, msg.body, &result, "", &bad) < 0 ? -1 : 1;
	else
		r = -1;
	if (r == 1 && result.ok) {
		r = 0;
	} else {
		(void)snprintf(why, sizeof(why), "%s: %.300s", what,
			       r == 1 && result.why ? result.why
			       : bad.code	    ? bad.msg
						    : "no reason given");
		r = failed(m, EIO, why, e);
	}
	jmap_release(member_result_map, &result);
	return r;
}

/* Its answer, its end, or the end of patience; its output is read meanwhile. */
static int await(struct member *m, uint64_t patience_ms, const char *what, struct err *e)
{
	const uint64_t begun = clock_mono_ns() / 1000000 - sandbox_held_ms();

	for (;;) {
		const uint64_t until = begun + sandbox_held_ms() + patience_ms;
		struct pollfd p[2] = { { .fd = m->sock, .events = POLLIN },
				       { .fd = sandbox_fd(m->sandbox), .events = POLLIN } };
		const uint64_t now = clock_mono_ns() / 1000000;
		char why[100];

		if (now >= until) {
			(void)snprintf(why, sizeof(why), "%s: no answer", what);
			return failed(m, ETIMEDOUT, why, e);
		}
		if (poll(p, 2, (int)(until - now)) < 0 && errno != EINTR)
			return err_sys(e, "wait for a backing service");
		if (p[0].revents)
			return hear(m, what, e);
		if (p[1].revents && member_step(m, e) < 0)
			return -e->code;
	}
}

static json_t *words(const struct strlist *l)
{
	json_t *a = json_array();

	for (size_t i = 0; a && i < l->n; i++)
		(void)json_array_append_new(a, json_string(l->v[i]));
	return a;
}

int member_run(struct member *m, const struct strlist *argv, const struct buf *input,
	       uint64_t timeout_ms, struct err *e)
{
	struct strlist own = { 0 };
	int r = replaced(m, argv, &own, e);

	if (r == 0)
		r = ask(m, MEMBER_RUN,
			json_pack("{s:o,s:I}", "argv", words(&own), "timeout_ms",
				  (json_int_t)timeout_ms),
			input, e);
	strlist_release(&own);
	return r < 0 ? r : await(m, timeout_ms + GRACE_MS, "could not be filled", e);
}

/* A stub is served by the program that keeps it. */
static int program(const struct member *m, struct strlist *out, struct err *e)
{
	const struct service_backing *b = m->service;
	char port[16];

	if (!b->stub)
		return replaced(m, &b->start, out, e);
	(void)snprintf(port, sizeof(port), "%d", (int)b->port);
	if (strlist_add(out, AGENT_PATH) < 0 || strlist_add(out, "--stub") < 0 ||
	    strlist_add(out, b->address) < 0 || strlist_add(out, port) < 0 ||
	    strlist_add(out, MEMBER_STUB_FILE) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return 0;
}

static json_t *probe(const struct service_backing *b, const struct strlist *argv)
{
	const struct service_ready *q = &b->ready;

	return json_pack("{s:o*,s:s*,s:s*,s:I,s:I,s:I}", "argv", argv->n ? words(argv) : NULL,
			 "path", q->path, "address", q->tcp ? b->address : NULL, "port",
			 (json_int_t)q->tcp, "interval_ms", (json_int_t)q->interval_ms,
			 "timeout_ms", (json_int_t)q->timeout_ms);
}

int member_begin(struct member *m, struct err *e)
{
	struct strlist argv = { 0 }, ready = { 0 };
	int r = program(m, &argv, e);

	if (r == 0)
		r = replaced(m, &m->service->ready.command, &ready, e);
	if (r == 0)
		r = ask(m, MEMBER_START, json_pack("{s:o}", "argv", words(&argv)), NULL, e);
	if (r == 0)
		r = await(m, GRACE_MS, "did not start", e);
	if (r == 0)
		r = ask(m, MEMBER_PROBE, probe(m->service, &ready), NULL, e);
	strlist_release(&argv);
	strlist_release(&ready);
	return r;
}

int member_await(struct member *m, struct err *e)
{
	char what[60];

	(void)snprintf(what, sizeof(what), "is not ready after %llu ms",
		       (unsigned long long)m->service->ready.timeout_ms);
	return await(m, m->service->ready.timeout_ms + GRACE_MS, what, e);
}

int member_stop(struct member *m, struct err *e)
{
	const struct service_backing *b = m->service;
	struct exit_record x;
	int r = ask(m, MEMBER_STOP,
		    json_pack("{s:i,s:I}", "signal", b->stop_signal, "timeout_ms",
			      (json_int_t)b->stop_timeout_ms),
		    NULL, e);

	if (r == 0)
		r = await(m, b->stop_timeout_ms + GRACE_MS, "did not stop", e);
	if (r == 0)
		r = sandbox_wait(m->sandbox, &x, e);
	m->ended = m->ended || r == 0;
	return r;
}

int member_freeze(struct member *m, int *layer, struct err *e)
{
	const int r = sandbox_freeze(m->sandbox, layer, e);

	return r < 0 ? err_wrap(e, "backing service '%s'", m->service->name) : 0;
}

/* ---- its life ---- */

int member_fd(const struct member *m)
{
	return sandbox_fd(m->sandbox);
}

int member_step(struct member *m, struct err *e)
{
	const int r = m->ended ? 1 : sandbox_step(m->sandbox, e);

	return r == 0 ? 0 : died(m, e);
}

const struct exit_record *member_end(struct member *m)
{
	struct err ignored = ERR_INIT;

	if (!m->ended && sandbox_kill(m->sandbox, &ignored) < 0)
		log_warn("%s", ignored.msg);
	m->ended = true;
	return sandbox_exit(m->sandbox);
}

void member_close(struct member *m)
{
	if (!m)
		return;
	sandbox_close(m->sandbox);
	if (m->sock >= 0)
		(void)close(m->sock);
	free(m);
}
