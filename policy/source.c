/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/source.h"

#include <string.h>

/* The format as tables: the published schema says the same, and a test compares them. */

#define ROW(type, member, key, k, ...)                                                    \
	{                                                                                 \
		.name = (key), .kind = (k), .offset = offsetof(type, member), __VA_ARGS__ \
	}
#define HAS(type, member) .present = (offsetof(type, member) + 1)
#define END               \
	{                 \
		.name = 0 \
	}

static const char *const deny_word[] = { "deny", NULL };
static const char *const deny_allow[] = { "deny", "allow", NULL };
static const char *const link_words[] = { "deny", "allow-inside", NULL };
static const char *const strict_words[] = { "deny", "needs-scope", "allow", NULL };
static const char *const modify_words[] = { "never", "additions-only", "any", NULL };
static const char *const assertion_words[] = { "not-fewer", "ignore", NULL };
static const char *const register_words[] = { "append-lines", NULL };
static const char *const api_words[] = { "deny", "additive", "allow", NULL };
static const char *const preset_words[] = { "minimal", "build", "build-net", "debug", NULL };
static const char *const action_words[] = { "kill", "errno", NULL };
/* The first is the stricter one: policy_stops_exhausted(). */
static const char *const exhausted_words[] = { "stop", "give-up", NULL };
static const char *const expect_words[] = { "deny", "needs-scope", "notify", "allow", NULL };

#define REASON(type)                                                \
	ROW(type, reason, "reason", JMAP_STR, .min = 3, .max = 400, \
	    .help = "the author's words, shown with every refusal")

static const struct jmap path_map[] = {
	ROW(struct path_rule, path, "path", JMAP_STR, .required = 1, .min = 1, .max = 511),
	REASON(struct path_rule),
	END,
};

static const struct jmap mask_map[] = {
	ROW(struct mask_rule, path, "path", JMAP_STR, .required = 1, .min = 1, .max = 511),
	ROW(struct mask_rule, pattern, "pattern", JMAP_STR, .required = 1, .min = 1, .max = 256),
	REASON(struct mask_rule),
	END,
};

static const struct jmap tmpfs_map[] = {
	ROW(struct tmpfs_rule, path, "path", JMAP_STR, .required = 1, .min = 1, .max = 511),
	ROW(struct tmpfs_rule, size, "size", JMAP_BYTES, .required = 1, .min = 4096),
	ROW(struct tmpfs_rule, exec, "exec", JMAP_BOOL),
	END,
};

#define F struct doc_filesystem
#define PATHS(type, member, key, ...)                                                        \
	ROW(type, member, key, JMAP_LIST, .sub = path_map, .size = sizeof(struct path_rule), \
	    .max = 256, __VA_ARGS__)
static const struct jmap filesystem_map[] = {
	PATHS(F, read, "read", HAS(F, has_read)),
	PATHS(F, write, "write", HAS(F, has_write)),
	PATHS(F, exec, "exec", HAS(F, has_exec)),
	PATHS(F, deny, "deny"),
	ROW(F, mask, "mask", JMAP_LIST, .sub = mask_map, .size = sizeof(struct mask_rule),
	    .max = 64),
	ROW(F, tmpfs, "tmpfs", JMAP_LIST, .sub = tmpfs_map, .size = sizeof(struct tmpfs_rule),
	    .max = 16),
	END,
};
#undef F

#define TYPE(key, member, w)                                        \
	ROW(struct doc_types, member, key, JMAP_ENUM, .words = (w), \
	    HAS(struct doc_types, has_##member))
static const struct jmap types_map[] = {
	TYPE("symlinks", symlinks, link_words),
	TYPE("submodules", submodules, deny_word),
	TYPE("binaries", binaries, deny_allow),
	TYPE("mode_changes", mode_changes, deny_allow),
	TYPE("renames", renames, deny_allow),
	TYPE("bidi_controls", bidi, deny_word),
	END,
};

static const struct jmap register_map[] = {
	ROW(struct register_rule, path, "path", JMAP_STR, .required = 1, .min = 1, .max = 511),
	ROW(struct register_rule, change, "change", JMAP_ENUM, .required = 1,
	    .words = register_words),
	END,
};

#define T struct doc_tests
static const struct jmap tests_map[] = {
	ROW(T, paths, "paths", JMAP_STRS, .required = 1, .max = 256),
	ROW(T, add, "add", JMAP_BOOL, HAS(T, has_add)),
	ROW(T, modify, "modify", JMAP_ENUM, .words = modify_words, HAS(T, has_modify)),
	ROW(T, delete, "delete", JMAP_BOOL, HAS(T, has_delete)),
	ROW(T, min_assertions, "min_assertions", JMAP_ENUM, .words = assertion_words,
	    HAS(T, has_min_assertions)),
	ROW(T, skip_markers, "skip_markers", JMAP_STRS, .max = 128),
	ROW(T, reg, "register", JMAP_LIST, .sub = register_map,
	    .size = sizeof(struct register_rule), .max = 64),
	END,
};
#undef T

#define D struct doc_dependencies
static const struct jmap dependencies_map[] = {
	ROW(D, manifests, "manifests", JMAP_STRS, .max = 256),
	ROW(D, add, "add", JMAP_ENUM, .words = strict_words, HAS(D, has_add)),
	ROW(D, upgrade, "upgrade", JMAP_ENUM, .words = strict_words, HAS(D, has_upgrade)),
	ROW(D, remove, "remove", JMAP_ENUM, .words = strict_words, HAS(D, has_remove)),
	END,
};
#undef D

static const struct jmap api_map[] = {
	ROW(struct doc_api, paths, "paths", JMAP_STRS, .max = 256),
	ROW(struct doc_api, change, "change", JMAP_ENUM, .words = api_words,
	    HAS(struct doc_api, has_change)),
	END,
};

#define C struct doc_code
static const struct jmap code_map[] = {
	PATHS(C, allow, "allow", HAS(C, has_allow)),
	PATHS(C, deny, "deny"),
	PATHS(C, sensitive, "sensitive"),
	ROW(C, weakening, "weakening", JMAP_ENUM, .words = deny_allow, HAS(C, has_weakening)),
	ROW(C, max_files, "max_files", JMAP_U64, .max = 100000, HAS(C, has_max_files)),
	ROW(C, max_changed_lines, "max_changed_lines", JMAP_U64, .max = 10000000,
	    HAS(C, has_max_changed_lines)),
	ROW(C, max_file_bytes, "max_file_bytes", JMAP_BYTES, HAS(C, has_max_file_bytes)),
	ROW(C, types, "file_types", JMAP_OBJECT, .sub = types_map),
	ROW(C, tests, "tests", JMAP_OBJECT, .sub = tests_map, HAS(C, has_tests)),
	ROW(C, dependencies, "dependencies", JMAP_OBJECT, .sub = dependencies_map),
	ROW(C, api, "public_api", JMAP_OBJECT, .sub = api_map),
	END,
};
#undef C

#define S struct doc_syscalls
static const struct jmap syscalls_map[] = {
	ROW(S, preset, "preset", JMAP_ENUM, .words = preset_words, HAS(S, has_preset)),
	ROW(S, allow, "allow", JMAP_STRS, .max = 512),
	ROW(S, deny, "deny", JMAP_STRS, .max = 512),
	ROW(S, notify, "notify", JMAP_STRS, .max = 64),
	ROW(S, action, "default", JMAP_ENUM, .words = action_words, HAS(S, has_action)),
	END,
};
#undef S

#define N struct doc_network
static const struct jmap network_map[] = {
	ROW(N, default_, "default", JMAP_ENUM, .words = deny_word),
	ROW(N, loopback, "loopback", JMAP_BOOL, HAS(N, has_loopback)),
	ROW(N, backing, "backing", JMAP_STRS, .max = 64, HAS(N, has_backing)),
	END,
};
#undef N

#define R		       struct doc_resources
#define AMOUNT(member, k, ...) ROW(R, member, #member, k, HAS(R, has_##member), __VA_ARGS__)
static const struct jmap resources_map[] = {
	AMOUNT(cpus, JMAP_REAL, .max = 1024),
	AMOUNT(memory, JMAP_BYTES, .min = 8u << 20),
	AMOUNT(swap, JMAP_BYTES, .min = 0),
	AMOUNT(pids, JMAP_U64, .min = 1, .max = 1u << 22),
	AMOUNT(disk, JMAP_BYTES, .min = 1u << 20),
	AMOUNT(inodes, JMAP_U64, .min = 1),
	AMOUNT(open_files, JMAP_U64, .min = 8, .max = 1u << 20),
	AMOUNT(wall, JMAP_DURATION, .min = 1),
	AMOUNT(idle, JMAP_DURATION, .min = 1),
	AMOUNT(output, JMAP_BYTES, .min = 1),
	END,
};
#undef AMOUNT
#undef R

#define M struct doc_model
static const struct jmap model_map[] = {
	ROW(M, allow, "allow", JMAP_STRS, .max = 64, HAS(M, has_allow)),
	ROW(M, max_input_tokens, "max_input_tokens", JMAP_U64, .min = 1, HAS(M, has_input)),
	ROW(M, max_output_tokens, "max_output_tokens", JMAP_U64, .min = 1, HAS(M, has_output)),
	ROW(M, max_cost_usd, "max_cost_usd", JMAP_STR, .min = 1, .max = 20, HAS(M, has_cost)),
	ROW(M, max_turns, "max_turns", JMAP_U64, .min = 1, HAS(M, has_turns)),
	ROW(M, max_tool_calls, "max_tool_calls", JMAP_U64, .min = 1, HAS(M, has_calls)),
	ROW(M, on_exhausted, "on_exhausted", JMAP_ENUM, .words = exhausted_words,
	    HAS(M, has_exhausted)),
	END,
};
#undef M

static const struct jmap word_map[] = {
	ROW(struct command_word, any, "any", JMAP_STRS, .min = 1, .max = 64),
	END,
};

static const struct jmap example_map[] = {
	ROW(struct command_example, argv, "argv", JMAP_STRS, .min = 1, .max = 64),
	END,
};

#define K struct command_rule
#define EXAMPLES(member)                                       \
	ROW(K, member, #member, JMAP_LIST, .sub = example_map, \
	    .size = sizeof(struct command_example), .max = 64)
static const struct jmap command_map[] = {
	ROW(K, argv, "argv", JMAP_LIST, .sub = word_map, .size = sizeof(struct command_word),
	    .min = 1, .max = 64, .required = 1),
	ROW(K, decision, "decision", JMAP_ENUM, .words = strict_words, .required = 1),
	REASON(K),
	EXAMPLES(match),
	EXAMPLES(not_match),
	END,
};
#undef K

static const struct jmap redact_map[] = {
	ROW(struct redact_rule, name, "name", JMAP_STR, .required = 1, .min = 1, .max = 64),
	ROW(struct redact_rule, regex, "regex", JMAP_STR, .required = 1, .min = 1, .max = 256),
	END,
};

#define V struct doc_environment
static const struct jmap environment_map[] = {
	ROW(V, pass, "pass", JMAP_STRS, .max = 256, HAS(V, has_pass)),
	ROW(V, set, "set", JMAP_MAP),
	ROW(V, redact, "redact", JMAP_LIST, .sub = redact_map, .size = sizeof(struct redact_rule),
	    .max = 64),
	END,
};
#undef V

#define ASK(member) ROW(struct question, member, #member, JMAP_STR, .min = 1, .max = 4096)
static const struct jmap question_map[] = {
	ASK(read),    ASK(write),
	ASK(syscall), ASK(patch),
	ASK(add),     ASK(delete),
	ASK(reach),   ROW(struct question, exec, "exec", JMAP_STRS, .min = 1, .max = 64),
	END,
};

#define Q struct policy_test
static const struct jmap test_map[] = {
	ROW(Q, name, "name", JMAP_STR, .required = 1, .min = 1, .max = 200),
	ROW(Q, when, "when", JMAP_OBJECT, .sub = question_map, .required = 1),
	ROW(Q, expect, "expect", JMAP_ENUM, .words = expect_words, .required = 1),
	ROW(Q, rule, "rule", JMAP_STR, .max = 127),
	END,
};
#undef Q

#define P struct doc
const struct jmap policy_map[] = {
	ROW(P, schema, "$schema", JMAP_STR, .max = 200),
	ROW(P, version, "version", JMAP_U64, .required = 1, .min = 1, .max = 1),
	ROW(P, name, "name", JMAP_STR, .required = 1, .min = 1, .max = 63),
	ROW(P, description, "description", JMAP_STR, .max = 2000),
	ROW(P, extends, "extends", JMAP_STRS, .max = 8),
	ROW(P, roles, "roles", JMAP_STRS, .min = 1, .max = ROLE_N, HAS(P, has_roles)),
	ROW(P, fs, "filesystem", JMAP_OBJECT, .sub = filesystem_map),
	ROW(P, code, "code", JMAP_OBJECT, .sub = code_map),
	ROW(P, syscalls, "syscalls", JMAP_OBJECT, .sub = syscalls_map, HAS(P, has_syscalls)),
	ROW(P, devices, "devices", JMAP_STRS, .max = 16, HAS(P, has_devices)),
	ROW(P, net, "network", JMAP_OBJECT, .sub = network_map),
	ROW(P, resources, "resources", JMAP_OBJECT, .sub = resources_map),
	ROW(P, model, "model", JMAP_OBJECT, .sub = model_map),
	ROW(P, commands, "commands", JMAP_LIST, .sub = command_map,
	    .size = sizeof(struct command_rule), .max = 256, HAS(P, has_commands)),
	ROW(P, commands_default, "commands_default", JMAP_ENUM, .words = strict_words,
	    HAS(P, has_commands_default)),
	ROW(P, env, "environment", JMAP_OBJECT, .sub = environment_map),
	ROW(P, tests, "tests", JMAP_LIST, .sub = test_map, .size = sizeof(struct policy_test),
	    .max = 512),
	END,
};
#undef P

void source_place(const struct source *s, const char *pointer, char *out, size_t n)
{
	const struct jsonc_pos at = jsonc_where(s->json, pointer);

	(void)snprintf(out, n, "%.200s:%u:%u", jsonc_name(s->json), at.line, at.column);
}

int source_error(const struct source *s, const char *pointer, struct err *e, const char *fmt, ...)
{
	char place[256], why[360];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	source_place(s, pointer, place, sizeof(place));
	return err_set(e, EINVAL, "%s: error: %s", place, why);
}

/* "/code/tests" as an author says it: "code.tests"; list positions are left out. */
static void section_name(const char *pointer, size_t n, char *out, size_t size)
{
	size_t k = 0;

	for (size_t i = 0; i < n && k + 1 < size;) {
		const size_t len = strcspn(pointer + i + 1, "/");

		if (pointer[i + 1] < '0' || pointer[i + 1] > '9') {
			if (k)
				out[k++] = '.';
			for (size_t c = 0; c < len && k + 1 < size; c++)
				out[k++] = pointer[i + 1 + c];
		}
		i += len + 1;
	}
	out[k] = '\0';
}

/* jmap_read()'s "/POINTER: reason" as "NAME:LINE:COLUMN: error: reason"; an unknown key with its
 * section. */
static int table_error(const struct source *s, struct err *e)
{
	static const char unknown[] = "unknown key \"";
	char pointer[sizeof(e->msg)], why[sizeof(e->msg)], section[128] = "";
	const char *const colon = strstr(e->msg, ": ");
	const char *slash, *tail;

	if (!colon)
		return -e->code;
	(void)snprintf(pointer, sizeof(pointer), "%.*s", (int)(colon - e->msg), e->msg);
	(void)snprintf(why, sizeof(why), "%s", colon + 2);
	slash = strrchr(pointer, '/');
	tail = strncmp(why, unknown, strlen(unknown)) == 0 ? strstr(why, "\"; ") : NULL;
	if (strncmp(why, unknown, strlen(unknown)) != 0 || !slash || slash == pointer)
		return source_error(s, pointer, e, "%s", why);
	section_name(pointer, (size_t)(slash - pointer), section, sizeof(section));
	if (!tail)
		return source_error(s, pointer, e, "%s in %s", why, section);
	return source_error(s, pointer, e, "%.*s in %s%s", (int)(tail + 1 - why), why, section,
			    tail + 1);
}

/* ---- shorthands of the format become objects, so that one kind of table reads them ---- */

/* Each string of the list becomes {key: string}; anything else is the table's to judge. */
static int wrap_strings(json_t *list, const char *key)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		if (json_is_string(item) &&
		    json_array_set_new(list, i, json_pack("{s:O}", key, item)) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Each array (and, with `one`, each string) of the list becomes {key: array}. An object is never
 * meant. */
static int wrap_arrays(const struct source *s, json_t *list, const char *key, bool one,
		       const char *at, struct err *e)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		json_t *wrapped = NULL;
		char deeper[160];

		(void)snprintf(deeper, sizeof(deeper), "%s/%zu", at, i);
		if (json_is_array(item))
			wrapped = json_pack("{s:O}", key, item);
		else if (one && json_is_string(item))
			wrapped = json_pack("{s:[O]}", key, item);
		else
			return source_error(s, deeper, e, "want %s",
					    one ? "a word or an array of words"
						: "an array of words");
		if (json_array_set_new(list, i, wrapped) < 0)
			return err_set(e, ENOMEM, "out of memory");
	}
	return 0;
}

static int plain_commands(const struct source *s, json_t *root, struct err *e)
{
	json_t *rule;
	size_t i;
	int r = 0;

	json_array_foreach(json_object_get(root, "commands"), i, rule) {
		static const char *const keys[] = { "argv", "match", "not_match" };

		for (size_t k = 0; r == 0 && k < 3; k++) {
			char at[64];

			(void)snprintf(at, sizeof(at), "/commands/%zu/%s", i, keys[k]);
			r = wrap_arrays(s, json_object_get(rule, keys[k]), k ? "argv" : "any",
					k == 0, at, e);
		}
	}
	return r;
}

static int plain_paths(json_t *root, struct err *e)
{
	static const char *const lists[][2] = {
		{ "filesystem", "read" }, { "filesystem", "write" }, { "filesystem", "exec" },
		{ "filesystem", "deny" }, { "code", "allow" },	     { "code", "deny" },
		{ "code", "sensitive" },
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		json_t *const section = json_object_get(root, lists[i][0]);

		if (wrap_strings(json_object_get(section, lists[i][1]), "path") < 0)
			return err_set(e, ENOMEM, "out of memory");
	}
	return 0;
}

static int read_doc(struct source *s, struct err *e)
{
	AUTO_JSON json_t *root = json_deep_copy(jsonc_root(s->json));
	int r;

	if (!root)
		return err_set(e, ENOMEM, "%s: out of memory", jsonc_name(s->json));
	r = plain_paths(root, e);
	if (r == 0)
		r = plain_commands(s, root, e);
	if (r < 0)
		return r;
	return jmap_read(policy_map, root, &s->doc, "", e) < 0 ? table_error(s, e) : 0;
}

/* "NAME:LINE:COLUMN: reason", as every other refusal of a policy reads. */
static int syntax_error(const char *name, struct err *e)
{
	const size_t n = strlen(name);
	char why[sizeof(e->msg)];
	const char *reason = NULL;

	(void)snprintf(why, sizeof(why), "%s", e->msg);
	if (strncmp(why, name, n) == 0)
		reason = strstr(why + n, ": ");
	if (!reason)
		return -e->code;
	return err_set(e, e->code, "%.*s: error: %s", (int)(reason - why), why, reason + 2);
}

int source_read(const char *name, const char *text, size_t n, struct source **out, struct err *e)
{
	struct source *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_set(e, ENOMEM, "%s: out of memory", name);
	s->refs = 1;
	r = jsonc_parse(name, text, n, JSONC_COMMENTS, &s->json, e);
	if (r < 0)
		r = syntax_error(name, e);
	if (r == 0)
		r = read_doc(s, e);
	if (r == 0)
		r = source_check(s, e);
	if (r < 0) {
		source_unref(s);
		return r;
	}
	*out = s;
	return 0;
}

struct source *source_ref(struct source *s)
{
	s->refs++;
	return s;
}

void source_unref(struct source *s)
{
	if (!s || --s->refs)
		return;
	jmap_release(policy_map, &s->doc);
	jsonc_free(s->json);
	free(s);
}
