/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "agent/inside/reproduce.h"
#include "runtime/base/msg.h"
#include "runtime/proto/gate.h"
#include "tests/tap.h"
#include "tests/unit/inside/tree.h"

/*
 * A gate that answers by looking at the text of the test: "exact" where all of
 * `needs` stand in it, else `otherwise`.  The agent runs in a child.
 */
struct gate_double {
	const char *needs[8]; /* NULL-terminated */
	const char *same[4];  /* when set: the word between the first two stands between the others,
				 too */
	const char *otherwise;	/* the match of any other test */
	const char *message;	/* of what is thrown; NULL: nothing is said of it */
	unsigned evaluations;	/* seen */
	struct gate_submit got; /* what was submitted */
	char gave_up[512];
};

static bool double_has_all(const struct gate_double *d, const char *content)
{
	for (size_t i = 0; d->needs[i]; i++)
		if (!strstr(content, d->needs[i]))
			return false;
	if (d->same[0]) {
		const char *one = strstr(content, d->same[0]), *two = strstr(content, d->same[2]);
		const size_t n = one ? strcspn(one + strlen(d->same[0]), d->same[1]) : 0;

		return two && strncmp(one + strlen(d->same[0]), two + strlen(d->same[2]), n) == 0 &&
		       two[strlen(d->same[2]) + n] == d->same[3][0];
	}
	return true;
}

static void double_judge(struct gate_double *d, int sock, const struct msg *m)
{
	struct gate_evaluate ask = { 0 };
	struct gate_verdict v = { .built = true, .exit = (char[]){ "exited" }, .left = 100 };
	struct err e = ERR_INIT;
	json_t *body;

	CHECK_INT(jmap_read(gate_evaluate_map, m->body, &ask, "", &e), 0);
	d->evaluations++;
	v.id = ask.id;
	v.passed = double_has_all(d, ((struct gate_change *)ask.changes.v)[0].content);
	if (d->message)
		v.chain = json_pack("[{s:s,s:s}]", "type", "TypeError", "message", d->message);
	v.match = strdup(v.passed ? "exact" : d->otherwise);
	body = jmap_write(gate_verdict_map, &v);
	(void)msg_send(sock, GATE_RESULT, body, NULL, 0, -1, &e);
	json_decref(body);
	free(v.match);
	json_decref(v.chain);
	jmap_release(gate_evaluate_map, &ask);
}

/* Serves one agent to its end; false: it asked for something unexpected. */
static bool double_serve(struct gate_double *d, int sock, const struct gate_task *task)
{
	bool done = false;

	while (!done) {
		AUTO_MSG struct msg m = MSG_INIT;
		struct gate_give_up g = { 0 };
		struct err e = ERR_INIT;
		json_t *body = NULL;
		uint16_t type = GATE_DONE;

		if (msg_recv(sock, 20000, &m, &e) != 1)
			return false;
		if (m.type == GATE_EVALUATE) {
			double_judge(d, sock, &m);
			continue;
		}
		if (m.type == GATE_HELLO) {
			type = GATE_TASK;
			body = jmap_write(gate_task_map, task);
		} else if (m.type == GATE_SUBMIT) {
			done = jmap_read(gate_submit_map, m.body, &d->got, "", &e) == 0;
		} else if (m.type == GATE_GIVE_UP) {
			done = jmap_read(gate_give_up_map, m.body, &g, "", &e) == 0;
			(void)snprintf(d->gave_up, sizeof(d->gave_up), "%s", g.reason);
			jmap_release(gate_give_up_map, &g);
		} else {
			return false;
		}
		if (!body)
			body = json_pack("{s:i}", "id", 1);
		(void)msg_send(sock, type, body, NULL, 0, -1, &e);
		json_decref(body);
	}
	return true;
}

static void double_agent(int sock)
{
	struct gate_client *gate = NULL;
	struct gate_task task = { 0 };
	struct err e = ERR_INIT;
	int r = gate_connect(sock, "test", &gate, &task, &e);

	if (r == 0)
		r = reproduce_run(gate, &task, &e);
	if (r < 0)
		printf("# agent: %s\n", e.msg);
	(void)fflush(stdout);
	jmap_release(gate_task_map, &task);
	gate_client_close(gate);
	_exit(r < 0);
}

static void double_run(struct gate_double *d, const struct gate_task *task)
{
	int pair[2], status = 1;
	pid_t pid;

	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		(void)close(pair[0]);
		double_agent(pair[1]);
	}
	(void)close(pair[1]);
	CHECK(double_serve(d, pair[0], task));
	(void)close(pair[0]);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
}

static const char *double_content(const struct gate_double *d)
{
	return d->got.changes.n == 1 ? ((struct gate_change *)d->got.changes.v)[0].content : "";
}

static const char *double_path(const struct gate_double *d)
{
	return d->got.changes.n == 1 ? ((struct gate_change *)d->got.changes.v)[0].path : "";
}
