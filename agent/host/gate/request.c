/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/host/gate/leak.h"
#include "agent/host/gate/monitor.h"
#include "agent/host/incident/values.h"
#include "runtime/base/log.h"
#include "runtime/base/msg_stream.h"
#include "runtime/base/utf8.h"

/*
 * What an agent may ask for: one table says which role may ask and when; each
 * request is checked by its message's own table and by the policy, and answered
 * or refused with the rule.
 */
#define READ_MS	     5000  /* a frame that was begun must be complete by then */
#define TAKE_MS	     10000 /* so must an answer be read: nobody else is served meanwhile */
#define REQUESTS_MAX 10000 /* of one agent */
#define REFUSALS_MAX 1000
#define TEXT_MAX     4096

typedef int handler(struct monitor *m, const json_t *body);

int monitor_no_memory(struct monitor *m)
{
	return err_set(m->e, ENOMEM, "gate: out of memory");
}

/* A terminal that shows it later is told nothing, and no line that is not there. */
static void one_line(char *s)
{
	for (; *s; s++) {
		const bool c1 =
			s[0] == '\xc2' && (unsigned char)s[1] >= 0x80 && (unsigned char)s[1] < 0xa0;

		if (c1)
			*s++ = ' ';
		if (c1 || (unsigned char)*s < ' ' || *s == 0x7f)
			*s = ' ';
	}
}

char *monitor_text(const char *words)
{
	AUTO_BUF struct buf b = BUF_INIT(3 * TEXT_MAX);

	utf8_clean(words, strnlen(words, TEXT_MAX), &b);
	if (!b.p)
		return strdup("");
	one_line(b.p);
	return buf_take(&b);
}

/* The agent broke the protocol: its replica ends, the case goes on without its answer. */
int monitor_foul(struct monitor *m, const char *why)
{
	struct err ignored = ERR_INIT;

	m->over = true;
	m->out.end = GATE_FAILED;
	free(m->out.why);
	m->out.why = monitor_text(why);
	if (!m->out.why)
		return monitor_no_memory(m);
	if (leak_mask(m->s->values, &m->out.why, m->e) < 0)
		return -m->e->code;
	if (audit_note(m->s->world->audit, "gate.violation", json_pack("{s:s}", "why", m->out.why),
		       &ignored) < 0)
		log_warn("%s", ignored.msg);
	return 0;
}

int monitor_answer(struct monitor *m, uint16_t type, json_t *body)
{
	AUTO_JSON json_t *own = body;
	struct msg_stream to = MSG_STREAM_INIT(m->sock);
	struct err gone = ERR_INIT;
	int r;

	if (!own)
		return monitor_no_memory(m);
	if (m->deaf)
		return 0;
	r = msg_stream_put(&to, type, own, MSG_MAX, &gone);
	if (r == 0)
		r = msg_stream_drain(&to, TAKE_MS, &gone);
	msg_stream_release(&to);
	if (r == 0)
		return 0;
	m->deaf = true;
	if (r == -ETIMEDOUT && !m->over)
		return monitor_foul(m, "it does not take what it is answered");
	m->eof = true; /* it went away: its replica's end says how */
	return 0;
}

/* Where a policy lies on the host is no matter of the replica's. */
static const char *place_of(const struct policy_verdict *v)
{
	return v->place[0] == '/' ? strrchr(v->place, '/') + 1 : v->place;
}

/* What is kept of a refusal: the agent may have chosen the words in it. */
static int note_refusal(struct monitor *m, const struct policy_verdict *v, const char *reason,
			const char *path)
{
	AUTO_FREE char *place = monitor_text(v->place);
	json_t *row =
		json_pack("{s:s,s:s,s:s,s:s,s:s}", "rule", v->rule, "place", place, "reason",
			  reason, "decision", policy_decision_name(v->decision), "path", path);
	AUTO_JSON json_t *masked =
		row && m->s->values ? values_mask(m->s->values, row, m->e) : json_incref(row);

	json_decref(row);
	if (!masked)
		return m->e->code ? -m->e->code : monitor_no_memory(m);
	if (json_array_append(m->out.refusals, masked) < 0)
		return monitor_no_memory(m);
	return audit_note(m->s->world->audit, "gate.deny",
			  json_pack("{s:s,s:O,s:O,s:O,s:O}", "role", policy_role_name(m->s->role),
				    "rule", json_object_get(masked, "rule"), "place",
				    json_object_get(masked, "place"), "reason",
				    json_object_get(masked, "reason"), "path",
				    json_object_get(masked, "path")),
			  m->e);
}

int monitor_refuse(struct monitor *m, uint64_t id, const struct policy_verdict *v, const char *path)
{
	AUTO_FREE char *reason = monitor_text(v->reason), *place = monitor_text(place_of(v));

	if (!reason || !place)
		return monitor_no_memory(m);
	if (json_array_size(m->out.refusals) == REFUSALS_MAX)
		return monitor_foul(m, "it went on after a thousand refusals");
	if (note_refusal(m, v, reason, path) < 0)
		return -m->e->code;
	m->wants_scope = m->wants_scope || v->decision == POLICY_NEEDS_SCOPE;
	return monitor_answer(m, GATE_REFUSED,
			      json_pack("{s:I,s:s,s:s,s:s}", "id", (json_int_t)id, "rule", v->rule,
					"place", place, "reason", reason));
}

int monitor_refuse_plain(struct monitor *m, uint64_t id, const char *rule, const char *reason)
{
	struct policy_verdict v = { .decision = POLICY_DENY };

	(void)snprintf(v.rule, sizeof(v.rule), "%s", rule);
	(void)snprintf(v.place, sizeof(v.place), "built-in");
	(void)snprintf(v.reason, sizeof(v.reason), "%s", reason);
	return monitor_refuse(m, id, &v, "");
}

/* The new test; what registers it changes a file that is there. */
static const char *first_added(const struct changes *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].kind == CHANGE_ADD)
			return c->v[i].path;
	return NULL;
}

int monitor_allowed(struct monitor *m, uint64_t id, const struct changes *c)
{
	const struct gate_session *s = m->s;
	const bool reproduce = s->role == ROLE_REPRODUCE;
	const char *own = reproduce ? first_added(c) : NULL;
	struct policy_verdict v;
	int r;

	if (s->test)
		for (size_t i = 0; i < s->test->n; i++)
			if (changes_find(c, s->test->v[i].path))
				return monitor_refuse_plain(
					m, id, "accepted-test",
					"the accepted test is evidence and stays as it is");
	r = policy_check_changes(s->world->policy[s->role], c, own, &v, m->e);
	if (r < 0)
		return r;
	if (v.decision == POLICY_ALLOW || v.decision == POLICY_NOTIFY)
		return 1;
	return monitor_refuse(m, id, &v, c->n ? c->v[0].path : "");
}

static uint64_t calls_left(const struct monitor *m)
{
	const uint64_t spent = m->out.evaluations + m->out.runs;
	struct policy_budget b;

	policy_budget(m->s->world->policy[m->s->role], &b);
	if (!b.max_tool_calls)
		return UINT64_MAX;
	return b.max_tool_calls > spent ? b.max_tool_calls - spent : 0;
}

uint64_t monitor_evaluations_left(const struct monitor *m)
{
	const uint64_t most = m->s->agent->evaluations, spent = m->out.evaluations;
	const uint64_t left = most > spent ? most - spent : 0, calls = calls_left(m);

	return left < calls ? left : calls;
}

uint64_t monitor_runs_left(const struct monitor *m)
{
	const uint64_t left = RUNS_MOST > m->out.runs ? RUNS_MOST - m->out.runs : 0;
	const uint64_t calls = calls_left(m);

	return left < calls ? left : calls;
}

/* ---- requests ---- */

static int on_hello(struct monitor *m, const json_t *body)
{
	json_t *task = monitor_task(m);

	(void)body;
	m->greeted = true;
	if (!task && m->e->code)
		return -m->e->code;
	return monitor_answer(m, GATE_TASK, task);
}

/* 1: answered as in an earlier run of the case. */
static int evaluated_before(struct monitor *m, const struct gate_evaluate *req,
			    const struct changes *c, char key[HEARD_KEY])
{
	AUTO_JSON json_t *body = NULL;
	char digest[65];
	int r;

	changes_digest(c, digest);
	r = heard_before(
		m,
		json_pack("{s:s,s:s}", "evaluate", gate_kind_words[req->kind], "changes", digest),
		key, &body);
	if (r != 1)
		return r;
	m->out.evaluations++;
	if (json_object_set_new(body, "id", json_integer((json_int_t)req->id)) < 0)
		return monitor_no_memory(m);
	r = monitor_answer(m, GATE_RESULT, json_incref(body));
	return r < 0 ? r : 1;
}

static int admit(struct monitor *m, struct gate_evaluate *req, struct changes *c)
{
	char key[HEARD_KEY];
	struct waiting *w;
	int ok = monitor_allowed(m, req->id, c);

	if (ok <= 0)
		return ok;
	if (monitor_evaluations_left(m) == 0)
		return monitor_refuse_plain(m, req->id, "budget",
					    "no evaluation is left in the budget");
	ok = monitor_has_room(m, req->id, c);
	if (ok <= 0)
		return ok;
	ok = evaluated_before(m, req, c, key);
	if (ok != 0)
		return ok < 0 ? ok : 0;
	m->out.evaluations++;
	w = &m->queue[m->n_queue++];
	w->req = (struct gate_evaluate){ .id = req->id, .kind = req->kind };
	w->req.note = take_ptr(req->note);
	w->changes = *c;
	w->left = monitor_evaluations_left(m);
	memcpy(w->key, key, sizeof(key));
	*c = (struct changes){ 0 };
	return 0;
}

static int on_evaluate(struct monitor *m, const json_t *body)
{
	struct gate_evaluate req = { 0 };
	struct changes c = { 0 };
	struct err bad = ERR_INIT;
	int r = jmap_read(gate_evaluate_map, body, &req, "", &bad);
	const bool right_kind = (req.kind == GATE_KIND_REPRODUCE) == (m->s->role == ROLE_REPRODUCE);

	if (r < 0)
		r = monitor_foul(m, bad.msg);
	else if (!right_kind)
		r = monitor_foul(m, "it asked for an evaluation that is not its role's");
	else if (gate_changes(m->s->world, SIDE_BASE, &req.changes, &c, &bad) < 0)
		r = monitor_refuse_plain(m, req.id, "changes", bad.msg);
	else
		r = admit(m, &req, &c);
	jmap_release(gate_evaluate_map, &req);
	changes_release(&c);
	return r;
}

/* 1: no value of production in it; 0: refused and said so. */
static int clean(struct monitor *m, const struct gate_submit *sub, const struct changes *c)
{
	struct policy_verdict v = { .decision = POLICY_DENY, .rule = LEAK_RULE };
	char where[256], why[256];
	const int r = leak_find(m->s->values, c, sub, where, why, m->e);

	if (r <= 0)
		return r < 0 ? r : 1;
	m->out.person = true;
	(void)snprintf(v.place, sizeof(v.place), "%s", where);
	(void)snprintf(v.reason, sizeof(v.reason), "%s", why);
	return monitor_refuse(m, sub->id, &v, "");
}

static void take_prose(struct gate_outcome *o, struct gate_submit *sub)
{
	o->title = take_ptr(sub->title);
	o->cause = take_ptr(sub->cause);
	o->change = take_ptr(sub->change);
	o->test_name = take_ptr(sub->test_name);
	o->input_from = take_ptr(sub->input_from);
}

static int accept_submission(struct monitor *m, struct gate_submit *sub, struct changes *c,
			     const json_t *body)
{
	json_t *candidates = json_object_get(body, "candidates");
	char digest[65];

	changes_digest(c, digest);
	if (audit_commit(m->s->world->audit, "gate.submit",
			 json_pack("{s:s,s:s,s:I}", "role", policy_role_name(m->s->role), "changes",
				   digest, "files", (json_int_t)c->n),
			 m->e) < 0)
		return -m->e->code;
	m->out.changes = *c;
	*c = (struct changes){ 0 };
	take_prose(&m->out, sub);
	json_decref(m->out.candidates);
	m->out.candidates = !candidates	   ? json_array()
			    : m->s->values ? values_mask(m->s->values, candidates, m->e)
					   : json_incref(candidates);
	if (!m->out.candidates)
		return m->e->code ? -m->e->code : monitor_no_memory(m);
	m->out.person = false;
	m->out.end = GATE_SUBMITTED;
	m->over = true;
	return monitor_answer(m, GATE_DONE, json_pack("{s:I}", "id", (json_int_t)sub->id));
}

/* What lies in the tree is read when the agent has ended: nothing of it can be refused before. */
static int submit_tree(struct monitor *m, struct gate_submit *sub)
{
	int r;

	if (!m->way->tree)
		return monitor_refuse_plain(m, sub->id, "changes",
					    "this agent has no tree of its own");
	if (m->grace >= 0)
		return monitor_refuse_plain(m, sub->id, "once", "the tree was submitted already");
	if (sub->changes.n)
		return monitor_refuse_plain(
			m, sub->id, "changes",
			"either the changes or the tree is submitted, not both");
	r = clean(m, sub, &m->out.changes);
	if (r <= 0)
		return r;
	take_prose(&m->out, sub);
	r = m->way->tree(m);
	return r < 0 ? r
		     : monitor_answer(m, GATE_DONE, json_pack("{s:I}", "id", (json_int_t)sub->id));
}

static int on_submit(struct monitor *m, const json_t *body)
{
	struct gate_submit sub = { 0 };
	struct changes c = { 0 };
	struct err bad = ERR_INIT;
	int r = jmap_read(gate_submit_map, body, &sub, "", &bad);

	if (r < 0) {
		r = monitor_foul(m, bad.msg);
	} else if (sub.tree) {
		r = submit_tree(m, &sub);
	} else if (gate_changes(m->s->world, SIDE_BASE, &sub.changes, &c, &bad) < 0) {
		r = monitor_refuse_plain(m, sub.id, "changes", bad.msg);
	} else if (c.n == 0) {
		r = monitor_refuse_plain(m, sub.id, "changes", "nothing is changed");
	} else {
		r = monitor_allowed(m, sub.id, &c);
		if (r == 1)
			r = clean(m, &sub, &c);
		if (r == 1)
			r = accept_submission(m, &sub, &c, body);
	}
	jmap_release(gate_submit_map, &sub);
	changes_release(&c);
	return r;
}

static int on_give_up(struct monitor *m, const json_t *body)
{
	struct gate_give_up g = { 0 };
	struct err bad = ERR_INIT;
	int r = jmap_read(gate_give_up_map, body, &g, "", &bad);

	if (r < 0) {
		r = monitor_foul(m, bad.msg);
	} else if (leak_mask(m->s->values, &g.reason, m->e) < 0) {
		r = -m->e->code;
	} else {
		m->out.end = m->wants_scope ? GATE_OUT_OF_SCOPE : GATE_GAVE_UP;
		m->out.person = m->out.person || g.person;
		free(m->out.why);
		m->out.why = take_ptr(g.reason);
		one_line(m->out.why);
		m->over = true;
		r = monitor_answer(m, GATE_DONE, json_pack("{s:I}", "id", (json_int_t)g.id));
	}
	jmap_release(gate_give_up_map, &g);
	return r;
}

static int on_note(struct monitor *m, const json_t *body)
{
	struct gate_note n = { 0 };
	struct err bad = ERR_INIT;
	int r = jmap_read(gate_note_map, body, &n, "", &bad);

	if (r < 0)
		r = monitor_foul(m, bad.msg);
	else if (json_array_size(m->out.notes) >= GATE_MAX_NOTES) {
		(void)err_set(&bad, E2BIG, "it sent more than %d notes", GATE_MAX_NOTES);
		r = monitor_foul(m, bad.msg);
	} else if (leak_mask(m->s->values, &n.text, m->e) < 0)
		r = -m->e->code;
	else if (json_array_append_new(m->out.notes, json_string(n.text)) < 0)
		r = monitor_no_memory(m);
	jmap_release(gate_note_map, &n);
	return r;
}

#define IN(role) (1u << (role))
enum { ANY_TIME, BEFORE_HELLO };

static const struct gate_request {
	uint16_t type;
	unsigned roles;
	int when;
	handler *run;
} requests[] = {
	{ GATE_HELLO, IN(ROLE_REPRODUCE) | IN(ROLE_PATCH), BEFORE_HELLO, on_hello },
	{ GATE_EVALUATE, IN(ROLE_REPRODUCE) | IN(ROLE_PATCH), ANY_TIME, on_evaluate },
	{ GATE_SUBMIT, IN(ROLE_REPRODUCE) | IN(ROLE_PATCH), ANY_TIME, on_submit },
	{ GATE_GIVE_UP, IN(ROLE_REPRODUCE) | IN(ROLE_PATCH), ANY_TIME, on_give_up },
	{ GATE_NOTE, IN(ROLE_REPRODUCE) | IN(ROLE_PATCH), ANY_TIME, on_note },
	{ GATE_MODEL, IN(ROLE_REPRODUCE) | IN(ROLE_PATCH), ANY_TIME, monitor_on_model },
	{ GATE_CANCEL, IN(ROLE_REPRODUCE) | IN(ROLE_PATCH), ANY_TIME, monitor_on_cancel },
	{ GATE_RUN, IN(ROLE_REPRODUCE) | IN(ROLE_PATCH), ANY_TIME, monitor_on_run },
	{ GATE_CHECK, IN(ROLE_REPRODUCE) | IN(ROLE_PATCH), ANY_TIME, monitor_on_check },
	{ GATE_BUDGET, IN(ROLE_REPRODUCE) | IN(ROLE_PATCH), ANY_TIME, monitor_on_budget },
};

int monitor_request(struct monitor *m)
{
	AUTO_MSG struct msg msg = MSG_INIT;
	struct err bad = ERR_INIT;
	const int r = msg_recv(m->sock, READ_MS, &msg, &bad);

	if (r == 0) {
		m->eof = true;
		return 0;
	}
	if (r < 0)
		return monitor_foul(m, bad.msg);
	if (++m->requests > REQUESTS_MAX)
		return monitor_foul(m, "it sent more than ten thousand requests");
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		const struct gate_request *q = &requests[i];

		if (q->type != msg.type)
			continue;
		if (!(q->roles & IN(m->s->role)) || m->greeted == (q->when == BEFORE_HELLO))
			return monitor_foul(m, "it sent a request that is not legal at this point");
		return q->run(m, msg.body);
	}
	return monitor_foul(m, "it sent a request of unknown type");
}
