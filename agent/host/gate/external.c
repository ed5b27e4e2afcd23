/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/gate/external.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "agent/host/gate/collect.h"
#include "runtime/sandbox/hold.h"

/* A replica has a network of its own: what is fixed here meets nothing but the service itself. */
#define PORT	  8421
#define BASE_URL  "http://127.0.0.1:8421"
#define MCP_URL	  BASE_URL "/mcp"
#define KEY	  "sickbay-has-the-key" /* what stands where programs want one */
#define BACKLOG	  128
#define GRACE_S	  15 /* to end by itself, after it submitted its tree */
#define WORDS_MAX (256u << 10)

/* ---- what the service file says ---- */

static const char *first_model(const struct service_agent *a)
{
	const char *slash = a->models.n ? strchr(a->models.v[0], '/') : NULL;

	return slash ? slash + 1 : "";
}

static bool part_of_word(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_';
}

/* The length of the placeholder that stands at `at`, 0: none; *value is what it stands for. */
static size_t placeholder(const char *text, const char *at, const char *model, const char **value)
{
	const struct {
		const char *name, *value;
	} rows[] = { { "@base", BASE_URL },
		     { "@mcp", MCP_URL },
		     { "@key", KEY },
		     { "@model", model ? model : "" },
		     { "@task", REPLICA_TASK } };

	if (at > text && isalnum((unsigned char)at[-1]))
		return 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const size_t n = strlen(rows[i].name);

		if (strncmp(at, rows[i].name, n) != 0 || part_of_word(at[n]))
			continue;
		if (at > text && at[-1] == '/' && at[n] == '/')
			return 0; /* a folder of packages */
		*value = rows[i].value;
		return n;
	}
	return 0;
}

int external_expand(const char *text, const char *model, struct strlist *out, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(WORDS_MAX);

	for (const char *p = text; *p;) {
		const char *value = NULL;
		const size_t n = *p == '@' ? placeholder(text, p, model, &value) : 0;

		if (n)
			buf_puts(&b, value);
		else
			buf_putc(&b, *p);
		p += n ? n : 1;
	}
	buf_puts(&b, "");
	if (buf_check(&b, "an agent's command and environment", e) < 0)
		return -e->code;
	return strlist_add(out, b.p ? b.p : "") < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}

static int build_argv(const struct service_agent *a, struct strlist *out, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->command.n; i++)
		r = external_expand(a->command.v[i], first_model(a), out, e);
	return r;
}

static int build_env(const struct service_agent *a, struct strlist *out, struct err *e)
{
	static const char *const always[] = { "SICKBAY_BASE_URL=" BASE_URL,
					      "SICKBAY_MCP_URL=" MCP_URL,
					      "SICKBAY_TASK=" REPLICA_TASK };
	int r = 0;

	for (size_t i = 0; i < a->env.n && r == 0; i++) {
		AUTO_FREE char *line = NULL;

		if (asprintf(&line, "%s=%s", a->env.v[i].key, a->env.v[i].value) < 0)
			line = NULL;
		r = line ? external_expand(line, first_model(a), out, e)
			 : err_set(e, ENOMEM, "out of memory");
	}
	for (size_t i = 0; r == 0 && i < sizeof(always) / sizeof(always[0]); i++)
		if (strlist_add(out, always[i]) < 0)
			r = err_set(e, ENOMEM, "out of memory");
	return r;
}

/* ---- its start ---- */

static int listen_inside(const struct sandbox *s, int *out, struct err *e)
{
	const struct sockaddr_in at = { .sin_family = AF_INET,
					.sin_port = htons(PORT),
					.sin_addr = { htonl(INADDR_LOOPBACK) } };
	AUTO_CLOSE int fd = sandbox_socket(s, AF_INET, SOCK_STREAM, e);

	if (fd < 0)
		return fd;
	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, BACKLOG) < 0)
		return err_sys(e, "listen at " BASE_URL " in the replica, where the agent asks");
	*out = take_fd(&fd);
	return 0;
}

/* Everything stands and nothing of the agent runs: now its listener is made and served. */
static int admit(void *ctx, const struct sandbox *s, struct err *e)
{
	struct monitor *m = ctx;
	AUTO_FREE char *name = strdup("external agent");
	const struct front_setup setup = { .name = name };
	AUTO_CLOSE int fd = -1;
	const char *toolchain = m->s->world->agent_toolchain_id[m->s->role];
	int r = name ? listen_inside(s, &fd, e) : err_set(e, ENOMEM, "out of memory");

	if (r == 0)
		r = audit_commit(m->s->world->audit, "front.start",
				 json_pack("{s:s,s:s,s:s,s:s*}", "replica", sandbox_name(s), "role",
					   policy_role_name(m->s->role), "program",
					   m->s->agent->command.v[0], "toolchain",
					   *toolchain ? toolchain : NULL),
				 e);
	if (r == 0)
		r = front_start(&setup, &fd, 1, &m->front, e);
	m->sock = m->front.gate;
	return r;
}

int external_start(struct monitor *m)
{
	const struct service_agent *a = m->s->agent;
	const struct sandbox_bind bind = { .fd = m->s->world->agent_program, .target = AGENT_PATH };
	AUTO_FREE char *task = collect_task(m);
	struct strlist argv = { 0 }, env = { 0 };
	struct replica_job job = { .task = task,
				   .env = &env,
				   .agent = true,
				   .admit = admit,
				   .ctx = m,
				   .binds = &bind,
				   .n_binds = 1,
				   .freeze = true };
	int r = task ? build_argv(a, &argv, m->e) : -m->e->code;

	if (r == 0)
		r = build_env(a, &env, m->e);
	if (r == 0) {
		job.argv = (const char *const *)argv.v;
		r = monitor_start(m, &job);
	}
	strlist_release(&argv);
	strlist_release(&env);
	return r;
}

/* ---- its end ---- */

int external_cut(struct monitor *m)
{
	int status = 0;
	char why[100];

	m->sock = -1;
	front_stop(&m->front, &status);
	(void)snprintf(why, sizeof(why), "sickbay-front, which speaks for the agent, ended (%d)",
		       status);
	return monitor_foul(m, why);
}

int external_tree(struct monitor *m)
{
	const struct itimerspec at = { .it_value = { .tv_sec = GRACE_S } };

	m->grace = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (m->grace < 0 || timerfd_settime(m->grace, 0, &at, NULL) < 0)
		return err_sys(m->e, "set a timer for the agent's end");
	return 0;
}

int external_grace_fd(const struct monitor *m)
{
	return m->grace;
}

int external_late(struct monitor *m)
{
	if (sandbox_kill(replica_sandbox(m->replica), m->e) < 0)
		return -m->e->code;
	return monitor_ended(m);
}

void external_close(struct monitor *m)
{
	if (m->grace >= 0)
		(void)close(m->grace);
	if (m->front.pid < 0)
		return;
	m->sock = -1; /* the front's own */
	front_stop(&m->front, NULL);
}
