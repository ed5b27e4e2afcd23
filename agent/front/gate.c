/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/socket.h>

#include "agent/front/front.h"
#include "runtime/base/msg.h"

#define COMPACT (1u << 20) /* bytes that were sent are kept no longer */

int front_send(struct front_state *f, uint16_t type, json_t *body, struct err *e)
{
	AUTO_JSON json_t *own = body;
	const size_t before = f->gate_out.n;
	int r;

	if (!own)
		return err_set(e, ENOMEM, "out of memory");
	r = msg_frame(type, own, NULL, 0, &f->gate_out, e);
	if (r < 0) { /* nothing of it is sent */
		f->gate_out.n = before;
		f->gate_out.failed = 0;
	}
	return r;
}

struct call *front_call(struct front_state *f, struct conn *c, uint16_t type)
{
	for (size_t i = 0; i < FRONT_CALLS_MAX; i++) {
		struct call *k = &f->calls[i];

		if (k->id)
			continue;
		*k = (struct call){ .id = ++f->last_id, .conn = c, .type = type };
		return k;
	}
	return NULL;
}

void front_call_done(struct call *k)
{
	json_decref(k->rpc_id);
	json_decref(k->progress);
	*k = (struct call){ 0 };
}

void front_note(struct front_state *f, const char *name, const char *text)
{
	AUTO_BUF struct buf line = BUF_INIT(1024);
	struct err ignored = ERR_INIT;

	if (f->notes >= GATE_MAX_NOTES || strlist_has(&f->kinds, name) ||
	    strlist_add(&f->kinds, name) < 0)
		return;
	f->notes++;
	buf_printf(&line, "front: %s: %s", name, text);
	if (!line.failed) /* a note that is lost harms nobody */
		(void)front_send(f, GATE_NOTE, json_pack("{s:s}", "text", line.p), &ignored);
}

/* ---- what the gate says ---- */

typedef int hearer(struct front_state *f, const json_t *body, struct err *e);

static struct call *find(struct front_state *f, uint64_t id)
{
	for (size_t i = 0; id && i < FRONT_CALLS_MAX; i++)
		if (f->calls[i].id == id)
			return &f->calls[i];
	return NULL;
}

static int hear_task(struct front_state *f, const json_t *body, struct err *e)
{
	const int r = f->ready ? err_set(e, EPROTO, "a second task")
			       : jmap_read(gate_task_map, body, &f->task, "", e);

	f->ready = r == 0;
	return r;
}

static int hear_event(struct front_state *f, const json_t *body, struct err *e)
{
	struct gate_event ev = { 0 };
	const int r = jmap_read(gate_event_map, body, &ev, "", e);
	struct call *k = r == 0 ? find(f, ev.id) : NULL;

	if (k && k->conn && k->type == GATE_MODEL)
		model_event(f, k, &ev);
	jmap_release(gate_event_map, &ev);
	return r;
}

static int hear_end(struct front_state *f, const json_t *body, struct err *e)
{
	struct gate_model_end end = { 0 };
	const int r = jmap_read(gate_model_end_map, body, &end, "", e);
	struct call *k = r == 0 ? find(f, end.id) : NULL;

	if (k && k->type == GATE_MODEL) {
		if (k->conn)
			model_end(f, k, &end);
		front_call_done(k);
	}
	jmap_release(gate_model_end_map, &end);
	return r;
}

static int hear_refusal(struct front_state *f, const json_t *body, struct err *e)
{
	struct gate_refusal why = { 0 };
	const int r = jmap_read(gate_refusal_map, body, &why, "", e);
	struct call *k = r == 0 ? find(f, why.id) : NULL;

	if (k && k->type == GATE_MODEL) {
		if (k->conn)
			model_refused(f, k, &why);
		front_call_done(k);
	} else if (k) {
		mcp_answered(f, k, GATE_REFUSED, body);
	}
	jmap_release(gate_refusal_map, &why);
	return r;
}

/* The other answers are handed on as they came: their tables bound them. */
static int hear_answer(struct front_state *f, uint16_t type, const json_t *body, struct err *e)
{
	struct call *k = find(f, (uint64_t)json_integer_value(json_object_get(body, "id")));

	if (type != GATE_RESULT && type != GATE_RAN && type != GATE_LEFT && type != GATE_DONE)
		return err_set(e, EPROTO, "gate: unexpected message of type %u", type);
	if (k && k->type != GATE_MODEL)
		mcp_answered(f, k, type, body);
	return 0;
}

static int hear(struct front_state *f, const struct msg *m, struct err *e)
{
	switch (m->type) {
	case GATE_TASK:
		return hear_task(f, m->body, e);
	case GATE_EVENT:
		return hear_event(f, m->body, e);
	case GATE_MODEL_END:
		return hear_end(f, m->body, e);
	case GATE_REFUSED:
		return hear_refusal(f, m->body, e);
	default:
		return hear_answer(f, m->type, m->body, e);
	}
}

/* 1: every whole frame was heard. */
static int hear_all(struct front_state *f, struct err *e)
{
	size_t done = 0;
	int r;

	do {
		AUTO_MSG struct msg m = MSG_INIT;
		size_t used = 0;

		r = msg_parse(f->gate_in.p + done, f->gate_in.n - done, &m, &used, e);
		done += used;
		if (r > 0)
			r = hear(f, &m, e) < 0 ? -e->code : 1;
	} while (r > 0);
	if (done) {
		memmove(f->gate_in.p, f->gate_in.p + done, f->gate_in.n - done);
		f->gate_in.n -= done;
	}
	return r < 0 ? err_wrap(e, "gate") : 1;
}

int front_hear(struct front_state *f, struct err *e)
{
	char piece[65536];
	const ssize_t n = recv(f->gate, piece, sizeof(piece), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 1;
	if (n < 0 && errno != ECONNRESET)
		return err_sys(e, "hear the gate");
	if (n <= 0)
		return 0;
	buf_put(&f->gate_in, piece, (size_t)n);
	if (buf_check(&f->gate_in, "a message of the gate", e) < 0)
		return -e->code;
	return hear_all(f, e);
}

int front_speak(struct front_state *f, struct err *e)
{
	struct buf *out = &f->gate_out;
	const ssize_t n = send(f->gate, out->p + f->gate_sent, out->n - f->gate_sent, MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0 && errno == EPIPE)
		return 0; /* it is closed: reading says so */
	if (n < 0)
		return err_sys(e, "speak to the gate");
	f->gate_sent += (size_t)n;
	if (f->gate_sent == out->n) {
		buf_release(out);
		f->gate_sent = 0;
	} else if (f->gate_sent >= COMPACT) {
		memmove(out->p, out->p + f->gate_sent, out->n - f->gate_sent);
		out->n -= f->gate_sent;
		f->gate_sent = 0;
	}
	return 0;
}
