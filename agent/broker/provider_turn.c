/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/broker/provider_ops.h"
#include "runtime/base/jmap.h"

/* Turns (model.h): what a request must be, and how an answer is put together. */

#define TOKENS_MAX    (1ull << 40)
#define TOOL_NAME_MAX 64
#define INPUT_DEPTH   8 /* where a call's input stands at most, in a request or a message */

static const struct keep text_part[] = { { .name = "text", .types = KEEP_STR, .required = true },
					 { 0 } };
static const struct keep call_part[] = {
	{ .name = "id", .types = KEEP_STR, .required = true },
	{ .name = "name", .types = KEEP_STR, .required = true },
	{ .name = "input", .types = KEEP_OBJ, .required = true },
	{ 0 },
};
static const struct keep result_part[] = {
	{ .name = "id", .types = KEEP_STR, .required = true },
	{ .name = "text", .types = KEEP_STR, .required = true },
	{ .name = "error", .types = KEEP_BOOL },
	{ 0 },
};
static const struct keep opaque_part[] = { { .name = "value", .types = KEEP_OBJ, .required = true },
					   { 0 } };
static const struct keep_kind parts[] = {
	{ "text", text_part, NULL },
	{ "call", call_part, NULL },
	{ "result", result_part, NULL },
	{ "opaque", opaque_part, NULL },
	{ 0 },
};
static const struct keep message[] = {
	{ .name = "role", .types = KEEP_STR, .required = true },
	{ .name = "content",
	  .types = KEEP_LIST,
	  .each = KEEP_OBJ,
	  .required = true,
	  .kinds = parts },
	{ 0 },
};
static const struct keep tool[] = {
	{ .name = "name", .types = KEEP_STR, .required = true },
	{ .name = "description", .types = KEEP_STR, .required = true },
	{ .name = "schema", .types = KEEP_OBJ, .required = true },
	{ 0 },
};
static const struct keep request[] = {
	{ .name = "system", .types = KEEP_STR, .required = true },
	{ .name = "messages",
	  .types = KEEP_LIST,
	  .each = KEEP_OBJ,
	  .required = true,
	  .sub = message },
	{ .name = "tools", .types = KEEP_LIST, .each = KEEP_OBJ, .sub = tool },
	{ .name = "max_output", .types = KEEP_INT },
	{ 0 },
};

static bool is_tool_name(const char *name)
{
	const size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-");

	return n > 0 && n <= TOOL_NAME_MAX && name[n] == '\0';
}

static int check_words(const json_t *kept, struct err *e)
{
	const json_t *messages = json_object_get(kept, "messages");
	const json_t *tools = json_object_get(kept, "tools");
	json_t *one;
	size_t i;

	if (json_array_size(messages) == 0)
		return err_set(e, EINVAL, "/messages: at least one is needed");
	json_array_foreach(messages, i, one) {
		const char *role = json_string_value(json_object_get(one, "role"));

		if (strcmp(role, "user") != 0 && strcmp(role, "assistant") != 0)
			return err_set(e, EINVAL,
				       "/messages/%zu/role: must be 'user' or 'assistant'", i);
	}
	if (json_array_size(tools) > MODEL_MAX_TOOLS)
		return err_set(e, EINVAL, "/tools: more than %d", MODEL_MAX_TOOLS);
	json_array_foreach(tools, i, one)
		if (!is_tool_name(json_string_value(json_object_get(one, "name"))))
			return err_set(
				e, EINVAL,
				"/tools/%zu/name: must be 1 to %d letters, digits, '_' or '-'", i,
				TOOL_NAME_MAX);
	return 0;
}

int turn_check(const json_t *body, json_t **out, struct err *e)
{
	AUTO_JSON json_t *kept = NULL;

	if (keep(request, body, EINVAL, &kept, e) < 0 || check_words(kept, e) < 0)
		return -e->code;
	*out = take_ptr(kept);
	return 0;
}

int request_body(const struct provider_request *rq,
		 int (*from_turn)(const json_t *turn, json_t **out, struct err *e),
		 const struct keep *known, json_t **out, struct err *e)
{
	AUTO_JSON json_t *turn = NULL;

	if (rq->protocol != MODEL_TURN)
		return keep(known, rq->body, EINVAL, out, e);
	return turn_check(rq->body, &turn, e) < 0 ? -e->code : from_turn(turn, out, e);
}

int answer_kept(const struct keep *known, const char *what, const json_t *data, json_t **kept,
		struct err *e)
{
	const json_t *error = json_object_get(data, "error");

	if (json_is_object(error))
		return provider_failed(error, e);
	return keep(known, data, EBADMSG, kept, e) < 0 ? err_wrap(e, "%s", what) : 0;
}

const char *stop_of(const struct stop_word *words, const char *reason)
{
	for (; words->theirs; words++)
		if (strcmp(reason, words->theirs) == 0)
			return words->ours;
	return "other";
}

uint64_t smaller_limit(uint64_t a, uint64_t b)
{
	if (a == 0 || b == 0)
		return a ? a : b;
	return a < b ? a : b;
}

uint64_t usage_count(const json_t *usage, const char *name)
{
	const json_int_t n = json_integer_value(json_object_get(usage, name));

	return n > 0 && (uint64_t)n < TOKENS_MAX ? (uint64_t)n : 0;
}

uint64_t usage_sub(const json_t *usage, const char *outer, const char *name)
{
	return usage_count(json_object_get(usage, outer), name);
}

static struct gathered *find(const struct provider_reading *r, int64_t key)
{
	for (size_t i = r->n_parts; i-- > 0;)
		if (!r->parts[i].done && r->parts[i].key == key)
			return &r->parts[i];
	return NULL;
}

json_t *gather_part(const struct provider_reading *r, int64_t key)
{
	const struct gathered *g = find(r, key);

	return g ? g->part : NULL;
}

static int add_part(struct provider_reading *r, struct gathered g, struct err *e)
{
	struct gathered *more;

	if (!g.part)
		return err_set(e, ENOMEM, "out of memory");
	if (r->n_parts == PROVIDER_MAX_PARTS) {
		json_decref(g.part);
		return err_set(e, E2BIG, "the answer has more than %d parts", PROVIDER_MAX_PARTS);
	}
	more = reallocarray(r->parts, r->n_parts + 1, sizeof(*more));
	if (!more) {
		json_decref(g.part);
		return err_set(e, ENOMEM, "out of memory");
	}
	r->parts = more;
	r->parts[r->n_parts++] = g;
	return 0;
}

int gather_begin(struct provider_reading *r, int64_t key, json_t *part, const char *member,
		 struct err *e)
{
	if (find(r, key)) {
		json_decref(part);
		return err_set(e, EBADMSG, "part %lld of the answer begins twice", (long long)key);
	}
	return add_part(r,
			(struct gathered){ .key = key,
					   .part = part,
					   .member = member,
					   .text = BUF_INIT(MODEL_MAX_ANSWER) },
			e);
}

int gather_add(struct provider_reading *r, int64_t key, const char *text, size_t n, struct err *e)
{
	struct gathered *g = find(r, key);

	if (!g)
		return err_set(e, EBADMSG, "part %lld of the answer goes on but never began",
			       (long long)key);
	buf_put(&g->text, text, n);
	return buf_check(&g->text, "answer", e);
}

static int refuse_input(json_t *part, const char *why, struct err *e)
{
	if (json_object_set_new(part, "input", json_object()) < 0 ||
	    json_object_set_new(part, "invalid", json_string(why)) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return 0;
}

/* What goes into an answer has to come back in a request. */
static int bound_input(json_t *part, struct err *e)
{
	const json_t *input = json_object_get(part, "input");

	if (!input || keep_within(input, INPUT_DEPTH))
		return 0;
	return refuse_input(part, "arguments: nested too deep", e);
}

int part_input(json_t *part, const char *text, size_t n, struct err *e)
{
	struct err why = ERR_INIT;
	AUTO_JSON json_t *input = NULL;

	/* models that have nothing to say send no arguments */
	if (n == 0)
		input = json_object();
	else if (provider_parse("arguments", text, n, MODEL_MAX_ANSWER, &input, &why) == 0 &&
		 !json_is_object(input))
		(void)err_set(&why, EBADMSG, "arguments: must be an object");
	if (why.code)
		return refuse_input(part, why.msg, e);
	if (json_object_set(part, "input", input) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return bound_input(part, e);
}

static int finish(struct gathered *g, struct err *e)
{
	json_t *value = json_object_get(g->part, "value");
	const char *text = g->text.p ? g->text.p : "";
	int r = 0;

	g->done = true;
	if (strcmp(json_string_value(json_object_get(g->part, "type")), "call") == 0)
		r = part_input(g->part, text, g->text.n, e);
	else if (g->member && json_object_set_new(value ? value : g->part, g->member,
						  json_stringn(text, g->text.n)) < 0)
		r = err_set(e, ENOMEM, "out of memory");
	buf_release(&g->text);
	return r;
}

int gather_end(struct provider_reading *r, int64_t key, struct err *e)
{
	struct gathered *g = find(r, key);

	return g ? finish(g, e)
		 : err_set(e, EBADMSG, "part %lld of the answer ends but never began",
			   (long long)key);
}

int gather_end_all(struct provider_reading *r, struct err *e)
{
	for (size_t i = 0; i < r->n_parts; i++)
		if (!r->parts[i].done && finish(&r->parts[i], e) < 0)
			return -e->code;
	return 0;
}

bool gather_has_call(const struct provider_reading *r)
{
	for (size_t i = 0; i < r->n_parts; i++)
		if (strcmp(json_string_value(json_object_get(r->parts[i].part, "type")), "call") ==
		    0)
			return true;
	return false;
}

int gather_whole(struct provider_reading *r, json_t *part, struct err *e)
{
	if (part && bound_input(part, e) < 0) {
		json_decref(part);
		return -e->code;
	}
	return add_part(
		r, (struct gathered){ .key = -1, .part = part, .done = true, .text = BUF_INIT(1) },
		e);
}

json_t *part_text(const char *text)
{
	return json_pack("{ss, ss}", "type", "text", "text", text);
}

json_t *part_call(const char *id, const char *name, const json_t *input)
{
	json_t *part = json_pack("{ss, ss, ss}", "type", "call", "id", id, "name", name);

	if (part && input && json_object_set(part, "input", (json_t *)(uintptr_t)input) < 0) {
		json_decref(part);
		return NULL;
	}
	return part;
}

json_t *part_opaque(json_t *value)
{
	return json_pack("{ss, so}", "type", "opaque", "value", value);
}
