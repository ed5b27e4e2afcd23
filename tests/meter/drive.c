/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/host/case/ledger.h"
#include "agent/host/gate/model.h"
#include "runtime/base/fd.h"
#include "runtime/proto/broker.h"

/*
 * meter-drive STATE CONFIG N: asks a model N questions, two at a time, in the
 * case x-1 of a state directory, as often as it takes, and says the answers.
 * Whoever runs it again goes on where the last one was killed.
 *
 *     METER_KILL=orchestrator:K   kills itself at the Kth point,
 *     METER_KILL=broker:K         or sickbay-broker;
 *
 * a point is before and after each of the calls that are wrapped below: what is
 * durable, what is sent, what is heard.  The last line says how many there were.
 */
#define TRIES 10

static struct {
	unsigned points, at;
	bool broker;
	int broker_pid;
} fate;

static void point(void)
{
	if (++fate.points != fate.at)
		return;
	if (!fate.broker)
		(void)kill(getpid(), SIGKILL);
	else if (fate.broker_pid > 0) /* it may not have been started yet */
		(void)kill(fate.broker_pid, SIGKILL);
}

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker's names */
int __real_ledger_commit(const struct kase *k, const json_t *line, struct err *e);
int __wrap_ledger_commit(const struct kase *k, const json_t *line, struct err *e);
int __wrap_ledger_commit(const struct kase *k, const json_t *line, struct err *e)
{
	point();
	const int r = __real_ledger_commit(k, line, e);
	point();
	return r;
}

int __real_audit_sync_end(struct audit *a, struct err *e);
int __wrap_audit_sync_end(struct audit *a, struct err *e);
int __wrap_audit_sync_end(struct audit *a, struct err *e)
{
	const int r = __real_audit_sync_end(a, e);

	point();
	return r;
}

int __real_file_publish_once_at(int dir, const char *name, const void *data, size_t n, mode_t mode,
				struct err *e);
int __wrap_file_publish_once_at(int dir, const char *name, const void *data, size_t n, mode_t mode,
				struct err *e);
int __wrap_file_publish_once_at(int dir, const char *name, const void *data, size_t n, mode_t mode,
				struct err *e)
{
	point();
	const int r = __real_file_publish_once_at(dir, name, data, n, mode, e);
	point();
	return r;
}

int __real_broker_open(const struct broker_setup *s, struct broker **out, struct err *e);
int __wrap_broker_open(const struct broker_setup *s, struct broker **out, struct err *e);
int __wrap_broker_open(const struct broker_setup *s, struct broker **out, struct err *e)
{
	const int r = __real_broker_open(s, out, e);

	if (r == 0)
		fate.broker_pid = broker_pid(*out);
	return r;
}

int __real_broker_call(struct broker *b, const struct broker_call *c, struct err *e);
int __wrap_broker_call(struct broker *b, const struct broker_call *c, struct err *e);
int __wrap_broker_call(struct broker *b, const struct broker_call *c, struct err *e)
{
	point();
	const int r = __real_broker_call(b, c, e);
	point();
	return r;
}

int __real_broker_recv(struct broker *b, int timeout_ms, struct msg *out, struct err *e);
int __wrap_broker_recv(struct broker *b, int timeout_ms, struct msg *out, struct err *e);
int __wrap_broker_recv(struct broker *b, int timeout_ms, struct msg *out, struct err *e)
{
	const int r = __real_broker_recv(b, timeout_ms, out, e);

	if (r == 1)
		point();
	return r;
}
/* NOLINTEND(bugprone-reserved-identifier) */

/* ---- asking ---- */

static struct {
	struct policy *policy;
	struct model_door *door;
	struct strlist models;
	unsigned tries[256];
	unsigned open;
} run;

static int ask(unsigned n, struct err *e);

static int on_end(void *ctx, const struct gate_model_end *end, struct err *e)
{
	const json_t *part = json_array_get(json_object_get(end->body, "content"), 0);
	const char *text = json_string_value(json_object_get(part, "text"));

	(void)ctx;
	run.open--;
	point();
	if (strcmp(end->kind, MODEL_OK) != 0) {
		(void)fprintf(stderr, "%s: %s\n", end->kind, end->message ? end->message : "");
		return ask((unsigned)end->id, e); /* as an agent would */
	}
	(void)printf("%u: %s\n", (unsigned)end->id, text ? text : "");
	return 0;
}

static int ask(unsigned n, struct err *e)
{
	const struct model_listener to = { .on_end = on_end };
	AUTO_JSON json_t *question = json_sprintf("question %u", n);
	AUTO_JSON json_t *body =
		json_pack("{s:s,s:[{s:s,s:[{s:s,s:O}]}],s:i}", "system", "", "messages", "role",
			  "user", "content", "type", "text", "text", question, "max_output", 100);
	const struct gate_model rq = { .id = n, .protocol = MODEL_TURN, .body = body };
	struct policy_verdict why;
	int r;

	if (++run.tries[n] > TRIES)
		return err_set(e, EIO, "question %u was asked %d times", n, TRIES);
	r = model_ask(run.door, run.policy, &run.models, &rq, &to, &why, e);
	if (r == 1)
		return err_set(e, EPERM, "%s: %s", why.rule, why.reason);
	run.open += r == 0;
	return r;
}

static int wait_for_all(struct err *e)
{
	int r = 0;

	while (r == 0 && run.open) {
		struct pollfd p = { .fd = model_fd(run.door), .events = POLLIN };

		if (poll(&p, 1, 30000) != 1)
			return err_set(e, ETIMEDOUT, "no answer");
		r = model_step(run.door, e);
	}
	return r;
}

static int ask_all(unsigned n, struct err *e)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < n; i += 2) {
		r = ask(i, e);
		if (r == 0 && i + 1 < n)
			r = ask(i + 1, e);
		if (r == 0)
			r = wait_for_all(e);
	}
	return r;
}

static int drive(const char *state, const char *config_path, unsigned n, struct err *e)
{
	static const char text[] = "{\"version\":1,\"name\":\"p\",\"roles\":[\"patch\"],\"model\":{"
				   "\"allow\":[\"main/scripted-1\"],\"max_cost_usd\":\"5.00\"}}";
	struct host_config config = { 0 };
	struct model_setup s = { .config = &config };
	AUTO_JSON json_t *spent = NULL;
	int r = host_config_load(config_path, &config, e);

	if (r == 0)
		r = policy_parse("p.json", text, strlen(text), &run.policy, e);
	if (r == 0)
		r = strlist_add(&run.models, "main/scripted-1");
	if (r == 0)
		r = case_open(state, "x-1", true, &s.kase, e);
	if (r == -ENOENT) {
		*e = (struct err)ERR_INIT;
		r = case_create(state, "x", &s.kase, e);
		if (r == 0)
			r = case_publish(s.kase, STAGE_INCIDENT, json_object(), e);
	}
	if (r == 0)
		r = audit_open(state, &s.audit, e);
	if (r == 0)
		r = model_open(&s, &run.door, e);
	if (r == 0)
		r = ask_all(n, e);
	model_close(run.door);
	if (r == 0)
		r = case_spent(s.kase, &spent, e);
	if (r == 0)
		(void)printf("spent %s\n", ledger_text(spent, "usd_exact"));
	audit_close(s.audit);
	case_close(s.kase);
	policy_free(run.policy);
	strlist_release(&run.models);
	host_config_release(&config);
	return r;
}

int main(int argc, char **argv)
{
	const char *kill_at = getenv("METER_KILL");
	const char *colon = kill_at ? strchr(kill_at, ':') : NULL;
	struct err e = ERR_INIT;

	if (argc != 4) {
		(void)fputs("usage: meter-drive STATE CONFIG N\n", stderr);
		return 2;
	}
	if (colon) {
		fate.broker = strncmp(kill_at, "broker:", 7) == 0;
		fate.at = (unsigned)strtoul(colon + 1, NULL, 10);
	}
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (drive(argv[1], argv[2], (unsigned)strtoul(argv[3], NULL, 10) % 256, &e) < 0) {
		(void)fprintf(stderr, "meter-drive: %s\n", e.msg);
		return 1;
	}
	(void)printf("points %u\n", fate.points);
	return 0;
}
