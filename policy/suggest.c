/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/suggest.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "policy/source.h"

/* ---- which document, which rule ---- */

/* "FILE:LINE:COLUMN" without the numbers. */
static size_t file_length(const char *place)
{
	size_t n = strlen(place);

	for (int i = 0; i < 2; i++) {
		size_t k = n;

		while (k > 0 && isdigit((unsigned char)place[k - 1]))
			k--;
		if (k == n || k == 0 || place[k - 1] != ':')
			break;
		n = k - 1;
	}
	return n;
}

static const struct source *source_of(const struct policy *p, const char *file)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(jsonc_name(p->v[i]->json), file) == 0)
			return p->v[i];
	return NULL;
}

/* Where nothing matched, the place is that of the list that would have had to name it. */
static const char *list_at(const struct source *s, const char *place)
{
	static const char *const lists[] = { "/code/allow", "/filesystem/read", "/filesystem/write",
					     "/filesystem/exec" };

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		char at[256];

		source_place(s, lists[i], at, sizeof(at));
		if (strcmp(at, place) == 0)
			return lists[i];
	}
	return NULL;
}

/* ---- what would have to stand there instead ---- */

static bool begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static const struct {
	const char *rule;
	const char *word; /* NULL: true */
} words[] = {
	{ "/code/dependencies/add", "allow" },	  { "/code/dependencies/upgrade", "allow" },
	{ "/code/dependencies/remove", "allow" }, { "/code/file_types/symlinks", "allow-inside" },
	{ "/code/file_types/binaries", "allow" }, { "/code/file_types/mode_changes", "allow" },
	{ "/code/file_types/renames", "allow" },  { "/code/tests/add", NULL },
	{ "/code/tests/delete", NULL },		  { "/code/tests/min_assertions", "ignore" },
	{ "/code/weakening", "allow" },		  { "/commands_default", "allow" },
};

/* One step looser than what stands there. */
static json_t *looser_word(const struct source *s, const char *rule)
{
	const struct doc_code *const c = &s->doc.code;

	if (strcmp(rule, "/code/tests/modify") == 0)
		return json_string(c->tests.modify == TESTS_NEVER ? "additions-only" : "any");
	if (strcmp(rule, "/code/public_api/change") == 0)
		return json_string(c->api.has_change && c->api.change == API_ADDITIVE ? "allow"
										      : "additive");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].rule, rule) == 0)
			return words[i].word ? json_string(words[i].word) : json_true();
	return NULL;
}

/* "9 files change, at most 8 may": the number that would have been enough. */
static json_t *enough(const char *rule, const char *reason)
{
	const char *at = reason;

	if (strcmp(rule, "/code/max_file_bytes") == 0) {
		at = strstr(reason, "' is ");
		at = at ? at + strlen("' is ") : "";
	}
	if (!begins(rule, "/code/max_") || !isdigit((unsigned char)*at))
		return NULL;
	if (strcmp(rule, "/code/max_file_bytes") == 0)
		return json_sprintf("%lluB", strtoull(at, NULL, 10));
	return json_integer((json_int_t)strtoull(at, NULL, 10));
}

static bool is_item(const char *rule)
{
	static const char *const lists[] = { "/code/deny/", "/code/sensitive/", "/filesystem/deny/",
					     "/filesystem/mask/", "/syscalls/deny/" };

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (begins(rule, lists[i]))
			return true;
	return false;
}

/* A marker that may not become more frequent: the one that the reason quotes. */
static int marker_rule(const struct source *s, const char *reason, char *rule, size_t size)
{
	const struct strlist *const l = &s->doc.code.tests.skip_markers;
	const char *const gains = strstr(reason, "' gains \"");

	for (size_t i = 0; gains && i < l->n; i++) {
		const char *const at = gains + strlen("' gains \"");
		const size_t n = strlen(l->v[i]);

		if (strncmp(at, l->v[i], n) != 0 || strcmp(at + n, "\"") != 0)
			continue;
		(void)snprintf(rule, size, "/code/tests/skip_markers/%zu", i);
		return 0;
	}
	return -ENOENT;
}

/* ---- the operation ---- */

/* "/a/b" and a value: {"a": {"b": value}}. */
static json_t *nest(const char *rest, json_t *value)
{
	const size_t n = strcspn(rest + (*rest == '/'), "/");
	char key[64];

	if (*rest == '\0')
		return value;
	(void)snprintf(key, sizeof(key), "%.*s", (int)n, rest + 1);
	return json_pack("{s:o}", key, nest(rest + 1 + n, value));
}

/* A member may be missing with what holds it: the operation adds the outermost that is missing. */
static json_t *set_member(const json_t *root, const char *pointer, json_t *value)
{
	char at[128] = "";
	const json_t *here = root;
	const char *p = pointer;

	while (*p == '/') {
		const size_t n = strcspn(p + 1, "/");
		char key[64];
		const json_t *next;

		(void)snprintf(key, sizeof(key), "%.*s", (int)n, p + 1);
		(void)snprintf(at + strlen(at), sizeof(at) - strlen(at), "/%s", key);
		next = json_is_array(here) ? json_array_get(here, strtoul(key, NULL, 10))
					   : json_object_get(here, key);
		p += n + 1;
		if (!next)
			break;
		here = next;
		if (*p == '\0')
			return json_pack("{s:s,s:s,s:o}", "op", "replace", "path", at, "value",
					 value);
	}
	value = nest(p, value);
	return json_pack("{s:s,s:s,s:o}", "op", "add", "path", at, "value", value);
}

static json_t *operation(const struct source *s, const struct policy_verdict *v, const char *path)
{
	const json_t *const root = jsonc_root(s->json);
	char rule[160], decision[192];
	const char *list;
	json_t *value;

	if (v->rule[0] == '\0') {
		list = path && path[0] ? list_at(s, v->place) : NULL;
		(void)snprintf(rule, sizeof(rule), "%s/-", list ? list : "");
		return list ? json_pack("{s:s,s:s,s:s}", "op", "add", "path", rule, "value", path)
			    : NULL;
	}
	(void)snprintf(rule, sizeof(rule), "%s", v->rule);
	if (strcmp(rule, "/code/tests/skip_markers") == 0 &&
	    marker_rule(s, v->reason, rule, sizeof(rule)) == 0)
		return json_pack("{s:s,s:s}", "op", "remove", "path", rule);
	if (is_item(rule))
		return json_pack("{s:s,s:s}", "op", "remove", "path", rule);
	if (begins(rule, "/commands/")) {
		(void)snprintf(decision, sizeof(decision), "%s/decision", rule);
		return set_member(root, decision, json_string("allow"));
	}
	value = enough(rule, v->reason);
	if (!value)
		value = looser_word(s, rule);
	return value ? set_member(root, rule, value) : NULL;
}

int policy_remedy(const struct policy *p, const struct policy_verdict *v, const char *path,
		  char file[256], json_t **op, struct err *e)
{
	const size_t n = file_length(v->place);
	const struct source *s;
	char name[256];

	(void)snprintf(name, sizeof(name), "%.*s", (int)n, v->place);
	if (strcmp(name, FLOOR_NAME) == 0)
		return err_set(e, ENOTSUP,
			       "no policy can allow this: it is refused by sickbay itself");
	s = source_of(p, name);
	if (begins(name, "preset:"))
		return err_set(e, ENOTSUP,
			       "%s refuses it, and what extends a preset only narrows it: a policy "
			       "that does not extend it would be needed",
			       name);
	if (!s)
		return err_set(
			e, ENOTSUP,
			"'%.200s' refuses it, which is not one of the service's policies now",
			name);
	*op = operation(s, v, path);
	if (!*op)
		return err_set(e, ENOTSUP, "no single change of '%.150s' takes back %.100s", name,
			       v->rule[0] ? v->rule : "this");
	(void)snprintf(file, 256, "%s", name);
	return 0;
}

json_t *policy_document(const struct policy *p, const char *file)
{
	const struct source *const s = source_of(p, file);

	return s ? json_deep_copy(jsonc_root(s->json)) : NULL;
}

static int apply_last(json_t *holder, const char *key, const char *op, json_t *value)
{
	if (json_is_array(holder)) {
		const size_t i = strtoul(key, NULL, 10);

		if (strcmp(key, "-") == 0)
			return json_array_append(holder, value);
		return strcmp(op, "remove") == 0 ? json_array_remove(holder, i)
						 : json_array_set(holder, i, value);
	}
	return json_object_set(holder, key, value);
}

int policy_remedy_apply(json_t *document, const json_t *op, struct err *e)
{
	const char *p = json_string_value(json_object_get(op, "path"));
	const char *const what = json_string_value(json_object_get(op, "op"));
	json_t *here = document;

	if (!p || !what)
		return err_set(e, EINVAL, "the operation has no place or no name");
	while (here && *p == '/') {
		const size_t n = strcspn(p + 1, "/");
		char key[128];

		(void)snprintf(key, sizeof(key), "%.*s", (int)n, p + 1);
		p += n + 1;
		if (*p == '\0' && apply_last(here, key, what, json_object_get(op, "value")) == 0)
			return 0;
		here = json_is_array(here) ? json_array_get(here, strtoul(key, NULL, 10))
					   : json_object_get(here, key);
	}
	return err_set(e, EINVAL, "the operation does not fit the document");
}
