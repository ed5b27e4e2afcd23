/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/front/front.h"
#include "runtime/base/msg.h"
#include "runtime/proto/model.h"

/*
 * The front in this process, one connection, and a gate that answers whatever
 * it is asked: nothing may reach it that it would end a replica for, and what
 * the client hears begins as HTTP does.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct front_state *fuzz_front;
static int fuzz_gate = -1; /* its end */

static void trap_unless(int fine)
{
	if (!fine)
		__builtin_trap();
}

static json_t *fuzz_task(int protocol, const char *role)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:{},s:[s],s:s,s:{}}", "role", role, "language", "c",
			 "framework", "c", "repo", "/src", "incident", "models", "loop/m",
			 "protocol", model_protocol_words[protocol], "scope");
}

static void fuzz_open(int protocol, const char *role)
{
	struct front_state *f = fuzz_front;
	json_t *task = fuzz_task(protocol, role);
	struct err e = ERR_INIT;
	int pair[2];

	if (!f) {
		f = fuzz_front = calloc(1, sizeof(*f));
		trap_unless(f && socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
		f->gate = pair[0];
		fuzz_gate = pair[1];
		f->gate_in.max = f->gate_out.max = 2 * FRONT_GATE_MAX;
		for (size_t i = 0; i < FRONT_MAX_CONNS; i++)
			f->conns[i].fd = -1;
		f->setup = (struct front_setup){
			.head_ms = 1, .body_ms = 1, .idle_ms = 1, .write_ms = 1
		};
	}
	jmap_release(gate_task_map, &f->task);
	memset(&f->task, 0, sizeof(f->task));
	trap_unless(jmap_read(gate_task_map, task, &f->task, "", &e) == 0);
	json_decref(task);
	strlist_release(&f->kinds);
	f->over = false;
	f->notes = 0;
}

/* What an honest front may send, by the gate's own tables; what it would answer. */
static const struct fuzz_request {
	uint16_t type;
	const struct jmap *map;
	uint16_t answer; /* 0: none */
} fuzz_requests[] = {
	{ GATE_MODEL, gate_model_map, GATE_MODEL_END },
	{ GATE_EVALUATE, gate_evaluate_map, GATE_RESULT },
	{ GATE_CHECK, gate_check_map, GATE_REFUSED },
	{ GATE_RUN, gate_run_map, GATE_RAN },
	{ GATE_BUDGET, gate_budget_map, GATE_LEFT },
	{ GATE_SUBMIT, gate_submit_map, GATE_DONE },
	{ GATE_GIVE_UP, gate_give_up_map, GATE_DONE },
	{ GATE_NOTE, gate_note_map, 0 },
	{ GATE_CANCEL, gate_cancel_map, 0 },
};

union fuzz_any {
	struct gate_model model;
	struct gate_evaluate evaluate;
	struct gate_submit submit;
	struct gate_run run;
	struct gate_note note;
};

static void fuzz_answer(const struct fuzz_request *q, const json_t *id)
{
	json_t *body = json_pack("{s:O}", "id", id);
	struct err e = ERR_INIT;

	if (q->answer == GATE_MODEL_END) {
		(void)json_object_set_new(body, "kind", json_string("ok"));
		(void)json_object_set_new(body, "body", json_object());
	}
	if (q->answer == GATE_RAN)
		(void)json_object_set_new(body, "exit", json_string("exited"));
	trap_unless(msg_send(fuzz_gate, q->answer, body, NULL, 0, -1, &e) == 0);
	json_decref(body);
	trap_unless(front_hear(fuzz_front, &e) == 1);
}

static const struct fuzz_request *fuzz_find(uint16_t type)
{
	for (size_t i = 0; i < sizeof(fuzz_requests) / sizeof(fuzz_requests[0]); i++)
		if (fuzz_requests[i].type == type)
			return &fuzz_requests[i];
	__builtin_trap(); /* no agent may send that */
}

static void fuzz_heard(const struct msg *m)
{
	const struct fuzz_request *q = fuzz_find(m->type);
	union fuzz_any any;
	struct err e = ERR_INIT;

	memset(&any, 0, sizeof(any));
	trap_unless(jmap_read(q->map, m->body, &any, "", &e) == 0);
	if (m->type == GATE_EVALUATE)
		trap_unless((any.evaluate.kind == GATE_KIND_REPRODUCE) ==
			    (fuzz_front->task.role[0] == 'r'));
	jmap_release(q->map, &any);
	if (q->answer)
		fuzz_answer(q, json_object_get(m->body, "id"));
}

static void fuzz_serve_gate(void)
{
	struct front_state *f = fuzz_front;
	AUTO_BUF struct buf sent = f->gate_out;
	size_t done = 0;

	f->gate_out = (struct buf)BUF_INIT(sent.max);
	while (done < sent.n) {
		AUTO_MSG struct msg m = MSG_INIT;
		struct err e = ERR_INIT;
		size_t used = 0;

		trap_unless(msg_parse(sent.p + done, sent.n - done, &m, &used, &e) == 1);
		fuzz_heard(&m);
		done += used;
	}
}

static void fuzz_step(struct conn *c)
{
	struct front_state *f = fuzz_front;

	for (int i = 0; i < 64 && c->fd >= 0; i++) {
		if (c->state == CONN_ROOM) {
			f->bodies += 1;
			conn_grant(f, c, 1);
		}
		conn_step(f, c);
		fuzz_serve_gate();
	}
}

/* The client sends this, in pieces of up to `piece` bytes; the first bytes it hears are HTTP's. */
static void fuzz_client(const char *data, size_t n, size_t piece)
{
	struct front_state *f = fuzz_front;
	struct conn *c = &f->conns[0];
	char heard[16] = "";
	ssize_t got;
	int pair[2];

	trap_unless(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
	conn_open(f, c, pair[0]);
	while (n && c->fd >= 0 && !c->draining) {
		const size_t k = n < piece ? n : piece;

		if (send(pair[1], data, k, MSG_NOSIGNAL) != (ssize_t)k)
			break;
		if (conn_wants(c) & 1) /* POLLIN */
			conn_read(f, c);
		if (c->fd >= 0)
			fuzz_step(c);
		data += k;
		n -= k;
	}
	got = recv(pair[1], heard, sizeof(heard) - 1, 0);
	if (got > 0)
		trap_unless(strncmp(heard, "HTTP/1.1 ", (size_t)(got < 9 ? got : 9)) == 0);
	if (c->fd >= 0)
		conn_close(f, c);
	(void)close(pair[1]);
	fuzz_serve_gate();
	trap_unless(f->bodies == 0);
	for (size_t i = 0; i < FRONT_CALLS_MAX; i++) {
		front_call_done(&f->calls[i]);
		trap_unless(f->conns[i % FRONT_MAX_CONNS].fd < 0);
	}
}
