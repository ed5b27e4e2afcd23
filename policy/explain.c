/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "policy/source.h"

/* Every rule of every source with its place and who enforces it, read off the documents themselves.
 */

static const char *const silent[] = { "$schema", "version", "name", "description",
				      "extends", "roles",   "tests" };

typedef int rule_fn(const struct source *s, const char *pointer, const json_t *value, void *ctx);

static bool is_silent(const char *key)
{
	for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++)
		if (strcmp(silent[i], key) == 0)
			return true;
	return false;
}

/* A member of an object or an element of a list that nothing below it divides. */
static int walk(const struct source *s, const char *pointer, const json_t *value, rule_fn *fn,
		void *ctx)
{
	const bool object = json_is_object(value);
	const char *key;
	json_t *item;
	size_t i;
	int r = 0;

	if (!object && !json_is_array(value))
		return fn(s, pointer, value, ctx);
	if (object) {
		json_object_foreach((json_t *)(uintptr_t)value, key, item) {
			char deeper[128];

			if (!*pointer && is_silent(key))
				continue;
			(void)snprintf(deeper, sizeof(deeper), "%s/%.60s", pointer, key);
			r = r ? r : walk(s, deeper, item, fn, ctx);
		}
		return r;
	}
	json_array_foreach(value, i, item) {
		char deeper[128];

		(void)snprintf(deeper, sizeof(deeper), "%.100s/%zu", pointer, i);
		r = r ? r : fn(s, deeper, item, ctx);
	}
	return r;
}

/* "path" and "reason" of a rule that has them; else the value as it is written. */
static char *value_text(const json_t *value)
{
	const json_t *const path = json_object_get(value, "path");

	return json_dumps(path && !json_object_get(value, "pattern") ? path : value,
			  JSON_COMPACT | JSON_ENCODE_ANY);
}

static int print_rule(const struct source *s, const char *pointer, const json_t *value, void *ctx)
{
	const struct jsonc_pos at = jsonc_where(s->json, pointer);
	const char *const reason = json_string_value(json_object_get(value, "reason"));
	const char *const mechanism = policy_mechanism(pointer);
	AUTO_FREE char *text = value_text(value);

	(void)fprintf(ctx, "  %3u:%-3u  %-28s  %-42s  [%s]%s%s\n", at.line, at.column, pointer,
		      text ? text : "?", mechanism ? mechanism : "?", reason ? "  " : "",
		      reason ? reason : "");
	return 0;
}

/* ---- what has no effect because another source is stricter ---- */

static const struct scalar {
	const char *pointer;
	enum { NUMBER, SCALE, TRUTH } kind;
	size_t at, has;
} scalars[] = {
#define SCALAR(p, k, m, h)                                             \
	{                                                              \
		p, k, offsetof(struct doc, m), offsetof(struct doc, h) \
	}
	SCALAR("/code/max_files", NUMBER, code.max_files, code.has_max_files),
	SCALAR("/code/max_changed_lines", NUMBER, code.max_changed_lines,
	       code.has_max_changed_lines),
	SCALAR("/code/max_file_bytes", NUMBER, code.max_file_bytes, code.has_max_file_bytes),
	SCALAR("/code/weakening", SCALE, code.weakening, code.has_weakening),
	SCALAR("/code/file_types/symlinks", SCALE, code.types.symlinks, code.types.has_symlinks),
	SCALAR("/code/file_types/binaries", SCALE, code.types.binaries, code.types.has_binaries),
	SCALAR("/code/file_types/mode_changes", SCALE, code.types.mode_changes,
	       code.types.has_mode_changes),
	SCALAR("/code/file_types/renames", SCALE, code.types.renames, code.types.has_renames),
	SCALAR("/code/tests/add", TRUTH, code.tests.add, code.tests.has_add),
	SCALAR("/code/tests/modify", SCALE, code.tests.modify, code.tests.has_modify),
	SCALAR("/code/tests/delete", TRUTH, code.tests.delete, code.tests.has_delete),
	SCALAR("/code/dependencies/add", SCALE, code.dependencies.add, code.dependencies.has_add),
	SCALAR("/code/dependencies/upgrade", SCALE, code.dependencies.upgrade,
	       code.dependencies.has_upgrade),
	SCALAR("/code/dependencies/remove", SCALE, code.dependencies.remove,
	       code.dependencies.has_remove),
	SCALAR("/syscalls/preset", SCALE, syscalls.preset, syscalls.has_preset),
	SCALAR("/syscalls/default", SCALE, syscalls.action, syscalls.has_action),
	SCALAR("/network/loopback", TRUTH, net.loopback, net.has_loopback),
	SCALAR("/resources/memory", NUMBER, resources.memory, resources.has_memory),
	SCALAR("/resources/swap", NUMBER, resources.swap, resources.has_swap),
	SCALAR("/resources/pids", NUMBER, resources.pids, resources.has_pids),
	SCALAR("/resources/disk", NUMBER, resources.disk, resources.has_disk),
	SCALAR("/resources/inodes", NUMBER, resources.inodes, resources.has_inodes),
	SCALAR("/resources/open_files", NUMBER, resources.open_files, resources.has_open_files),
	SCALAR("/resources/wall", NUMBER, resources.wall, resources.has_wall),
	SCALAR("/resources/idle", NUMBER, resources.idle, resources.has_idle),
	SCALAR("/resources/output", NUMBER, resources.output, resources.has_output),
	SCALAR("/model/max_input_tokens", NUMBER, model.max_input_tokens, model.has_input),
	SCALAR("/model/max_output_tokens", NUMBER, model.max_output_tokens, model.has_output),
	SCALAR("/model/max_turns", NUMBER, model.max_turns, model.has_turns),
	SCALAR("/model/max_tool_calls", NUMBER, model.max_tool_calls, model.has_calls),
#undef SCALAR
};

/* The source that decides the scalar, where it is stricter than the document itself says; else
 * NULL. */
static const struct source *overruled(const struct policy *p, const struct scalar *k)
{
	const char *const doc = (const char *)&p->v[0]->doc;
	const struct source *who = NULL;
	uint64_t number = 0;
	bool truth = false, differs = false;
	int scale = 0;

	if (!*(const bool *)(doc + k->has))
		return NULL;
	switch (k->kind) {
	case NUMBER:
		who = strict_u64(p, k->at, k->has, &number);
		differs = number < *(const uint64_t *)(const void *)(doc + k->at);
		break;
	case SCALE:
		who = strict_int(p, k->at, k->has, &scale);
		differs = scale < *(const int *)(const void *)(doc + k->at);
		break;
	case TRUTH:
		who = strict_bool(p, k->at, k->has, &truth);
		differs = truth < *(const bool *)(doc + k->at);
		break;
	}
	return differs ? who : NULL;
}

size_t policy_notes(const struct policy *p, FILE *to)
{
	size_t n = 0;

	for (size_t i = 0; i < sizeof(scalars) / sizeof(scalars[0]); i++) {
		const struct source *const who = overruled(p, &scalars[i]);
		char here[256], there[256];

		if (!who)
			continue;
		source_place(p->v[0], scalars[i].pointer, here, sizeof(here));
		source_place(who, scalars[i].pointer, there, sizeof(there));
		(void)fprintf(to, "%s: note: %s has no effect: %s is stricter\n", here,
			      scalars[i].pointer, there);
		n++;
	}
	return n;
}

/* ---- all rules ---- */

static void print_roles(const struct policy *p, FILE *to)
{
	const char *comma = "";

	(void)fprintf(to, "roles    ");
	for (int role = 0; role < ROLE_N; role++) {
		if (!policy_has_role(p, role))
			continue;
		(void)fprintf(to, "%s%s", comma, policy_role_name(role));
		comma = ", ";
	}
	(void)fputc('\n', to);
}

void policy_explain(const struct policy *p, FILE *to)
{
	(void)fprintf(to, "policy   %s\n", policy_name(p));
	if (p->v[0]->doc.description)
		(void)fprintf(to, "         %s\n", p->v[0]->doc.description);
	print_roles(p, to);
	(void)fprintf(to, "digest   %s\n", p->digest);
	(void)fprintf(to, "sources  %zu; the strictest answer of all of them stands\n", p->n);
	for (size_t i = 0; i < p->n; i++) {
		(void)fprintf(to, "\n%s\n", jsonc_name(p->v[i]->json));
		(void)walk(p->v[i], "", jsonc_root(p->v[i]->json), print_rule, to);
	}
	(void)fputc('\n', to);
	(void)policy_notes(p, to);
}

static int append_rule(const struct source *s, const char *pointer, const json_t *value, void *ctx)
{
	const char *const mechanism = policy_mechanism(pointer);
	char place[256];
	json_t *rule;

	source_place(s, pointer, place, sizeof(place));
	rule = json_pack("{s:s,s:s,s:O,s:s}", "rule", pointer, "place", place, "value", value,
			 "mechanism", mechanism ? mechanism : "");
	return rule && json_array_append_new(ctx, rule) == 0 ? 0 : -ENOMEM;
}

json_t *policy_explain_json(const struct policy *p)
{
	AUTO_JSON json_t *sources = json_array(), *roles = json_array();

	for (int role = 0; role < ROLE_N; role++)
		if (policy_has_role(p, role))
			(void)json_array_append_new(roles, json_string(policy_role_name(role)));
	for (size_t i = 0; i < p->n; i++) {
		AUTO_JSON json_t *rules = json_array();
		json_t *one;

		if (!rules || walk(p->v[i], "", jsonc_root(p->v[i]->json), append_rule, rules) < 0)
			return NULL;
		one = json_pack("{s:s,s:O}", "source", jsonc_name(p->v[i]->json), "rules", rules);
		if (json_array_append_new(sources, one) < 0)
			return NULL;
	}
	return json_pack("{s:s,s:s,s:O,s:O}", "name", policy_name(p), "digest", p->digest, "roles",
			 roles, "sources", sources);
}
