/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/service.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/request.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"
#include "runtime/base/jsonc.h"
#include "runtime/proto/broker_forge.h"

#define AT(field)	     .offset = offsetof(struct service, field)
#define TEST_AT(field)	     .offset = offsetof(struct service_tests, field)
#define SERVICE_FILE_MAX     (1u << 20)
#define DEFAULT_EVALUATIONS  200
#define DEFAULT_TEST_TIMEOUT 600000

static const char *const modes[] = { "observe", "reproduce", "propose", NULL };
static const char *const drafts[] = { "always", "where-possible", NULL };
static const char *const formats[] = { "reporter", "tap", NULL };
static const char *const kinds[] = { "built-in", "command", "model", "external", NULL };
static const char *const strategies[] = { "offline-first", "model-only", "race", NULL };

/* NOLINTBEGIN(bugprone-macro-parentheses): a member's name */
#define SUB(member, field) \
	.offset = offsetof(struct service, member.field) - offsetof(struct service, member)
/* NOLINTEND(bugprone-macro-parentheses) */

/* A table reads best with one row a line. */
/* clang-format off */
static const struct jmap repository_map[] = {
	{ .name = "url", .kind = JMAP_STR, .required = 1, .min = 1, .max = 4000, .help = "path of the git repository", SUB(repository, url) },
	{ .name = "root", .kind = JMAP_STR, .max = 4000, .help = "sub-directory that is healed", SUB(repository, root) },
	{ .name = "target", .kind = JMAP_STR, .required = 1, .min = 1, .max = 200, .help = "branch that pull requests are made against", SUB(repository, target) },
	{ 0 },
};
static const struct jmap release_map[] = {
	{ .name = "pattern", .kind = JMAP_STR, SUB(release, pattern), .max = 400, .help = "regular expression over the reporter's release" },
	{ .name = "ref", .kind = JMAP_STR, SUB(release, ref), .max = 400, .help = "what it becomes: a commit or a tag" },
	{ 0 },
};
static const struct jmap path_map[] = {
	{ .name = "production", .kind = JMAP_STR, .required = 1, .min = 1, .max = 4000, .offset = offsetof(struct service_path, production), .help = "path prefix as production reports it" },
	{ .name = "repository", .kind = JMAP_STR, .required = 1, .max = 4000, .offset = offsetof(struct service_path, repository), .help = "prefix in the repository" },
	{ 0 },
};
static const struct jmap image_map[] = {
	{ .name = "production", .kind = JMAP_STR, SUB(image, production), .required = 1, .min = 1, .max = 200, .help = "name of an imported image, or \"host\"" },
	{ 0 },
};
static const struct jmap toolchain_map[] = {
	{ .name = "recipe", .kind = JMAP_STR, SUB(toolchain, recipe), .required = 1, .max = 4000, .help = "recipe of the toolchain layer: what tests need and production lacks" },
	{ 0 },
};
static const struct jmap run_map[] = {
	{ .name = "cwd", .kind = JMAP_STR, SUB(run, cwd), .min = 2, .max = 400, .help = "where the repository lies in the replica" },
	{ .name = "env", .kind = JMAP_MAP, SUB(run, env), .help = "environment of the service" },
	{ .name = "start", .kind = JMAP_STRS, SUB(run, start), .max = 100, .help = "command that starts the service" },
	{ 0 },
};
static const struct jmap build_map[] = {
	{ .name = "production", .kind = JMAP_STRS, SUB(build, production), .max = 200, .help = "builds it as production runs it" },
	{ .name = "sanitizer", .kind = JMAP_STRS, SUB(build, sanitizer), .max = 200, .help = "builds it with sanitizers; used instead for the tests when given" },
	{ 0 },
};
#define NEW_SUB(field)                                             \
	.offset = offsetof(struct service_tests, new_test.field) - \
		  offsetof(struct service_tests, new_test)
#define HTTP_SUB(field)                                                 \
	.offset = offsetof(struct service_tests, new_test.http.field) - \
		  offsetof(struct service_tests, new_test.http)
static const char *const http_clients[] = { "none", "django", "flask", "node", NULL };
static const struct jmap http_map[] = {
	{ .name = "client", .kind = JMAP_ENUM, HTTP_SUB(client), .words = http_clients, .required = 1, .help = "django, flask or node: what lets through what a handler throws" },
	{ .name = "application", .kind = JMAP_STR, HTTP_SUB(application), .max = 400, .help = "MODULE:NAME of the application, as tests load it" },
	{ 0 },
};
static const struct jmap new_test_map[] = {
	{ .name = "dir", .kind = JMAP_STR, NEW_SUB(dir), .required = 1, .max = 400, .help = "directory of new tests" },
	{ .name = "framework", .kind = JMAP_STR, NEW_SUB(framework), .required = 1, .max = 40, .help = "tape, node:test, mocha, jest, pytest, unittest, c or shell" },
	{ .name = "module", .kind = JMAP_STR, NEW_SUB(module), .max = 400, .help = "how a test names the module" },
	{ .name = "http", .kind = JMAP_OBJECT, NEW_SUB(http), .sub = http_map, .help = "how a test sends a request to the application" },
	{ .name = "options", .kind = JMAP_JSON, NEW_SUB(options), .help = "framework specifics" },
	{ 0 },
};
static const struct jmap tests_map[] = {
	{ .name = "name", .kind = JMAP_STR, TEST_AT(name), .required = 1, .min = 1, .max = 60, .help = "name of the suite" },
	{ .name = "command", .kind = JMAP_STRS, TEST_AT(command), .required = 1, .min = 1, .max = 200, .help = "runs the whole suite" },
	{ .name = "one", .kind = JMAP_STRS, TEST_AT(one), .required = 1, .min = 1, .max = 200, .help = "runs one test file, named by @test" },
	{ .name = "check", .kind = JMAP_STRS, TEST_AT(check), .max = 200, .help = "runs one test file by hand, named by @test" },
	{ .name = "harness", .kind = JMAP_STRS, TEST_AT(harness), .max = 200, .help = "builds and runs one program, named by @test, that is no test" },
	{ .name = "format", .kind = JMAP_ENUM, TEST_AT(format), .words = formats, .help = "how results are read" },
	{ .name = "timeout", .kind = JMAP_DURATION, TEST_AT(timeout_ms), .min = 1000, .help = "longest run of the suite" },
	{ .name = "known_flaky", .kind = JMAP_STRS, TEST_AT(known_flaky), .help = "tests whose result is left out" },
	{ .name = "new_test", .kind = JMAP_OBJECT, TEST_AT(new_test), .sub = new_test_map, .required = 1, .help = "where and how new tests are written" },
	{ 0 },
};
static const struct jmap agent_map[] = {
	{ .name = "kind", .kind = JMAP_ENUM, .offset = offsetof(struct service_agent, kind), .words = kinds, .help = "built-in, command, model or external" },
	{ .name = "strategy", .kind = JMAP_ENUM, .offset = offsetof(struct service_agent, strategy), .words = strategies, .help = "what the built-in agent does beside a model or an external one" },
	{ .name = "models", .kind = JMAP_STRS, .offset = offsetof(struct service_agent, models), .max = 64, .help = "what it may ask, ENDPOINT/MODEL" },
	{ .name = "toolchain", .kind = JMAP_STR, .offset = offsetof(struct service_agent, toolchain), .min = 1, .max = 4000, .help = "recipe with the program of an external agent" },
	{ .name = "env", .kind = JMAP_MAP, .offset = offsetof(struct service_agent, env), .max = 100, .help = "environment of an external agent" },
	{ .name = "command", .kind = JMAP_STRS, .offset = offsetof(struct service_agent, command), .max = 100, .help = "the command" },
	{ .name = "evaluations", .kind = JMAP_U64, .offset = offsetof(struct service_agent, evaluations), .min = 1, .max = 100000, .help = "most evaluations it may ask for" },
	{ .name = "parallel", .kind = JMAP_U64, .offset = offsetof(struct service_agent, parallel), .min = 1, .max = 64, .help = "evaluations at one time" },
	{ 0 },
};
static const struct jmap agents_map[] = {
	{ .name = "reproduce", .kind = JMAP_OBJECT, SUB(agents, reproduce), .sub = agent_map, .help = "writes the failing test" },
	{ .name = "patch", .kind = JMAP_OBJECT, SUB(agents, patch), .sub = agent_map, .help = "changes the code" },
	{ 0 },
};
static const struct jmap policy_map[] = {
	{ .name = "reproduce", .kind = JMAP_STR, SUB(policy, reproduce), .min = 1, .max = 4000, .help = "scope policy of the reproduction agent" },
	{ .name = "patch", .kind = JMAP_STR, SUB(policy, patch), .min = 1, .max = 4000, .help = "scope policy of the patch agent" },
	{ .name = "verify", .kind = JMAP_STR, SUB(policy, verify), .min = 1, .max = 4000, .help = "limits of the proof's replicas" },
	{ 0 },
};
static const struct jmap proof_map[] = {
	{ .name = "repeat", .kind = JMAP_U64, SUB(proof, repeat), .min = 2, .max = 100, .help = "runs of the new test before and after" },
	{ .name = "variants", .kind = JMAP_U64, SUB(proof, variants), .min = 20, .max = 1000, .help = "held-out inputs" },
	{ .name = "baseline", .kind = JMAP_U64, SUB(proof, baseline), .min = 1, .max = 20, .help = "runs of the suite at the base, to find flaky tests" },
	{ 0 },
};
static const struct jmap limits_map[] = {
	{ .name = "open", .kind = JMAP_U64, SUB(limits, open), .min = 1, .max = 10000, .help = "most pull requests of the service that are open at one time" },
	{ .name = "open_fingerprint", .kind = JMAP_U64, SUB(limits, open_fingerprint), .min = 1, .max = 100, .help = "most of one incident" },
	{ .name = "open_file", .kind = JMAP_U64, SUB(limits, open_file), .min = 1, .max = 1000, .help = "most that touch one file" },
	{ 0 },
};
static const struct jmap drift_map[] = {
	{ .name = "window_days", .kind = JMAP_U64, SUB(drift, window_days), .min = 1, .max = 3650, .help = "days that count" },
	{ .name = "per_file", .kind = JMAP_U64, SUB(drift, per_file), .min = 1, .max = 1000, .help = "proposals of one file in them" },
	{ .name = "per_module", .kind = JMAP_U64, SUB(drift, per_module), .min = 1, .max = 1000, .help = "proposals of one directory in them" },
	{ 0 },
};
static const struct jmap audit_map[] = {
	{ .name = "share", .kind = JMAP_U64, SUB(audit, share), .min = 1, .max = 100, .help = "percent of proposals that a person looks at in depth" },
	{ .name = "untouched", .kind = JMAP_U64, SUB(audit, untouched), .min = 1, .max = 1000, .help = "merges in a row without an edit that raise the share" },
	{ 0 },
};
static const struct jmap forge_map[] = {
	{ .name = "name", .kind = JMAP_STR, SUB(forge, name), .required = 1, .min = 1, .max = 60, .help = "a forge of the host's configuration" },
	{ .name = "repository", .kind = JMAP_STR, SUB(forge, repository), .required = 1, .min = 3, .max = 250, .help = "OWNER/NAME: where the pull request is opened" },
	{ .name = "fork", .kind = JMAP_STR, SUB(forge, fork), .required = 1, .min = 3, .max = 250, .help = "OWNER/NAME: where the branch is pushed" },
	{ .name = "labels", .kind = JMAP_STRS, SUB(forge, labels), .max = 20, .help = "labels of the pull request" },
	{ .name = "reviewers", .kind = JMAP_STRS, SUB(forge, reviewers), .max = 20, .help = "who is asked to look" },
	{ .name = "draft", .kind = JMAP_ENUM, SUB(forge, draft), .words = drafts, .help = "whether it must be one" },
	{ 0 },
};
static const struct jmap service_map[] = {
	{ .name = "version", .kind = JMAP_U64, AT(version), .required = 1, .min = 1, .max = 1, .help = "format version" },
	{ .name = "name", .kind = JMAP_STR, AT(name), .required = 1, .min = 1, .max = 60, .help = "name of the service" },
	{ .name = "language", .kind = JMAP_STR, AT(language), .required = 1, .min = 1, .max = 20, .help = "javascript, python or c" },
	{ .name = "mode", .kind = JMAP_ENUM, AT(mode), .words = modes, .help = "how far sickbay goes" },
	{ .name = "repository", .kind = JMAP_OBJECT, AT(repository), .sub = repository_map, .required = 1, .help = "where the code is" },
	{ .name = "release", .kind = JMAP_OBJECT, AT(release), .sub = release_map, .help = "release to commit" },
	{ .name = "paths", .kind = JMAP_LIST, AT(paths), .sub = path_map, .max = 50, .size = sizeof(struct service_path), .help = "production paths to repository paths" },
	{ .name = "in_app", .kind = JMAP_STRS, AT(in_app), .max = 100, .help = "globs of the service's own code" },
	{ .name = "image", .kind = JMAP_OBJECT, AT(image), .sub = image_map, .required = 1, .help = "production's image" },
	{ .name = "toolchain", .kind = JMAP_OBJECT, AT(toolchain), .sub = toolchain_map, .help = "what tests need beside it" },
	{ .name = "run", .kind = JMAP_OBJECT, AT(run), .sub = run_map, .required = 1, .help = "how it runs" },
	{ .name = "build", .kind = JMAP_OBJECT, AT(build), .sub = build_map, .help = "how it is built" },
	{ .name = "tests", .kind = JMAP_LIST, AT(tests), .sub = tests_map, .required = 1, .min = 1, .max = 20, .size = sizeof(struct service_tests), .help = "its test suites" },
	{ .name = "backing", .kind = JMAP_JSON, AT(backing_json), .help = "what runs beside it: databases, queues, stubs" },
	{ .name = "agents", .kind = JMAP_OBJECT, AT(agents), .sub = agents_map, .help = "who reproduces and patches" },
	{ .name = "policy", .kind = JMAP_OBJECT, AT(policy), .sub = policy_map, .help = "scope policy of each role" },
	{ .name = "proof", .kind = JMAP_OBJECT, AT(proof), .sub = proof_map, .help = "how much proof is asked for" },
	{ .name = "limits", .kind = JMAP_OBJECT, AT(limits), .sub = limits_map, .help = "how much may wait for people" },
	{ .name = "drift", .kind = JMAP_OBJECT, AT(drift), .sub = drift_map, .help = "how often agents may change one place" },
	{ .name = "forge", .kind = JMAP_OBJECT, AT(forge), .sub = forge_map, .help = "where pull requests are opened" },
	{ .name = "audit", .kind = JMAP_OBJECT, AT(audit), .sub = audit_map, .help = "how often a person looks in depth" },
	{ 0 },
};
/* clang-format on */

static void set_default(uint64_t *field, uint64_t value)
{
	if (*field == 0)
		*field = value;
}

static int set_text(char **field, const char *value)
{
	if (!*field)
		*field = strdup(value);
	return *field ? 0 : -ENOMEM;
}

/* A repository beside the service file may be named relative to it. */
static int absolute_url(struct service *s, struct err *e)
{
	AUTO_FREE char *joined = service_path(s, s->repository.url);
	char *real = joined ? realpath(joined, NULL) : NULL;

	if (!real)
		return err_set(e, errno, "/repository/url: '%s': %s", s->repository.url,
			       strerror(errno));
	free(s->repository.url);
	s->repository.url = real;
	return 0;
}

static int fill_defaults(struct service *s, const char *path, struct err *e)
{
	AUTO_FREE char *copy = strdup(path);
	struct service_tests *t = s->tests.v;
	int r = copy ? 0 : -ENOMEM;

	if (r == 0)
		r = set_text(&s->dir, dirname(copy));
	r = r ? r : set_text(&s->file, path);
	r = r ? r : set_text(&s->repository.root, "");
	r = r ? r : set_text(&s->run.cwd, "/app");
	r = r ? r : set_text(&s->policy.reproduce, "preset:reproduce");
	r = r ? r : set_text(&s->policy.patch, "preset:patch");
	r = r ? r : set_text(&s->policy.verify, "preset:verify");
	set_default(&s->agents.reproduce.evaluations, DEFAULT_EVALUATIONS);
	set_default(&s->agents.patch.evaluations, DEFAULT_EVALUATIONS);
	set_default(&s->agents.reproduce.parallel, 2);
	set_default(&s->agents.patch.parallel, 2);
	set_default(&s->proof.repeat, 5);
	set_default(&s->proof.variants, 100);
	set_default(&s->proof.baseline, 3);
	set_default(&s->limits.open, 5);
	set_default(&s->limits.open_fingerprint, 1);
	set_default(&s->limits.open_file, 2);
	set_default(&s->drift.window_days, 60);
	set_default(&s->drift.per_file, 3);
	set_default(&s->drift.per_module, 10);
	set_default(&s->audit.share, 10);
	set_default(&s->audit.untouched, 5);
	for (size_t i = 0; i < s->tests.n; i++)
		set_default(&t[i].timeout_ms, DEFAULT_TEST_TIMEOUT);
	return r < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}

static int check_agent(const struct service_agent *a, const char *role, struct err *e)
{
	const bool runs = a->kind == AGENT_COMMAND || a->kind == AGENT_EXTERNAL;

	if (runs && a->command.n == 0)
		return err_set(e, EINVAL, "/agents/%s: kind \"%s\" wants \"command\"", role,
			       kinds[a->kind]);
	if (a->kind != AGENT_EXTERNAL && (a->toolchain || a->env.n))
		return err_set(e, EINVAL, "/agents/%s: \"%s\" is for an agent of kind \"%s\"", role,
			       a->toolchain ? "toolchain" : "env", kinds[AGENT_EXTERNAL]);
	if (a->kind == AGENT_MODEL && a->models.n == 0)
		return err_set(e, EINVAL, "/agents/%s: kind \"model\" wants \"models\"", role);
	for (size_t i = 0; i < a->models.n; i++)
		if (!strchr(a->models.v[i], '/'))
			return err_set(e, EINVAL,
				       "/agents/%s/models/%zu: '%s' is not ENDPOINT/MODEL", role, i,
				       a->models.v[i]);
	return 0;
}

static int check_suite(const struct service_tests *t, size_t i, struct err *e)
{
	if (!path_is_clean(t->new_test.dir))
		return err_set(e, EINVAL,
			       "/tests/%zu/new_test/dir: '%s' is not a plain relative path", i,
			       t->new_test.dir);
	if (!request_check(t))
		return err_set(e, EINVAL,
			       "/tests/%zu/new_test/http/application: flask wants MODULE:NAME, "
			       "node MODULE or MODULE:NAME, django none",
			       i);
	if (!strlist_has(&t->one, "@test"))
		return err_set(e, EINVAL, "/tests/%zu/one: has no argument \"@test\"", i);
	return 0;
}

/* What the table cannot say. */
static int check(const struct service *s, struct err *e)
{
	const struct service_tests *t = s->tests.v;

	if (!name_is_safe(s->name))
		return err_set(e, EINVAL,
			       "/name: '%s' is not a plain name (a-z, 0-9, '.', '_', '-')",
			       s->name);
	if (s->run.cwd[0] != '/' || !path_is_clean(s->run.cwd + 1))
		return err_set(e, EINVAL, "/run/cwd: '%s' is not a plain absolute path",
			       s->run.cwd);
	if (*s->repository.root && !path_is_clean(s->repository.root))
		return err_set(e, EINVAL, "/repository/root: '%s' is not a plain relative path",
			       s->repository.root);
	for (size_t i = 0; i < s->tests.n; i++)
		if (check_suite(&t[i], i, e) < 0)
			return -e->code;
	if (s->forge.name && (!forge_repository_is_good(s->forge.repository) ||
			      !forge_repository_is_good(s->forge.fork)))
		return err_set(e, EINVAL, "/forge: \"repository\" and \"fork\" are OWNER/NAME");
	return check_agent(&s->agents.reproduce, "reproduce", e) < 0 ||
			       check_agent(&s->agents.patch, "patch", e) < 0
		       ? -e->code
		       : service_check_release(s, e);
}

int service_load(const char *path, struct service *out, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(SERVICE_FILE_MAX);
	struct service s = { 0 };
	struct jsonc *j = NULL;
	int r = file_read_at(AT_FDCWD, path, SERVICE_FILE_MAX, &text, e);

	if (r < 0)
		return err_wrap(e, "service file");
	r = jsonc_parse(path, text.p, text.n, JSONC_COMMENTS, &j, e);
	if (r == 0) {
		r = jmap_read(service_map, jsonc_root(j), &s, "", e);
		if (r == 0)
			r = fill_defaults(&s, path, e);
		if (r == 0)
			r = service_read_backing(&s, e);
		if (r == 0)
			r = check(&s, e);
		if (r == 0)
			r = absolute_url(&s, e);
		if (r < 0)
			(void)jsonc_locate(j, e);
	}
	jsonc_free(j);
	if (r < 0) {
		service_release(&s);
		return r;
	}
	*out = s;
	return 0;
}

void service_release(struct service *s)
{
	service_release_backing(s);
	jmap_release(service_map, s);
	free(s->file);
	free(s->dir);
	s->file = s->dir = NULL;
}

char *service_path(const struct service *s, const char *name)
{
	char *out = NULL;

	if (name[0] == '/' || strncmp(name, "preset:", 7) == 0)
		return strdup(name);
	return asprintf(&out, "%s/%s", s->dir, name) < 0 ? NULL : out;
}

void service_strmap(const struct service *s, struct strmap *map, size_t max)
{
	const struct service_path *p = s->paths.v;

	for (map->n = 0; map->n < s->paths.n && map->n < max; map->n++)
		map->v[map->n] = (struct strpair){ p[map->n].production, p[map->n].repository };
}

const char *service_mode_name(int mode)
{
	return modes[mode];
}

const char *service_agent_name(int kind)
{
	return kinds[kind];
}
