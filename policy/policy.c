/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy.h"

#include <fcntl.h>
#include <string.h>

#include "policy/source.h"
#include "runtime/base/fd.h"
#include "runtime/base/sha256.h"

#define TEXT_MAX    (256u << 10)
#define SOURCES_MAX 32
#define DEPTH_MAX   8

/* The row without a name when there is no such text. */
static const struct embedded *embedded_find(const char *name)
{
	const struct embedded *m = policy_embedded;

	while (m->name && strcmp(m->name, name) != 0)
		m++;
	return m;
}

const char *policy_schema(void)
{
	return embedded_find("scope-policy.schema")->text;
}

const char *policy_preset(size_t i, const char **text)
{
	for (const struct embedded *m = policy_embedded; m->name; m++) {
		if (strcmp(m->name, "floor") == 0 || strchr(m->name, '.'))
			continue;
		if (i-- > 0)
			continue;
		if (text)
			*text = m->text;
		return m->name;
	}
	return NULL;
}

void policy_free(struct policy *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++)
		source_unref(p->v[i]);
	free(p->v);
	free(p);
}
DEFINE_CLEANUP(struct policy, policy_free);
#define AUTO_POLICY CLEANUP(cleanup_policy_free)

static int policy_add(struct policy *p, struct source *s, struct err *e)
{
	struct source **v;

	for (size_t i = 0; i < p->n; i++)
		if (p->v[i] == s)
			return 0;
	if (p->n == SOURCES_MAX)
		return err_set(e, E2BIG, "%s: more than %d sources", jsonc_name(s->json),
			       SOURCES_MAX);
	v = reallocarray(p->v, p->n + 1, sizeof(struct source *));
	if (!v)
		return err_set(e, ENOMEM, "%s: out of memory", jsonc_name(s->json));
	p->v = v;
	p->v[p->n++] = source_ref(s);
	return 0;
}

static int policy_add_all(struct policy *p, const struct policy *from, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < from->n; i++)
		r = policy_add(p, from->v[i], e);
	return r;
}

int policy_documents_digest(const json_t *documents, char out[80], struct err *e)
{
	struct sha256 h;
	uint8_t sum[SHA256_LEN];
	char hex[SHA256_HEX];

	sha256_init(&h);
	for (size_t i = 0; i < json_array_size(documents); i++) {
		AUTO_FREE char *text =
			json_dumps(json_array_get(documents, i), JSON_COMPACT | JSON_SORT_KEYS);

		if (!text)
			return err_set(e, ENOMEM, "out of memory");
		sha256_update(&h, text, strlen(text) + 1);
	}
	sha256_final(&h, sum);
	sha256_hex(sum, hex);
	(void)snprintf(out, 80, "sha256:%s", hex);
	return 0;
}

json_t *policy_documents(const struct policy *p)
{
	json_t *all = json_array();

	for (size_t i = 0; all && i < p->n; i++)
		if (json_array_append_new(all, json_deep_copy(jsonc_root(p->v[i]->json))) < 0) {
			json_decref(all);
			return NULL;
		}
	return all;
}

/* Equal policies, equal digests, whatever their comments and white space. */
static int set_digest(struct policy *p, struct err *e)
{
	AUTO_JSON json_t *documents = policy_documents(p);

	if (!documents)
		return err_set(e, ENOMEM, "out of memory");
	return policy_documents_digest(documents, p->digest, e);
}

/* ---- reading ---- */

struct reading {
	bool from_file; /* only then may it extend files */
	bool floor;	/* the floor itself stands on nothing */
	unsigned depth;
};

static int load_named(const char *name, unsigned depth, struct policy **out, struct err *e);

/* "./base.json" beside the file that names it. */
static int sibling(const char *name, const char *relative, char *out, size_t size)
{
	const char *const slash = strrchr(name, '/');
	const int dir = slash ? (int)(slash - name + 1) : 0;

	return snprintf(out, size, "%.*s%s", dir, name, relative + 2) < (int)size ? 0 : -EINVAL;
}

static bool is_sibling(const char *s)
{
	const size_t n = strlen(s);

	return n > 7 && strncmp(s, "./", 2) == 0 && strcmp(s + n - 5, ".json") == 0 &&
	       path_is_clean(s + 2);
}

static int extend_one(struct policy *p, const struct source *s, size_t i, const struct reading *how,
		      struct err *e)
{
	const char *const base = s->doc.extends.v[i];
	AUTO_POLICY struct policy *from = NULL;
	char pointer[32], path[1024];

	(void)snprintf(pointer, sizeof(pointer), "/extends/%zu", i);
	if (how->depth == DEPTH_MAX)
		return source_error(s, pointer, e, "more than %d documents extend each other",
				    DEPTH_MAX);
	if (strncmp(base, "preset:", 7) == 0) {
		const char *words[16];
		size_t n = 0;

		while (n < 16 && policy_preset(n, NULL)) {
			words[n] = policy_preset(n, NULL);
			n++;
		}
		for (size_t k = 0; k < n; k++)
			if (strcmp(words[k], base + 7) == 0)
				return load_named(base, how->depth + 1, &from, e) < 0
					       ? -e->code
					       : policy_add_all(p, from, e);
		words[0] = word_nearest(base + 7, words, n);
		if (words[0])
			return source_error(s, pointer, e,
					    "no preset \"%.64s\"; did you mean \"preset:%s\"?",
					    base, words[0]);
		return source_error(s, pointer, e, "no preset \"%.64s\"", base);
	}
	if (!is_sibling(base))
		return source_error(s, pointer, e,
				    "\"%.128s\": want \"preset:NAME\" or \"./FILE.json\"", base);
	if (!how->from_file)
		return source_error(s, pointer, e,
				    "\"%.128s\": only a policy read from a file extends files",
				    base);
	if (sibling(jsonc_name(s->json), base, path, sizeof(path)) < 0)
		return source_error(s, pointer, e, "the path is too long");
	if (load_named(path, how->depth + 1, &from, e) < 0)
		return strstr(e->msg, ": error: ") ? -e->code
						   : source_error(s, pointer, e, "%s", e->msg);
	return policy_add_all(p, from, e);
}

/* The floor is read once: it is part of the program. */
static int add_floor(struct policy *p, struct err *e)
{
	static struct source *floor;

	if (!floor) {
		const struct embedded *const m = embedded_find("floor");

		if (source_read(FLOOR_NAME, m->text, m->n, &floor, e) < 0)
			return -e->code;
	}
	return policy_add(p, floor, e);
}

static int check_roles(const struct policy *p, const struct source *s, struct err *e)
{
	for (int role = 0; role < ROLE_N; role++)
		if (policy_has_role(p, role))
			return 0;
	return source_error(s, "/roles", e, "no role is left: what it extends is for other roles");
}

static int parse(const char *name, const char *text, size_t n, const struct reading *how,
		 struct policy **out, struct err *e)
{
	AUTO_POLICY struct policy *p = calloc(1, sizeof(*p));
	struct source *s = NULL;
	int r;

	if (!p)
		return err_set(e, ENOMEM, "%s: out of memory", name);
	r = source_read(name, text, n, &s, e);
	if (r < 0)
		return r;
	r = policy_add(p, s, e);
	source_unref(s); /* the policy holds it now, or it is gone */
	for (size_t i = 0; r == 0 && i < s->doc.extends.n; i++)
		r = extend_one(p, s, i, how, e);
	if (r == 0)
		r = add_floor(p, e);
	if (r == 0)
		r = check_roles(p, s, e);
	if (r == 0)
		r = policy_check_syscalls(p, e);
	if (r == 0)
		r = set_digest(p, e);
	if (r == 0)
		r = policy_run_tests(p, s, e);
	if (r == 0)
		*out = take_ptr(p);
	return r;
}

static int load_named(const char *name, unsigned depth, struct policy **out, struct err *e)
{
	const struct reading how = { .from_file = true, .depth = depth };
	AUTO_BUF struct buf text = BUF_INIT(TEXT_MAX);
	const struct embedded *m;
	int r;

	if (strncmp(name, "preset:", 7) == 0) {
		m = embedded_find(name + 7);
		if (!m->name || strchr(m->name, '.') || strcmp(m->name, "floor") == 0)
			return err_set(e, ENOENT, "no preset '%.64s'", name);
		return parse(name, m->text, m->n, &how, out, e);
	}
	r = file_read_at(AT_FDCWD, name, TEXT_MAX, &text, e);
	if (r < 0)
		return r;
	return parse(name, text.p ? text.p : "", text.n, &how, out, e);
}

int policy_load(const char *name, struct policy **out, struct err *e)
{
	return load_named(name, 0, out, e);
}

int policy_parse(const char *name, const char *text, size_t n, struct policy **out, struct err *e)
{
	const struct reading how = { .from_file = false };

	if (n > TEXT_MAX)
		return err_set(e, EFBIG, "%s: larger than %u bytes", name, TEXT_MAX);
	return parse(name, text, n, &how, out, e);
}

int policy_parse_file(const char *path, const char *text, size_t n, struct policy **out,
		      struct err *e)
{
	const struct reading how = { .from_file = true };

	if (n > TEXT_MAX)
		return err_set(e, EFBIG, "%s: larger than %u bytes", path, TEXT_MAX);
	return parse(path, text, n, &how, out, e);
}

int policy_narrow(struct policy *p, const struct policy *by, struct err *e)
{
	const size_t before = p->n;
	int r = policy_add_all(p, by, e);

	if (r == 0)
		r = set_digest(p, e);
	if (r < 0)
		while (p->n > before)
			source_unref(p->v[--p->n]);
	return r;
}

/* ---- what it says of itself ---- */

const char *policy_name(const struct policy *p)
{
	return p->v[0]->doc.name;
}

const char *policy_digest(const struct policy *p)
{
	return p->digest;
}

bool policy_has_role(const struct policy *p, int role)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i]->doc.has_roles &&
		    !strlist_has(&p->v[i]->doc.roles, policy_role_name(role)))
			return false;
	return true;
}

bool policy_weakening_denied(const struct policy *p, struct policy_verdict *out)
{
	static const char rule[] = "/code/weakening";
	int weakening = 0;
	const struct source *who = STRICT(p, int, code.weakening, code.has_weakening, &weakening);

	if (out) {
		*out = (struct policy_verdict){ .decision = who && weakening ? POLICY_ALLOW
									     : POLICY_DENY,
						.mechanism = "diff" };
		(void)snprintf(out->rule, sizeof(out->rule), "%s", rule);
		(void)snprintf(out->place, sizeof(out->place), "the default");
		if (who)
			source_place(who, rule, out->place, sizeof(out->place));
	}
	return !who || weakening == 0;
}

bool policy_model_allowed(const struct policy *p, const char *name)
{
	bool named = false;

	for (size_t i = 0; i < p->n; i++) {
		const struct doc_model *const m = &p->v[i]->doc.model;

		if (m->has_allow && !strlist_has(&m->allow, name))
			return false;
		named = named || m->has_allow;
	}
	return named;
}

bool policy_stops_exhausted(const struct policy *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i]->doc.model.has_exhausted && p->v[i]->doc.model.on_exhausted == 0)
			return true; /* any source may narrow */
	return false;
}

bool policy_backing_allowed(const struct policy *p, const char *name)
{
	bool named = false;

	for (size_t i = 0; i < p->n; i++) {
		const struct doc_network *const n = &p->v[i]->doc.net;

		if (n->has_backing && !strlist_has(&n->backing, name))
			return false;
		named = named || n->has_backing;
	}
	return named;
}

void policy_budget(const struct policy *p, struct policy_budget *out)
{
	memset(out, 0, sizeof(*out));
	(void)STRICT(p, u64, model.max_tool_calls, model.has_calls, &out->max_tool_calls);
	(void)STRICT(p, u64, model.max_turns, model.has_turns, &out->max_turns);
	(void)STRICT(p, u64, model.max_input_tokens, model.has_input, &out->max_input_tokens);
	(void)STRICT(p, u64, model.max_output_tokens, model.has_output, &out->max_output_tokens);
	for (size_t i = 0; i < p->n; i++) {
		const struct doc_model *const m = &p->v[i]->doc.model;

		if (m->has_cost &&
		    (!out->max_cost_usd[0] ||
		     strtod(m->max_cost_usd, NULL) < strtod(out->max_cost_usd, NULL)))
			(void)snprintf(out->max_cost_usd, sizeof(out->max_cost_usd), "%s",
				       m->max_cost_usd);
	}
}
