/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <regex.h>
#include <string.h>

#include "policy/glob.h"
#include "policy/source.h"

/* What the tables cannot say.  A rule that nothing could enforce is refused here, with its place.
 */

static const struct binding {
	const char *prefix, *mechanism;
} bindings[] = {
	{ "/filesystem/read", "landlock" },
	{ "/filesystem/write", "landlock" },
	{ "/filesystem/exec", "landlock" },
	{ "/filesystem/deny", "mount" },
	{ "/filesystem/mask", "source layer" },
	{ "/filesystem/tmpfs", "mount" },
	{ "/code", "diff" },
	{ "/syscalls", "seccomp" },
	{ "/devices", "mount" },
	{ "/network/default", "network namespace" },
	{ "/network/loopback", "network namespace" },
	{ "/network/backing", "members started" },
	{ "/resources/cpus", "cgroup" },
	{ "/resources/memory", "cgroup" },
	{ "/resources/swap", "cgroup" },
	{ "/resources/pids", "cgroup" },
	{ "/resources/disk", "mount" },
	{ "/resources/inodes", "mount" },
	{ "/resources/open_files", "rlimit" },
	{ "/resources/wall", "host timer" },
	{ "/resources/idle", "host timer" },
	{ "/resources/output", "host" },
	{ "/model", "gate" },
	{ "/commands", "gate" },
	{ "/commands_default", "gate" },
	{ "/environment/pass", "exec" },
	{ "/environment/set", "exec" },
	{ "/environment/redact", "gate" },
};

const char *policy_mechanism(const char *pointer)
{
	for (size_t i = 0; i < sizeof(bindings) / sizeof(bindings[0]); i++) {
		const size_t n = strlen(bindings[i].prefix);

		if (strncmp(pointer, bindings[i].prefix, n) == 0 &&
		    (pointer[n] == '\0' || pointer[n] == '/'))
			return bindings[i].mechanism;
	}
	return NULL;
}

/* ---- paths ---- */

static const char *const places[] = { "@image", "@repo", "@build", "@tmp" };

const char *fs_plain(const char *path)
{
	if (strncmp(path, "@image", 6) != 0)
		return path;
	return path[6] ? path + 6 : "/";
}

static const char *check_place(const char *path)
{
	if (path[0] == '/')
		return NULL;
	for (size_t i = 0; i < 4; i++) {
		const size_t n = strlen(places[i]);

		if (strncmp(path, places[i], n) == 0 && (path[n] == '\0' || path[n] == '/'))
			return NULL;
	}
	return "a path begins with '/', '@image', '@repo', '@build' or '@tmp'";
}

/* What mounts and Landlock can express: one file or directory by name, or a directory with all
 * beneath it. */
static const char *check_fs(const char *path)
{
	const char *why = check_place(path);

	if (!why)
		why = glob_check(path);
	if (!why && !glob_is_literal(path) && !glob_is_tree(path))
		why = "neither mounts nor Landlock can enforce this; globs here end in '/**' or "
		      "name a file that exists";
	return why;
}

static const char *check_hidden(const char *path)
{
	const char *const why = check_fs(path);

	if (!why && (strcmp(fs_plain(path), "/**") == 0 || strcmp(fs_plain(path), "/") == 0))
		return "this hides the whole replica";
	return why;
}

static const char *check_literal(const char *path)
{
	const char *const why = check_fs(path);

	return why || glob_is_literal(path) ? why : "want a directory without wildcards";
}

/* The source layer is the only tree that is rewritten while it is made. */
static const char *check_masked(const char *path)
{
	if (strncmp(path, "@repo/", 6) != 0)
		return "mask edits the source layer as it is written; the path must be below "
		       "'@repo/'";
	return glob_check(path);
}

static const char *check_relative(const char *path)
{
	if (path[0] == '/' || path[0] == '@')
		return "paths of code are relative to the repository's root";
	return glob_check(path);
}

typedef const char *path_check(const char *path);

static int check_rules(const struct source *s, const struct objlist *l, const char *at,
		       path_check *check, struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		const char *const path = OBJ(struct path_rule, *l, i)->path;
		const char *const why = check(path);
		char pointer[96];

		(void)snprintf(pointer, sizeof(pointer), "%s/%zu", at, i);
		if (why)
			return source_error(s, pointer, e, "\"%.128s\": %s", path, why);
	}
	return 0;
}

static int check_globs(const struct source *s, const struct strlist *l, const char *at,
		       struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		const char *const why = check_relative(l->v[i]);
		char pointer[96];

		(void)snprintf(pointer, sizeof(pointer), "%s/%zu", at, i);
		if (why)
			return source_error(s, pointer, e, "\"%.128s\": %s", l->v[i], why);
	}
	return 0;
}

/* ---- expressions ---- */

/* The most repetitions that "{...}" asks for; 1 where it is no interval. */
static unsigned long interval(const char *c)
{
	char *end;
	unsigned long most = strtoul(c + 1, &end, 10);

	if (*end == ',' && isdigit((unsigned char)end[1]))
		most = strtoul(end + 1, NULL, 10);
	return most ? most : 1;
}

/* POSIX extended, without what makes the C library's matcher slow or large: back references, big
 * repetitions. */
static const char *check_regex(const char *text)
{
	unsigned long product = 1;
	regex_t re;

	for (const char *c = text; *c; c++) {
		if (*c == '\\' && isdigit((unsigned char)c[1]))
			return "back references are not known here";
		if (*c == '\\' && c[1]) {
			c++;
		} else if (*c == '{') {
			const unsigned long most = interval(c);

			if (most > 255 || most * product > 4096)
				return "repetitions are at most 255, all of them together 4096";
			product *= most;
		}
	}
	if (regcomp(&re, text, REG_EXTENDED | REG_NEWLINE) != 0)
		return "not a POSIX extended regular expression";
	regfree(&re);
	return NULL;
}

static int check_masks(const struct source *s, struct err *e)
{
	for (size_t i = 0; i < s->doc.fs.mask.n; i++) {
		const struct mask_rule *const m = OBJ(struct mask_rule, s->doc.fs.mask, i);
		const char *why = check_masked(m->path);
		char pointer[64];

		(void)snprintf(pointer, sizeof(pointer), "/filesystem/mask/%zu/path", i);
		if (why)
			return source_error(s, pointer, e, "\"%.128s\": %s", m->path, why);
		(void)snprintf(pointer, sizeof(pointer), "/filesystem/mask/%zu/pattern", i);
		why = check_regex(m->pattern);
		if (why)
			return source_error(s, pointer, e, "\"%.128s\": %s", m->pattern, why);
	}
	return 0;
}

static int check_filesystem(const struct source *s, struct err *e)
{
	const struct doc_filesystem *const f = &s->doc.fs;
	int r = check_rules(s, &f->read, "/filesystem/read", check_fs, e);

	if (r == 0)
		r = check_rules(s, &f->write, "/filesystem/write", check_fs, e);
	if (r == 0)
		r = check_rules(s, &f->exec, "/filesystem/exec", check_fs, e);
	if (r == 0)
		r = check_rules(s, &f->deny, "/filesystem/deny", check_hidden, e);
	if (r == 0)
		r = check_masks(s, e);
	for (size_t i = 0; r == 0 && i < f->tmpfs.n; i++) {
		const char *const path = OBJ(struct tmpfs_rule, f->tmpfs, i)->path;
		const char *const why = check_literal(path);
		char pointer[64];

		(void)snprintf(pointer, sizeof(pointer), "/filesystem/tmpfs/%zu/path", i);
		if (why)
			r = source_error(s, pointer, e, "\"%.128s\": %s", path, why);
	}
	return r;
}

static int check_code(const struct source *s, struct err *e)
{
	const struct doc_code *const c = &s->doc.code;
	int r = check_rules(s, &c->allow, "/code/allow", check_relative, e);

	if (r == 0)
		r = check_rules(s, &c->deny, "/code/deny", check_relative, e);
	if (r == 0)
		r = check_rules(s, &c->sensitive, "/code/sensitive", check_relative, e);
	if (r == 0)
		r = check_globs(s, &c->tests.paths, "/code/tests/paths", e);
	if (r == 0)
		r = check_globs(s, &c->dependencies.manifests, "/code/dependencies/manifests", e);
	if (r == 0)
		r = check_globs(s, &c->api.paths, "/code/public_api/paths", e);
	for (size_t i = 0; r == 0 && i < c->tests.reg.n; i++) {
		const char *const path = OBJ(struct register_rule, c->tests.reg, i)->path;
		const char *const why = check_relative(path);
		char pointer[64];

		(void)snprintf(pointer, sizeof(pointer), "/code/tests/register/%zu/path", i);
		if (why)
			r = source_error(s, pointer, e, "\"%.128s\": %s", path, why);
	}
	for (size_t i = 0; r == 0 && i < c->tests.skip_markers.n; i++)
		if (c->tests.skip_markers.v[i][0] == '\0')
			r = source_error(s, "/code/tests/skip_markers", e,
					 "an empty marker is in every file");
	return r;
}

/* ---- words ---- */

static bool is_variable(const char *s)
{
	if (!isalpha((unsigned char)s[0]) && s[0] != '_')
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && *s != '_')
			return false;
	return true;
}

static bool is_passed(const char *s)
{
	return strcmp(s, "*") == 0 || is_variable(s);
}

static bool is_label(const char *s)
{
	const size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return n > 0 && n < 64 && s[n] == '\0';
}

static bool is_model(const char *s)
{
	const size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");
	const char *const model = s + n + 1;

	if (n == 0 || s[n] != '/' || !*model)
		return false;
	for (const char *c = model; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("._:-", *c))
			return false;
	return true;
}

static bool is_money(const char *s)
{
	size_t n = strspn(s, "0123456789"), fraction;

	if (n == 0 || n > 12)
		return false;
	if (s[n] == '\0')
		return true;
	fraction = strspn(s + n + 1, "0123456789");
	return s[n] == '.' && fraction >= 1 && fraction <= 4 && s[n + 1 + fraction] == '\0';
}

typedef bool word_check(const char *s);

static int check_words(const struct source *s, const struct strlist *l, const char *at,
		       word_check *good, struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		char pointer[96];

		(void)snprintf(pointer, sizeof(pointer), "%s/%zu", at, i);
		if (good && !good(l->v[i]))
			return source_error(s, pointer, e, "\"%.64s\" is not well formed", l->v[i]);
		for (size_t k = 0; k < i; k++)
			if (strcmp(l->v[i], l->v[k]) == 0)
				return source_error(s, pointer, e, "\"%.64s\" stands here twice",
						    l->v[i]);
	}
	return 0;
}

static int check_known(const struct source *s, const struct strlist *l, const char *at,
		       const char *const *known, struct err *e)
{
	size_t n = 0;

	while (known[n])
		n++;
	for (size_t i = 0; i < l->n; i++) {
		const char *near = NULL;
		char pointer[96];
		size_t k = 0;

		while (k < n && strcmp(known[k], l->v[i]) != 0)
			k++;
		if (k < n)
			continue;
		(void)snprintf(pointer, sizeof(pointer), "%s/%zu", at, i);
		near = word_nearest(l->v[i], known, n);
		if (near)
			return source_error(s, pointer, e,
					    "\"%.64s\" is not known; did you mean \"%s\"?", l->v[i],
					    near);
		return source_error(s, pointer, e, "\"%.64s\" is not known", l->v[i]);
	}
	return check_words(s, l, at, NULL, e);
}

static int check_environment(const struct source *s, struct err *e)
{
	const struct doc_environment *const v = &s->doc.env;
	int r = check_words(s, &v->pass, "/environment/pass", is_passed, e);

	for (size_t i = 0; r == 0 && i < v->set.n; i++)
		if (!is_variable(v->set.v[i].key))
			r = source_error(s, "/environment/set", e,
					 "\"%.64s\" is not the name of a variable",
					 v->set.v[i].key);
	for (size_t i = 0; r == 0 && i < v->redact.n; i++) {
		const struct redact_rule *const x = OBJ(struct redact_rule, v->redact, i);
		const char *const why = check_regex(x->regex);
		char pointer[64];

		(void)snprintf(pointer, sizeof(pointer), "/environment/redact/%zu/regex", i);
		if (why)
			r = source_error(s, pointer, e, "\"%.128s\": %s", x->regex, why);
	}
	return r;
}

/* ---- commands ---- */

bool command_matches(const struct command_rule *r, const char *const *argv, size_t n)
{
	if (n < r->argv.n)
		return false;
	for (size_t i = 0; i < r->argv.n; i++)
		if (!strlist_has(&OBJ(struct command_word, r->argv, i)->any, argv[i]))
			return false;
	return true;
}

static int check_examples(const struct source *s, const struct command_rule *rule, size_t index,
			  bool want, struct err *e)
{
	const struct objlist *const l = want ? &rule->match : &rule->not_match;

	for (size_t i = 0; i < l->n; i++) {
		const struct strlist *const argv = &OBJ(struct command_example, *l, i)->argv;
		char pointer[64];

		(void)snprintf(pointer, sizeof(pointer), "/commands/%zu/%s/%zu", index,
			       want ? "match" : "not_match", i);
		if (command_matches(rule, (const char *const *)argv->v, argv->n) != want)
			return source_error(s, pointer, e, "the rule %s this command",
					    want ? "does not match" : "matches");
	}
	return 0;
}

static int check_commands(const struct source *s, struct err *e)
{
	for (size_t i = 0; i < s->doc.commands.n; i++) {
		const struct command_rule *const rule =
			OBJ(struct command_rule, s->doc.commands, i);
		int r = check_examples(s, rule, i, true, e);

		if (r == 0)
			r = check_examples(s, rule, i, false, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- the document ---- */

static int check_head(const struct source *s, struct err *e)
{
	static const char *const roles[] = { "reproduce", "patch", "verify", NULL };
	static const char *const devices[] = { "null", "zero", "full", "random", "urandom",
					       "tty",  "ptmx", "shm",  NULL };
	const struct doc *const d = &s->doc;
	int r = 0;

	if (!is_label(d->name) || d->name[0] == '-')
		r = source_error(s, "/name", e,
				 "\"%.63s\": a name is lower-case letters, digits and '-'",
				 d->name);
	if (r == 0)
		r = check_words(s, &d->extends, "/extends", NULL, e);
	if (r == 0)
		r = check_known(s, &d->roles, "/roles", roles, e);
	if (r == 0)
		r = check_known(s, &d->devices, "/devices", devices, e);
	if (r == 0)
		r = check_words(s, &d->net.backing, "/network/backing", is_label, e);
	return r;
}

/* In `verify` no agent runs: there is no gate to bind a command, a model or a submitted change to.
 */
static int check_verify(const struct source *s, struct err *e)
{
	static const char *const gate[] = { "model", "commands", "commands_default" };

	if (s->doc.roles.n != 1 || strcmp(s->doc.roles.v[0], "verify") != 0)
		return 0;
	for (size_t i = 0; i < 3; i++) {
		char pointer[32];

		(void)snprintf(pointer, sizeof(pointer), "/%s", gate[i]);
		if (json_object_get(jsonc_root(s->json), gate[i]))
			return source_error(
				s, pointer, e,
				"nothing can enforce \"%s\": no agent runs in role verify",
				gate[i]);
	}
	return 0;
}

static int check_amounts(const struct source *s, struct err *e)
{
	const struct doc *const d = &s->doc;
	int r = 0;

	if (d->resources.has_cpus && d->resources.cpus < 0.01)
		r = source_error(s, "/resources/cpus", e, "want at least 0.01");
	if (r == 0 && d->model.has_cost && !is_money(d->model.max_cost_usd))
		r = source_error(s, "/model/max_cost_usd", e,
				 "\"%.20s\" is not an amount such as \"4.00\"",
				 d->model.max_cost_usd);
	if (r == 0)
		r = check_words(s, &d->model.allow, "/model/allow", is_model, e);
	return r;
}

static int check_questions(const struct source *s, struct err *e)
{
	for (size_t i = 0; i < s->doc.tests.n; i++) {
		const struct question *const q = &OBJ(struct policy_test, s->doc.tests, i)->when;
		const int n = (q->read != NULL) + (q->write != NULL) + (q->syscall != NULL) +
			      (q->patch != NULL) + (q->add != NULL) + (q->delete != NULL) +
			      (q->reach != NULL) + (q->exec.n > 0);
		char pointer[48];

		(void)snprintf(pointer, sizeof(pointer), "/tests/%zu/when", i);
		if (n != 1)
			return source_error(s, pointer, e, "want exactly one question");
	}
	return 0;
}

int source_check(const struct source *s, struct err *e)
{
	static int (*const checks[])(const struct source *, struct err *) = {
		check_head,	check_filesystem, check_code,	 check_environment,
		check_commands, check_verify,	  check_amounts, check_questions,
	};

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		const int r = checks[i](s, e);

		if (r < 0)
			return r;
	}
	return 0;
}
