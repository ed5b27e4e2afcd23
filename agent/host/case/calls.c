/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/calls.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/host/case/ledger.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"

#define SCHEMA	 "sickbay.model.call/1"
#define KEPT_MAX (64u << 20)
#define ROLES	 8

struct calls {
	struct kase *k;
	json_t *kept; /* [record], of other processes, in order; those taken are null */
	struct {
		char name[32];
		struct call_sum sum;
	} role[ROLES];
	size_t roles;
	unsigned last;
};

static int no_memory(struct err *e)
{
	return err_set(e, ENOMEM, "calls to models: out of memory");
}

/* Which run of this program kept something: a run never takes its own. */
static const char *this_run(void)
{
	static char id[ID_LEN];
	static pid_t of;

	if (of != getpid()) { /* a child is another one */
		id_random(id);
		of = getpid();
	}
	return id;
}

/* ---- lines ---- */

static json_t *reserve_line(const char *id, const struct call_most *m)
{
	char usd[MONEY_TEXT];

	money_text(m->usd, usd);
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:s}", "what", LEDGER_RESERVE, "call", id,
			 "role", m->role, "model", m->model, "request", m->request, "most_input",
			 (json_int_t)m->input, "most_output", (json_int_t)m->output, "most_usd",
			 usd);
}

static json_t *settle_line(const char *id, const struct call_most *m, const struct call_cost *c)
{
	char usd[MONEY_TEXT];

	money_text(c->usd, usd);
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:b,s:I,s:I,s:I,s:I,s:I,s:i}", "what",
			 LEDGER_MODEL, "call", id, "role", m->role, "model", m->model, "kind",
			 c->kind, "usd", usd, "estimated", c->estimated, "tokens",
			 (json_int_t)c->input + (json_int_t)c->output, "input_tokens",
			 (json_int_t)c->input, "output_tokens", (json_int_t)c->output,
			 "cached_tokens", (json_int_t)c->cached, "reasoning_tokens",
			 (json_int_t)c->reasoning, "turns", c->billed ? 1 : 0);
}

static uint64_t tokens(const json_t *o, const char *key)
{
	const json_int_t n = json_integer_value(json_object_get(o, key));

	return n > 0 ? (uint64_t)n : 0;
}

/* ---- sums ---- */

static struct call_sum *of_role(struct calls *c, const char *role)
{
	for (size_t i = 0; i < c->roles; i++)
		if (strcmp(c->role[i].name, role) == 0)
			return &c->role[i].sum;
	if (c->roles == ROLES)
		return NULL;
	(void)snprintf(c->role[c->roles].name, sizeof(c->role[0].name), "%s", role);
	return &c->role[c->roles++].sum;
}

struct call_sum calls_sum(const struct calls *c, const char *role)
{
	for (size_t i = 0; i < c->roles; i++)
		if (strcmp(c->role[i].name, role) == 0)
			return c->role[i].sum;
	return (struct call_sum){ 0 };
}

static void add(struct call_sum *s, const struct call_cost *c)
{
	s->usd = money_add(s->usd, c->usd);
	s->input += c->input;
	s->output += c->output;
	s->turns += c->billed;
}

static void take_back(struct call_sum *s, const struct call_most *m)
{
	s->usd = money_sub(s->usd, m->usd);
	s->input -= m->input;
	s->output -= m->output;
	s->turns--;
}

/* Whatever is reserved and has no end was mended when the lock was taken. */
static int count_line(void *ctx, const json_t *line, struct err *e)
{
	const unsigned id = (unsigned)strtoul(ledger_text(line, "call"), NULL, 10);
	struct call_cost cost = { .billed = tokens(line, "turns") > 0,
				  .input = tokens(line, "input_tokens"),
				  .output = tokens(line, "output_tokens") };
	struct calls *c = ctx;
	struct call_sum *sum;

	if (id > c->last)
		c->last = id;
	if (strcmp(ledger_text(line, "what"), LEDGER_MODEL) != 0)
		return 0;
	sum = of_role(c, ledger_text(line, "role"));
	if (!sum)
		return err_set(e, EBADMSG, "the ledger names more than %d roles", ROLES);
	if (ledger_usd(line, "usd", &cost.usd, e) < 0)
		return -e->code;
	add(sum, &cost);
	return 0;
}

/* ---- what was kept ---- */

static int read_kept(const struct kase *k, const char *id, json_t **out, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(KEPT_MAX);
	char name[32];
	json_t *v;
	int r;

	(void)snprintf(name, sizeof(name), CALLS_DIR "/%.8s.json", id);
	r = file_read_at(case_dir(k), name, KEPT_MAX, &text, e);
	if (r < 0)
		return r;
	v = json_loadb(text.p ? text.p : "", text.n, JSON_REJECT_DUPLICATES, NULL);
	r = v ? record_is(v, SCHEMA, name, e)
	      : err_set(e, EBADMSG, "'%s/%s': not as it was written", case_path(k), name);
	if (r < 0) {
		json_decref(v);
		return r;
	}
	*out = v;
	return 0;
}

static int load_kept(void *ctx, const json_t *line, struct err *e)
{
	struct calls *c = ctx;
	json_t *v = NULL;
	int r;

	if (strcmp(ledger_text(line, "what"), LEDGER_MODEL) != 0)
		return 0;
	r = read_kept(c->k, ledger_text(line, "call"), &v, e);
	if (r == -ENOENT) {
		*e = (struct err)ERR_INIT;
		return 0;
	}
	if (r == 0 && strcmp(ledger_text(v, "run"), this_run()) == 0) {
		json_decref(v);
		return 0;
	}
	return r < 0 ? r : json_array_append_new(c->kept, v) < 0 ? no_memory(e) : 0;
}

json_t *calls_take(struct calls *c, const char *role, const char *request)
{
	json_t *v;
	size_t i;

	json_array_foreach(c->kept, i, v) {
		if (strcmp(ledger_text(v, "request"), request) != 0 ||
		    strcmp(ledger_text(v, "role"), role) != 0)
			continue;
		json_incref(v);
		(void)json_array_set_new(c->kept, i, json_null());
		return v;
	}
	return NULL;
}

static int keep(struct calls *c, const char *id, json_t *record, struct err *e)
{
	AUTO_FREE char *text = json_dumps(record, JSON_COMPACT);
	AUTO_CLOSE int at = -1;
	char name[32];
	int r;

	if (!text)
		return no_memory(e);
	r = dir_make_at(case_dir(c->k), CALLS_DIR, 0700, e);
	if (r < 0)
		return r;
	at = fd_open_beneath(case_dir(c->k), CALLS_DIR, O_RDONLY | O_DIRECTORY, 0, e);
	(void)snprintf(name, sizeof(name), "%.8s.json", id);
	return at < 0 ? at : file_publish_once_at(at, name, text, strlen(text), 0600, e);
}

int calls_forget(struct kase *k, struct err *e)
{
	return tree_remove_at(case_dir(k), CALLS_DIR, e);
}

/* ---- the account ---- */

int calls_open(struct kase *k, struct calls **out, struct err *e)
{
	struct calls *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return no_memory(e);
	c->k = k;
	c->kept = json_array();
	r = c->kept ? ledger_each(k, count_line, c, e) : no_memory(e);
	if (r == 0)
		r = ledger_each(k, load_kept, c, e);
	if (r < 0) {
		calls_close(c);
		return err_wrap(e, "case '%s'", case_id(k));
	}
	*out = c;
	return 0;
}

void calls_close(struct calls *c)
{
	if (!c)
		return;
	json_decref(c->kept);
	free(c);
}

int calls_next(struct calls *c, char id[CALL_ID], struct err *e)
{
	if (c->last >= CALLS_MAX)
		return err_set(e, EOVERFLOW, "case '%s': more than %d calls to models",
			       case_id(c->k), CALLS_MAX);
	(void)snprintf(id, CALL_ID, "%04u", ++c->last % (CALLS_MAX + 1));
	return 0;
}

int calls_reserve(struct calls *c, const char *id, const struct call_most *most, struct err *e)
{
	struct call_sum *sum = of_role(c, most->role);
	AUTO_JSON json_t *line = reserve_line(id, most);
	int r = line && sum ? ledger_commit(c->k, line, e) : no_memory(e);

	if (r < 0)
		return r;
	add(sum, &(struct call_cost){ .billed = true,
				      .input = most->input,
				      .output = most->output,
				      .usd = most->usd });
	return 0;
}

int calls_settle(struct calls *c, const char *id, const struct call_most *most,
		 const struct call_cost *cost, json_t *kept, struct err *e)
{
	AUTO_JSON json_t *own = kept;
	AUTO_JSON json_t *line = settle_line(id, most, cost);
	AUTO_JSON json_t *record = NULL;
	struct call_sum *sum = of_role(c, most->role);
	int r = 0;

	if (!line || !sum)
		return no_memory(e);
	if (own) {
		record = json_pack("{s:s,s:s,s:s,s:s,s:s,s:O,s:O}", "schema", SCHEMA, "call", id,
				   "run", this_run(), "role", most->role, "request", most->request,
				   "line", line, "kept", own);
		r = record ? keep(c, id, record, e) : no_memory(e);
	}
	if (r == 0)
		r = ledger_commit(c->k, line, e);
	if (r < 0) /* it stays reserved, which is never less */
		return err_wrap(e, "call %s", id);
	take_back(sum, most);
	add(sum, cost);
	return 0;
}

/* ---- after a crash ---- */

static int note_open(void *ctx, const json_t *line, struct err *e)
{
	const char *what = ledger_text(line, "what"), *call = ledger_text(line, "call");
	json_t *open = ctx;

	if (strcmp(what, LEDGER_MODEL) == 0)
		(void)json_object_del(open, call);
	else if (strcmp(what, LEDGER_RESERVE) == 0 &&
		 json_object_set(open, call, (json_t *)(uintptr_t)line) < 0)
		return no_memory(e);
	return 0;
}

static int charge(struct kase *k, const char *id, const json_t *reserve, struct err *e)
{
	const struct call_most m = { .role = ledger_text(reserve, "role"),
				     .model = ledger_text(reserve, "model") };
	struct call_cost cost = { .kind = "lost",
				  .billed = true,
				  .estimated = true,
				  .input = tokens(reserve, "most_input"),
				  .output = tokens(reserve, "most_output") };
	AUTO_JSON json_t *kept = NULL;
	AUTO_JSON json_t *line = NULL;
	int r = read_kept(k, id, &kept, e);

	if (r == 0 && json_is_object(json_object_get(kept, "line")))
		return ledger_commit(k, json_object_get(kept, "line"), e);
	*e = (struct err)ERR_INIT;
	r = ledger_usd(reserve, "most_usd", &cost.usd, e);
	if (r < 0)
		return r;
	line = settle_line(id, &m, &cost);
	return line ? ledger_commit(k, line, e) : no_memory(e);
}

int calls_mend(struct kase *k, struct err *e)
{
	AUTO_JSON json_t *open = json_object();
	const char *id;
	json_t *reserve;
	int r = open ? ledger_each(k, note_open, open, e) : no_memory(e);

	json_object_foreach(open, id, reserve) {
		if (r == 0)
			r = charge(k, id, reserve, e);
	}
	return r;
}
