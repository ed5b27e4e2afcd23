/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/front/tools.h"

#include <string.h>

#define STRUCTURED_MAX (64u << 10)  /* a longer result is given as text only */
#define TEXT_MAX       (256u << 10) /* and is cut there */
#define OWN_NOTES      50	    /* of the gate's notes, for what the front refuses itself */
#define ALLOWED_MAX    4096	    /* of the scope in a refusal */

struct tool {
	const char *name, *help;
	uint16_t type; /* enum gate_msg; 0: answered here */
	const struct jmap *map;
	const char *members; /* of the message that are offered, between spaces */
	json_t *(*local)(const struct front_state *f);
	const char *instead; /* what may be done where it is refused */
};

#define IN_SCOPE "change only what the tool 'scope' names"

/* ---- those answered here ---- */

static json_t *local_incident(const struct front_state *f)
{
	return json_incref(f->task.incident);
}

static json_t *local_history(const struct front_state *f)
{
	return json_pack("{s:s}", "history", f->task.history ? f->task.history : "");
}

static json_t *local_scope(const struct front_state *f)
{
	const struct gate_task *t = &f->task;

	return json_pack("{s:s,s:O*,s:s,s:s*,s:s*,s:s*,s:s,s:s,s:O*,s:I}", "role", t->role,
			 "may_change", t->scope, "repository", t->repo, "module", t->module,
			 "test_dir", t->test_dir, "test_path", t->test_path, "language",
			 t->language, "framework", t->framework, "conventions", t->conventions,
			 "evaluations", (json_int_t)t->evaluations);
}

static const struct tool tools[] = {
	{ "incident", "What production reported: exception, frames, input, what was lost.", 0, NULL,
	  "", local_incident, NULL },
	{ "history", "Git log of the module, up to the commit that production ran.", 0, NULL, "",
	  local_history, NULL },
	{ "scope", "What may be changed, where tests go, and how this repository's tests are run.",
	  0, NULL, "", local_scope, NULL },
	{ "budget", "What is left of evaluations, commands and money.", GATE_BUDGET,
	  gate_budget_map, "", NULL, "" },
	{ "check", "Whether these changes would be in scope. Costs nothing.", GATE_CHECK,
	  gate_check_map, " changes ", NULL, IN_SCOPE },
	{ "evaluate",
	  "Runs these changes over the reported commit in a fresh replica. reproduce: does the new "
	  "test fail as production did; quick: does the reproduction test pass; full: and the "
	  "whole "
	  "suite.",
	  GATE_EVALUATE, gate_evaluate_map, " kind changes note ", NULL, IN_SCOPE },
	{ "run",
	  "Runs one command in a fresh replica of the repository; what it leaves is dropped.",
	  GATE_RUN, gate_run_map, " argv cwd changes timeout_ms ", NULL,
	  "use a command that the policy allows (see the tool 'scope'), or 'evaluate'" },
	{ "submit",
	  "Submits the result, once. Without changes: what lies in the repository's tree when the "
	  "agent ends.",
	  GATE_SUBMIT, gate_submit_map, " changes title cause change test_name ", NULL, IN_SCOPE },
	{ "note", "Notes something for the record of the case.", GATE_NOTE, gate_note_map, " text ",
	  NULL, "" },
	{ "give_up", "Ends without a result and says why. Better than a wrong one.", GATE_GIVE_UP,
	  gate_give_up_map, " reason person ", NULL, "" },
};

#define N_TOOLS (sizeof(tools) / sizeof(tools[0]))

const struct tool *tool_find(const char *name)
{
	for (size_t i = 0; i < N_TOOLS; i++)
		if (strcmp(tools[i].name, name) == 0)
			return &tools[i];
	return NULL;
}

static bool offers(const struct tool *t, const char *member)
{
	char word[66];

	if (strlen(member) > 63 || strchr(member, ' '))
		return false;
	(void)snprintf(word, sizeof(word), " %s ", member);
	return strstr(t->members, word) != NULL;
}

/* ---- schemas ---- */

static json_t *object_schema(const struct jmap *map, const struct tool *t);

static json_t *words_schema(const char *const *words)
{
	json_t *list = json_array();

	for (; *words; words++)
		(void)json_array_append_new(list, json_string(*words));
	return json_pack("{s:s,s:o}", "type", "string", "enum", list);
}

static json_t *member_schema(const struct jmap *m)
{
	switch (m->kind) {
	case JMAP_BOOL:
		return json_pack("{s:s}", "type", "boolean");
	case JMAP_U64:
		return json_pack("{s:s,s:I}", "type", "integer", "minimum", (json_int_t)m->min);
	case JMAP_STR:
		return json_pack("{s:s,s:I}", "type", "string", "maxLength", (json_int_t)m->max);
	case JMAP_ENUM:
		return words_schema(m->words);
	case JMAP_STRS:
		return json_pack("{s:s,s:I,s:I,s:{s:s}}", "type", "array", "minItems",
				 (json_int_t)m->min, "maxItems", (json_int_t)m->max, "items",
				 "type", "string");
	case JMAP_LIST:
		return json_pack("{s:s,s:I,s:o}", "type", "array", "maxItems", (json_int_t)m->max,
				 "items", object_schema(m->sub, NULL));
	case JMAP_I64:
	case JMAP_REAL:
	case JMAP_BYTES:
	case JMAP_DURATION:
	case JMAP_OBJECT:
	case JMAP_MAP:
	case JMAP_JSON:
		break;
	}
	return json_object();
}

/* t: only the members that it offers; NULL: all. */
static json_t *object_schema(const struct jmap *map, const struct tool *t)
{
	json_t *properties = json_object(), *required = json_array();

	for (; map && map->name; map++) {
		json_t *s;

		if (t && !offers(t, map->name))
			continue;
		s = member_schema(map);
		(void)json_object_set_new(s, "description", json_string(map->help));
		(void)json_object_set_new(properties, map->name, s);
		if (map->required && map->kind != JMAP_ENUM) /* that one has a default */
			(void)json_array_append_new(required, json_string(map->name));
	}
	return json_pack("{s:s,s:o,s:o,s:b}", "type", "object", "properties", properties,
			 "required", required, "additionalProperties", 0);
}

static bool reproduces(const struct front_state *f)
{
	return strcmp(f->task.role, "reproduce") == 0;
}

/* What an agent of this role may ask. */
static json_t *kinds_schema(const struct front_state *f)
{
	if (reproduces(f))
		return json_pack("{s:s,s:[s],s:s}", "type", "string", "enum", "reproduce",
				 "default", "reproduce");
	return json_pack("{s:s,s:[s,s],s:s}", "type", "string", "enum", "quick", "full", "default",
			 "quick");
}

json_t *tools_list(const struct front_state *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < N_TOOLS; i++) {
		json_t *schema = object_schema(tools[i].map, &tools[i]);

		if (tools[i].type == GATE_EVALUATE)
			(void)json_object_set_new(json_object_get(schema, "properties"), "kind",
						  kinds_schema(f));
		(void)json_array_append_new(list, json_pack("{s:s,s:s,s:o}", "name", tools[i].name,
							    "description", tools[i].help,
							    "inputSchema", schema));
	}
	return json_pack("{s:o}", "tools", list);
}

/* ---- calls ---- */

/* Cut between characters. */
static json_t *bounded_text(const char *s)
{
	size_t n = strlen(s);

	if (n > TEXT_MAX)
		for (n = TEXT_MAX; n && ((unsigned char)s[n] & 0xc0) == 0x80;)
			n--;
	return json_stringn(s, n);
}

static json_t *pack_result(json_t *value, const char *prose, bool failed)
{
	AUTO_JSON json_t *own = value;
	AUTO_FREE char *text = own ? json_dumps(own, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	json_t *result;

	if (!text)
		return NULL;
	result = json_pack("{s:[{s:s,s:o}]}", "content", "type", "text", "text",
			   bounded_text(prose ? prose : text));
	if (strlen(text) <= STRUCTURED_MAX)
		(void)json_object_set(result, "structuredContent", own);
	if (failed)
		(void)json_object_set_new(result, "isError", json_true());
	return result;
}

static json_t *pack_refusal(const struct front_state *f, const struct tool *t,
			    const struct gate_refusal *r)
{
	AUTO_FREE char *scope = f->task.scope ? json_dumps(f->task.scope, JSON_COMPACT) : NULL;
	const bool short_scope = scope && *t->instead && strlen(scope) <= ALLOWED_MAX;
	AUTO_BUF struct buf text = BUF_INIT(TEXT_MAX);

	buf_printf(&text, "refused: %s (rule %s%s%s).", r->reason ? r->reason : "not allowed",
		   r->rule ? r->rule : "built-in", r->place ? ", " : "", r->place ? r->place : "");
	if (*t->instead)
		buf_printf(&text, " Allowed instead: %s.", t->instead);
	if (short_scope)
		buf_printf(&text, " Scope: %s", scope);
	return pack_result(json_pack("{s:b,s:s*,s:s*,s:s*,s:s,s:O*}", "refused", 1, "rule", r->rule,
				     "place", r->place, "reason", r->reason, "instead", t->instead,
				     "scope", short_scope ? f->task.scope : NULL),
			   text.p, true);
}

static json_t *refuse_here(const struct front_state *f, const struct tool *t, const char *rule,
			   const char *reason)
{
	char own_rule[32], own_reason[sizeof(((struct err *)0)->msg)];
	const struct gate_refusal r = { .rule = own_rule, .reason = own_reason };

	(void)snprintf(own_rule, sizeof(own_rule), "%s", rule);
	(void)snprintf(own_reason, sizeof(own_reason), "%s", reason);
	return pack_refusal(f, t, &r);
}

/* The message: its offered members, an id, and what has a default. */
static json_t *make_request(const struct front_state *f, const struct tool *t, const json_t *args,
			    struct err *e)
{
	AUTO_JSON json_t *req = json_object();
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)args, key, v) {
		if (!offers(t, key)) {
			(void)err_set(e, EINVAL, "/%.64s: '%s' takes no such argument", key,
				      t->name);
			return NULL;
		}
		if (!json_is_null(v) && json_object_set(req, key, v) < 0)
			break;
	}
	if (t->type == GATE_EVALUATE && !json_object_get(req, "kind"))
		(void)json_object_set_new(req, "kind",
					  json_string(reproduces(f) ? "reproduce" : "quick"));
	if (t->type == GATE_SUBMIT && json_array_size(json_object_get(req, "changes")) == 0)
		(void)json_object_set_new(req, "tree", json_true());
	return take_ptr(req);
}

/* What the gate would end the replica for is refused here. */
static int check_request(const struct front_state *f, const struct tool *t, const json_t *req,
			 struct err *e)
{
	union {
		struct gate_evaluate evaluate;
		struct gate_check check;
		struct gate_run run;
		struct gate_submit submit;
		struct gate_give_up give_up;
		struct gate_note note;
		struct gate_budget budget;
	} any;
	int r;

	memset(&any, 0, sizeof(any));
	r = jmap_read(t->map, req, &any, "", e);
	if (r == 0 && t->type == GATE_EVALUATE &&
	    (any.evaluate.kind == GATE_KIND_REPRODUCE) != reproduces(f))
		r = err_set(e, EINVAL, "/kind: a %s agent may ask for %s", f->task.role,
			    reproduces(f) ? "reproduce" : "quick or full");
	jmap_release(t->map, &any);
	return r < 0 ? -EINVAL : 0;
}

static int ask(struct front_state *f, struct conn *c, const struct tool *t, json_t *req,
	       struct call **call, struct err *e)
{
	struct call *k = front_call(f, c, t->type);
	int r;

	if (!k)
		return err_set(e, EAGAIN, "too many requests wait for an answer");
	k->tool = t;
	(void)json_object_set_new(req, "id", json_integer((json_int_t)k->id));
	r = front_send(f, t->type, json_incref(req), e);
	if (r < 0) {
		front_call_done(k);
		return r;
	}
	f->over = f->over || t->type == GATE_SUBMIT || t->type == GATE_GIVE_UP;
	*call = k;
	return 1;
}

static json_t *take_note(struct front_state *f, const struct tool *t, json_t *req)
{
	struct err e = ERR_INIT;

	if (f->notes >= GATE_MAX_NOTES - OWN_NOTES)
		return refuse_here(f, t, "notes", "no more notes are kept");
	f->notes++;
	if (front_send(f, GATE_NOTE, json_incref(req), &e) < 0)
		return NULL;
	return pack_result(json_pack("{s:b}", "noted", 1), NULL, false);
}

int tool_begin(struct front_state *f, struct conn *c, const struct tool *t, const json_t *args,
	       struct call **call, json_t **result, struct err *e)
{
	AUTO_JSON json_t *req = make_request(f, t, args, e);
	struct err full = ERR_INIT;

	if (!req || (t->map && check_request(f, t, req, e) < 0))
		return -EINVAL;
	if (t->local)
		*result = pack_result(t->local(f), NULL, false);
	else if (f->over)
		*result = refuse_here(f, t, "over", "a result was submitted or given up: end now");
	else if (t->type == GATE_NOTE)
		*result = take_note(f, t, req);
	else if (ask(f, c, t, req, call, &full) > 0)
		return 1;
	else
		*result = refuse_here(f, t, "queue", full.msg);
	return 0;
}

static json_t *without_id(const json_t *body)
{
	json_t *copy = json_copy((json_t *)(uintptr_t)body);

	(void)json_object_del(copy, "id");
	return copy;
}

static json_t *done_result(const struct call *k)
{
	const bool last = k->type == GATE_SUBMIT || k->type == GATE_GIVE_UP;

	if (!last)
		return pack_result(json_pack("{s:b}", "in_scope", 1), NULL, false);
	return pack_result(json_pack("{s:b,s:s}", "accepted", 1, "next", "end now"), NULL, false);
}

json_t *tool_result(struct front_state *f, const struct call *k, uint16_t type, const json_t *body)
{
	struct gate_refusal why = { 0 };
	struct err e = ERR_INIT;
	json_t *result;

	if (type == GATE_DONE)
		return done_result(k);
	if (type != GATE_REFUSED)
		return pack_result(without_id(body), NULL, false);
	if (k->type == GATE_SUBMIT || k->type == GATE_GIVE_UP)
		f->over = false; /* it may be changed and submitted again */
	(void)jmap_read(gate_refusal_map, body, &why, "", &e); /* it was read before */
	result = pack_refusal(f, k->tool, &why);
	jmap_release(gate_refusal_map, &why);
	return result;
}
