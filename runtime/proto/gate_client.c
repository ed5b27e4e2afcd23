/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runtime/base/msg.h"
#include "runtime/proto/gate.h"

/* The agent's end of the gate. */

#define GATE_MAX_KEPT 1024 /* outstanding evaluations and answers kept for later */

struct gate_client {
	int fd;
	uint64_t last_id;
	size_t outstanding; /* evaluations whose answer was not handed out yet */
	struct gate_answer kept[GATE_MAX_KEPT];
	size_t n_kept;
};

static int send_struct(struct gate_client *c, uint16_t type, const struct jmap *map, const void *in,
		       struct err *e)
{
	AUTO_JSON json_t *body = jmap_write(map, in);

	if (!body)
		return err_set(e, ENOMEM, "gate: out of memory");
	return msg_send(c->fd, type, body, NULL, 0, -1, e);
}

static int receive(struct gate_client *c, struct msg *m, struct err *e)
{
	const int got = msg_recv(c->fd, -1, m, e);

	if (got == 0)
		return err_set(e, ECONNRESET, "gate: closed by the host");
	return got < 0 ? err_wrap(e, "gate") : 0;
}

static int unexpected(const struct msg *m, struct err *e)
{
	return err_set(e, EPROTO, "gate: unexpected message of type %u", m->type);
}

static int read_answer(const struct msg *m, struct gate_answer *a, struct err *e)
{
	int r;

	memset(a, 0, sizeof(*a));
	a->refused = m->type == GATE_REFUSED;
	if (a->refused)
		r = jmap_read(gate_refusal_map, m->body, &a->refusal, "", e);
	else if (m->type == GATE_RESULT)
		r = jmap_read(gate_verdict_map, m->body, &a->verdict, "", e);
	else
		return unexpected(m, e);
	a->id = a->refused ? a->refusal.id : a->verdict.id;
	if (r < 0)
		gate_answer_release(a);
	return r;
}

static int next_from_wire(struct gate_client *c, struct gate_answer *out, struct err *e)
{
	AUTO_MSG struct msg m = MSG_INIT;
	int r = receive(c, &m, e);

	if (r == 0)
		r = read_answer(&m, out, e);
	return r;
}

int gate_connect(int fd, const char *name, struct gate_client **out, struct gate_task *task,
		 struct err *e)
{
	char *owned = strdup(name);
	const struct gate_hello hello = { .version = GATE_VERSION, .name = owned };
	struct gate_client *c = calloc(1, sizeof(*c));
	AUTO_MSG struct msg m = MSG_INIT;
	int r = c && owned ? 0 : err_set(e, ENOMEM, "gate: out of memory");

	if (c)
		c->fd = fd;
	else
		(void)close(fd);
	if (r == 0)
		r = send_struct(c, GATE_HELLO, gate_hello_map, &hello, e);
	if (r == 0)
		r = receive(c, &m, e);
	if (r == 0)
		r = m.type == GATE_TASK ? jmap_read(gate_task_map, m.body, task, "", e)
					: unexpected(&m, e);
	free(owned);
	if (r < 0) {
		gate_client_close(c);
		return r;
	}
	*out = c;
	return 0;
}

int gate_ask(struct gate_client *c, const struct gate_evaluate *req, uint64_t *id, struct err *e)
{
	struct gate_evaluate numbered = *req;
	int r;

	if (c->outstanding >= GATE_MAX_KEPT)
		return err_set(e, EBUSY, "gate: more than %d evaluations outstanding",
			       GATE_MAX_KEPT);
	numbered.id = c->last_id + 1;
	r = send_struct(c, GATE_EVALUATE, gate_evaluate_map, &numbered, e);
	if (r < 0)
		return r;
	c->last_id = numbered.id;
	c->outstanding++;
	*id = numbered.id;
	return 0;
}

static void take_kept(struct gate_client *c, size_t i, struct gate_answer *out)
{
	*out = c->kept[i];
	c->n_kept--;
	memmove(&c->kept[i], &c->kept[i + 1], (c->n_kept - i) * sizeof(c->kept[0]));
	c->outstanding--;
}

int gate_next(struct gate_client *c, struct gate_answer *out, struct err *e)
{
	int r;

	if (c->outstanding == 0)
		return 0;
	if (c->n_kept > 0) {
		take_kept(c, 0, out);
		return 1;
	}
	r = next_from_wire(c, out, e);
	if (r < 0)
		return r;
	c->outstanding--;
	return 1;
}

/* Kept for gate_next(). */
static int keep(struct gate_client *c, struct gate_answer *a, struct err *e)
{
	if (c->n_kept >= c->outstanding || c->n_kept == GATE_MAX_KEPT) {
		gate_answer_release(a);
		return err_set(e, EPROTO, "gate: an answer that nobody asked for");
	}
	c->kept[c->n_kept++] = *a;
	return 0;
}

int gate_evaluate(struct gate_client *c, const struct gate_evaluate *req, struct gate_answer *out,
		  struct err *e)
{
	uint64_t id = 0;
	int r = gate_ask(c, req, &id, e);

	while (r == 0) {
		struct gate_answer a;

		r = next_from_wire(c, &a, e);
		if (r < 0)
			break;
		if (a.id == id) {
			c->outstanding--;
			*out = a;
			return 0;
		}
		r = keep(c, &a, e);
	}
	return r;
}

size_t gate_outstanding(const struct gate_client *c)
{
	return c->outstanding;
}

static int refused(struct gate_answer *a, struct gate_refusal *why, struct err *e)
{
	(void)err_set(e, EPERM, "gate: refused by %s: %s",
		      a->refusal.rule ? a->refusal.rule : "a rule",
		      a->refusal.reason ? a->refusal.reason : "no reason given");
	if (why)
		*why = a->refusal;
	else
		gate_answer_release(a);
	return -EPERM;
}

/* The answer of a type to what was asked last; verdicts that come first are kept. */
static int await(struct gate_client *c, uint16_t type, const struct jmap *map, void *out,
		 struct gate_refusal *why, struct err *e)
{
	for (;;) {
		AUTO_MSG struct msg m = MSG_INIT;
		struct gate_answer a;
		int r = receive(c, &m, e);

		if (r < 0)
			return r;
		if (m.type == type)
			return jmap_read(map, m.body, out, "", e);
		if (m.type == GATE_EVENT)
			continue;
		r = read_answer(&m, &a, e);
		if (r < 0)
			return r;
		if (a.refused && a.id == c->last_id)
			return refused(&a, why, e);
		r = keep(c, &a, e);
		if (r < 0)
			return r;
	}
}

static int await_done(struct gate_client *c, struct gate_refusal *why, struct err *e)
{
	struct gate_done done = { 0 };

	return await(c, GATE_DONE, gate_done_map, &done, why, e);
}

int gate_model_call(struct gate_client *c, const struct gate_model *rq, struct gate_model_end *out,
		    struct gate_refusal *why, struct err *e)
{
	struct gate_model numbered = *rq;
	int r;

	numbered.id = ++c->last_id;
	r = send_struct(c, GATE_MODEL, gate_model_map, &numbered, e);
	memset(out, 0, sizeof(*out));
	return r < 0 ? r : await(c, GATE_MODEL_END, gate_model_end_map, out, why, e);
}

int gate_command(struct gate_client *c, const struct gate_run *rq, struct gate_ran *out,
		 struct gate_refusal *why, struct err *e)
{
	struct gate_run numbered = *rq;
	int r;

	numbered.id = ++c->last_id;
	r = send_struct(c, GATE_RUN, gate_run_map, &numbered, e);
	memset(out, 0, sizeof(*out));
	return r < 0 ? r : await(c, GATE_RAN, gate_ran_map, out, why, e);
}

int gate_check(struct gate_client *c, const struct objlist *changes, struct gate_refusal *why,
	       struct err *e)
{
	const struct gate_check rq = { .id = ++c->last_id, .changes = *changes };
	const int r = send_struct(c, GATE_CHECK, gate_check_map, &rq, e);

	return r < 0 ? r : await_done(c, why, e);
}

int gate_budget(struct gate_client *c, struct gate_left *out, struct err *e)
{
	const struct gate_budget rq = { .id = ++c->last_id };
	const int r = send_struct(c, GATE_BUDGET, gate_budget_map, &rq, e);

	memset(out, 0, sizeof(*out));
	return r < 0 ? r : await(c, GATE_LEFT, gate_left_map, out, NULL, e);
}

int gate_submit(struct gate_client *c, const struct gate_submit *s, struct gate_refusal *why,
		struct err *e)
{
	struct gate_submit numbered = *s;
	int r;

	numbered.id = ++c->last_id;
	r = send_struct(c, GATE_SUBMIT, gate_submit_map, &numbered, e);
	return r < 0 ? r : await_done(c, why, e);
}

static int give_up(struct gate_client *c, const char *reason, bool person, struct err *e)
{
	AUTO_FREE char *text = strdup(reason);
	const struct gate_give_up g = { .id = c->last_id + 1, .reason = text, .person = person };
	int r;

	if (!text)
		return err_set(e, ENOMEM, "gate: out of memory");
	c->last_id++;
	r = send_struct(c, GATE_GIVE_UP, gate_give_up_map, &g, e);
	return r < 0 ? r : await_done(c, NULL, e);
}

int gate_give_up(struct gate_client *c, const char *reason, struct err *e)
{
	return give_up(c, reason, false, e);
}

int gate_needs_person(struct gate_client *c, const char *reason, struct err *e)
{
	return give_up(c, reason, true, e);
}

int gate_note(struct gate_client *c, const char *text, struct err *e)
{
	AUTO_FREE char *owned = strdup(text);
	const struct gate_note n = { .text = owned };

	if (!owned)
		return err_set(e, ENOMEM, "gate: out of memory");
	return send_struct(c, GATE_NOTE, gate_note_map, &n, e);
}

void gate_answer_release(struct gate_answer *a)
{
	jmap_release(gate_verdict_map, &a->verdict);
	jmap_release(gate_refusal_map, &a->refusal);
}

void gate_client_close(struct gate_client *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n_kept; i++)
		gate_answer_release(&c->kept[i]);
	(void)close(c->fd);
	free(c);
}
