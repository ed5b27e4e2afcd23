/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inside/input.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#define STEPS_MAX  64
#define NAME_BYTES 256
#define DEPTH_MAX  32

static const struct jmap step_map[] = {
	{ .name = "let",
	  .kind = JMAP_STR,
	  .offset = offsetof(struct step, let),
	  .max = NAME_BYTES },
	{ .name = "on", .kind = JMAP_STR, .offset = offsetof(struct step, on), .max = NAME_BYTES },
	{ .name = "module",
	  .kind = JMAP_STR,
	  .offset = offsetof(struct step, module),
	  .max = NAME_BYTES },
	{ .name = "call",
	  .kind = JMAP_STR,
	  .offset = offsetof(struct step, call),
	  .max = NAME_BYTES },
	{ .name = "new", .kind = JMAP_BOOL, .offset = offsetof(struct step, construct) },
	{ .name = "request", .kind = JMAP_BOOL, .offset = offsetof(struct step, request) },
	{ .name = "args", .kind = JMAP_JSON, .offset = offsetof(struct step, args) },
	{ .name = "kwargs", .kind = JMAP_JSON, .offset = offsetof(struct step, kwargs) },
	{ 0 },
};

const struct jmap script_map[] = {
	{ .name = "script",
	  .kind = JMAP_LIST,
	  .offset = offsetof(struct script, steps),
	  .required = 1,
	  .min = 1,
	  .max = STEPS_MAX,
	  .sub = step_map,
	  .size = sizeof(struct step) },
	{ 0 },
};

const struct jmap command_map[] = {
	{ .name = "argv",
	  .kind = JMAP_STRS,
	  .offset = offsetof(struct command, argv),
	  .required = 1,
	  .min = 1,
	  .max = 1024 },
	{ .name = "stdin",
	  .kind = JMAP_STR,
	  .offset = offsetof(struct command, input),
	  .max = 1u << 20 },
	{ .name = "files", .kind = JMAP_MAP, .offset = offsetof(struct command, files), .max = 64 },
	{ 0 },
};

static bool is_identifier(const char *s)
{
	if (!isalpha((unsigned char)*s) && *s != '_' && *s != '$')
		return false;
	while (isalnum((unsigned char)*s) || *s == '_' || *s == '$')
		s++;
	return *s == '\0';
}

/* "a.b.c": an export may lie deeper; nothing else may be spliced into a test's code. */
static bool is_dotted(const char *s)
{
	AUTO_FREE char *copy = strdup(s);
	char *save = NULL;

	if (!copy || !*s || s[strlen(s) - 1] == '.' || strstr(s, "..") || *s == '.')
		return false;
	for (char *part = strtok_r(copy, ".", &save); part; part = strtok_r(NULL, ".", &save))
		if (!is_identifier(part))
			return false;
	return true;
}

static bool is_module(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("@/._-", *s))
			return false;
	return true;
}

static bool was_let(const struct script *s, size_t before, const char *name)
{
	const struct step *steps = s->steps.v;

	for (size_t i = 0; i < before; i++)
		if (steps[i].let && strcmp(steps[i].let, name) == 0)
			return true;
	return false;
}

static int check_value(const struct script *s, size_t at, json_t *v, unsigned depth, struct err *e)
{
	const char *text = NULL, *key;
	json_t *member;
	size_t i;
	int r = 0;

	if (depth > DEPTH_MAX)
		return err_set(e, EINVAL, "/script/%zu: values nested deeper than %d", at,
			       DEPTH_MAX);
	if (value_kind(v, &text) == VALUE_NAME && !was_let(s, at, text))
		return err_set(e, EINVAL, "/script/%zu: '$%s' was not let before", at, text);
	json_array_foreach(v, i, member) {
		r = check_value(s, at, member, depth + 1, e);
		if (r < 0)
			return r;
	}
	json_object_foreach(v, key, member) {
		r = check_value(s, at, member, depth + 1, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_step(const struct script *s, size_t at, struct err *e)
{
	const struct step *p = (const struct step *)s->steps.v + at;
	int r = 0;

	if (p->let && !is_identifier(p->let))
		return err_set(e, EINVAL, "/script/%zu/let: '%s' is not a name", at, p->let);
	if (p->on && (p->on[0] != '$' || !was_let(s, at, p->on + 1)))
		return err_set(e, EINVAL, "/script/%zu/on: '%s' was not let before", at, p->on);
	if (p->call && !is_dotted(p->call))
		return err_set(e, EINVAL, "/script/%zu/call: '%s' is not a name", at, p->call);
	if (p->module && !is_module(p->module))
		return err_set(e, EINVAL, "/script/%zu/module: '%s' is not a module", at,
			       p->module);
	if (p->on && !p->call)
		return err_set(e, EINVAL, "/script/%zu: 'on' needs 'call'", at);
	if (p->args && !json_is_array(p->args))
		return err_set(e, EINVAL, "/script/%zu/args: not an array", at);
	if (p->kwargs && !json_is_object(p->kwargs))
		return err_set(e, EINVAL, "/script/%zu/kwargs: not an object", at);
	if (p->args)
		r = check_value(s, at, p->args, 0, e);
	if (r == 0 && p->kwargs)
		r = check_value(s, at, p->kwargs, 0, e);
	return r;
}

static int check_script(const json_t *normal, struct err *e)
{
	struct script s = { 0 };
	int r = jmap_read(script_map, normal, &s, "", e);

	for (size_t i = 0; r == 0 && i < s.steps.n; i++)
		r = check_step(&s, i, e);
	jmap_release(script_map, &s);
	return r;
}

static int check_command(const json_t *command, struct err *e)
{
	struct command c = { 0 };
	const int r = jmap_read(command_map, command, &c, "/command", e);

	jmap_release(command_map, &c);
	return r;
}

/* {"module","export","args",...} as a step; the receiver becomes a step of its own before it. */
static int add_call(json_t *steps, const json_t *call, unsigned depth, struct err *e)
{
	const json_t *receiver = json_object_get(call, "receiver");
	const json_t *name = json_object_get(call, "export");
	AUTO_JSON json_t *step = json_deep_copy(call);
	int r = 0;

	if (!json_is_object(call) || depth > 8)
		return err_set(e, EINVAL, "/call: not a call");
	if (!step)
		return err_set(e, ENOMEM, "out of memory");
	if (name && json_object_set_new(step, "call", json_deep_copy(name)) < 0)
		return err_set(e, ENOMEM, "out of memory");
	(void)json_object_del(step, "export");
	(void)json_object_del(step, "receiver");
	if (receiver && !json_is_null(receiver)) {
		char let[32];

		r = add_call(steps, receiver, depth + 1, e);
		if (r < 0)
			return r;
		(void)snprintf(let, sizeof(let), "receiver%zu", json_array_size(steps));
		(void)json_object_set_new(json_array_get(steps, json_array_size(steps) - 1), "let",
					  json_string(let));
		(void)json_object_set_new(step, "on", json_sprintf("$%s", let));
	}
	if (json_array_append(steps, step) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return 0;
}

int input_normal(const json_t *input, json_t **out, struct err *e)
{
	const json_t *script = json_object_get(input, "script");
	const json_t *call = json_object_get(input, "call");
	const json_t *command = json_object_get(input, "command");
	AUTO_JSON json_t *normal = json_object();
	int r;

	if (!normal)
		return err_set(e, ENOMEM, "out of memory");
	if (json_is_object(command)) {
		r = check_command(command, e);
		(void)json_object_set_new(normal, "command", json_deep_copy(command));
	} else if (json_is_array(script)) {
		(void)json_object_set_new(normal, "script", json_deep_copy(script));
		r = check_script(normal, e);
	} else if (json_is_object(call)) {
		json_t *steps = json_array();

		(void)json_object_set_new(normal, "script", steps);
		r = add_call(steps, call, 0, e);
		if (r == 0)
			r = check_script(normal, e);
	} else {
		return err_set(e, ENOENT, "the incident has no call, script or command to replay");
	}
	if (r == 0)
		*out = take_ptr(normal);
	return r < 0 ? err_wrap(e, "input") : 0;
}

enum value_kind value_kind(const json_t *v, const char **text)
{
	static const struct {
		const char *name;
		enum value_kind kind;
	} typed[] = { { "$number", VALUE_NUMBER },
		      { "$bigint", VALUE_BIGINT },
		      { "$date", VALUE_DATE },
		      { "$bytes", VALUE_BYTES } };

	if (json_is_string(v)) {
		const char *s = json_string_value(v);

		if (s[0] != '$' || s[1] == '$' || !is_identifier(s + 1))
			return VALUE_PLAIN;
		*text = s + 1;
		return VALUE_NAME;
	}
	if (json_object_size(v) != 1)
		return VALUE_PLAIN;
	if (json_object_get(v, "$undefined"))
		return VALUE_UNDEFINED;
	for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++) {
		const json_t *payload = json_object_get(v, typed[i].name);

		if (json_is_string(payload)) {
			*text = json_string_value(payload);
			return typed[i].kind;
		}
	}
	return VALUE_PLAIN;
}

bool input_is_protocol(const char *text, bool is_key)
{
	static const char *const words[] = {
		"DELETE",
		"GET",
		"HEAD",
		"OPTIONS",
		"PATCH",
		"POST",
		"PUT",
		"QUERY_STRING",
		"TESTING",
		"application/json",
		"application/x-www-form-urlencoded",
		"body",
		"content-type",
		"content_type",
		"data",
		"headers",
		"json",
		"query",
		"query_string",
		"text/plain",
	};

	if (is_key && strncmp(text, "HTTP_", 5) == 0)
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	return false;
}

/* ---- what stands out ---- */

/* The earlier row is the more telling one. */
static const char *const remarkable[] = { "null",	    "undefined",     "nan",
					  "infinity",	    "negative-zero", "empty-string",
					  "empty-array",    "empty-object",  "zero",
					  "negative-number" };
#define N_REMARKABLE (sizeof(remarkable) / sizeof(remarkable[0]))

struct finding {
	size_t rank;
	const char *place;
};

static size_t rank_of(const json_t *v)
{
	const char *text = NULL;
	const enum value_kind kind = value_kind(v, &text);

	if (kind == VALUE_UNDEFINED)
		return 1;
	if (kind == VALUE_NUMBER)
		return strcmp(text, "NaN") == 0 ? 2 : strcmp(text, "-0") == 0 ? 4 : 3;
	if (kind != VALUE_PLAIN)
		return N_REMARKABLE;
	if (json_is_null(v))
		return 0;
	if (json_is_string(v) && json_string_length(v) == 0)
		return 5;
	if (json_is_array(v) && json_array_size(v) == 0)
		return 6;
	if (json_is_object(v) && json_object_size(v) == 0)
		return 7;
	if (json_is_number(v) && json_number_value(v) <= 0)
		return json_number_value(v) < 0 ? 9 : 8;
	return N_REMARKABLE;
}

static void look(json_t *v, const char *place, struct finding *f)
{
	const char *text = NULL, *key;
	const size_t rank = rank_of(v);
	json_t *member;
	size_t i;

	if (rank < f->rank)
		*f = (struct finding){ rank, place };
	if (value_kind(v, &text) != VALUE_PLAIN)
		return;
	json_array_foreach(v, i, member)
		look(member, "array-element", f);
	json_object_foreach(v, key, member)
		look(member, "property", f);
}

void input_describe(const json_t *normal, struct buf *out)
{
	const json_t *steps = json_object_get(normal, "script");
	const json_t *last = json_array_get(steps, json_array_size(steps) - 1);
	struct finding f = { N_REMARKABLE, "" };
	const char *key;
	json_t *arg;
	size_t i;

	json_array_foreach(json_object_get(last, "args"), i, arg)
		look(arg, "argument", &f);
	json_object_foreach(json_object_get(last, "kwargs"), key, arg)
		look(arg, "argument", &f);
	if (f.rank < N_REMARKABLE)
		buf_printf(out, "%s-%s", remarkable[f.rank], f.place);
}
