/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy.h"
#include "tests/tap.h"

static const struct policy_places places = {
	.image = "/", .repo = "/srv/app", .build = "/build", .tmp = "/tmp"
};

static struct policy *parse(const char *text)
{
	struct err e = ERR_INIT;
	struct policy *p = NULL;

	CHECK_INT(policy_parse("p.json", text, strlen(text), &p, &e), 0);
	CHECK_STR(e.msg, "");
	return p;
}

static unsigned access_of(const struct sandbox_spec *s, const char *path)
{
	for (size_t i = 0; i < s->n_rules; i++)
		if (strcmp(s->rules[i].path, path) == 0)
			return s->rules[i].access;
	return 0;
}

static bool in(const char *const *list, const char *word)
{
	for (; list && *list; list++)
		if (strcmp(*list, word) == 0)
			return true;
	return false;
}

static void the_example_becomes_a_spec(void)
{
	char *const image_env[] = { (char[]){ "TZ=UTC" }, (char[]){ "SECRET=1" },
				    (char[]){ "HOME=/root" }, NULL };
	struct sandbox_spec s = { .envp = image_env };
	struct policy_compiled *keep = NULL;
	struct err e = ERR_INIT;
	struct policy *p = NULL;

	CHECK_INT(policy_load("policy/patch-agent.json", &p, &e), 0);
	CHECK_INT(policy_compile(p, &places, &s, &keep, &e), 0);
	CHECK_STR(e.msg, "");
	CHECK_INT(s.limits.cpu_milli, 1500);
	CHECK_INT((long long)s.limits.memory, 4LL << 30);
	CHECK_INT((long long)s.limits.wall_ms, 30 * 60 * 1000);
	CHECK_INT(s.limits.pids, 256);
	CHECK_INT(s.limits.open_files, 1024);
	CHECK_INT(access_of(&s, "/"), SANDBOX_READ);
	CHECK_INT(access_of(&s, "/srv/app"), SANDBOX_READ | SANDBOX_WRITE);
	CHECK_INT(access_of(&s, "/tmp"), SANDBOX_READ | SANDBOX_WRITE);
	CHECK_INT(access_of(&s, "/usr/bin"), SANDBOX_EXEC);
	CHECK_INT(access_of(&s, "/srv/app/tests"), SANDBOX_EXEC);
	CHECK_INT(access_of(&s, "/lib64/ld-linux-x86-64.so.2"), SANDBOX_READ | SANDBOX_EXEC);
	CHECK_INT(access_of(&s, "/dev"), SANDBOX_READ | SANDBOX_WRITE);
	CHECK(in(s.hidden, "/etc/ssl/private"));
	CHECK_INT((long long)s.n_tmpfs, 1);
	CHECK_STR(s.tmpfs[0].path, "/tmp");
	CHECK_INT((long long)s.tmpfs[0].size, 512 << 20);
	CHECK(!s.tmpfs[0].exec);
	CHECK_INT(s.seccomp.preset, SECCOMP_BUILD);
	CHECK(strlist_has(&s.seccomp.deny, "ptrace"));
	CHECK(strlist_has(&s.seccomp.deny, "@io-uring"));
	CHECK(strlist_has(&s.seccomp.notify, "connect"));
	CHECK(!s.seccomp.kill);
	CHECK(in(s.devices, "null"));
	CHECK(!in(s.devices, "shm"));
	CHECK(s.loopback);
	CHECK(in((const char *const *)s.envp, "TZ=UTC"));
	CHECK(in((const char *const *)s.envp, "HOME=/home/agent"));
	CHECK(in((const char *const *)s.envp, "CI=1"));
	CHECK(!in((const char *const *)s.envp, "SECRET=1"));
	policy_compiled_free(keep);
	policy_free(p);
}

/* The paths that both sources cover, and no other. */
static void path_lists_are_intersected(void)
{
	struct policy *p = parse("{\"version\":1,\"name\":\"x\",\"filesystem\":{"
				 "\"read\":[\"/usr/**\",\"/etc/passwd\",\"@repo/**\"],"
				 "\"write\":[\"@repo/**\"],\"exec\":[\"/usr/**\"]}}");
	struct policy *by = parse("{\"version\":1,\"name\":\"y\",\"filesystem\":{"
				  "\"read\":[\"/usr/lib/**\",\"/etc/**\",\"@repo/src/**\"],"
				  "\"write\":[\"@tmp/**\"],\"exec\":[\"/usr/bin/node\"]}}");
	struct sandbox_spec s = { 0 };
	struct policy_compiled *keep = NULL;
	struct err e = ERR_INIT;

	CHECK_INT(policy_narrow(p, by, &e), 0);
	policy_free(by);
	CHECK_INT(policy_compile(p, &places, &s, &keep, &e), 0);
	CHECK_INT(access_of(&s, "/usr"), 0);
	CHECK_INT(access_of(&s, "/usr/lib"), SANDBOX_READ);
	CHECK_INT(access_of(&s, "/etc"), 0);
	CHECK_INT(access_of(&s, "/etc/passwd"), SANDBOX_READ);
	CHECK_INT(access_of(&s, "/srv/app"), 0);
	CHECK_INT(access_of(&s, "/srv/app/src"), SANDBOX_READ);
	CHECK_INT(access_of(&s, "/tmp"), 0);
	CHECK_INT(access_of(&s, "/usr/bin/node"), SANDBOX_EXEC);
	policy_compiled_free(keep);
	policy_free(p);
}

/* No rules would mean no Landlock: such a policy is refused instead of being read as its opposite.
 */
static void a_policy_under_which_nothing_runs_is_refused(void)
{
	struct policy *p = parse("{\"version\":1,\"name\":\"x\"}");
	struct policy *q =
		parse("{\"version\":1,\"name\":\"x\",\n\"filesystem\":{\"read\":[\"/**\"]}}");
	struct sandbox_spec s = { 0 };
	struct policy_compiled *keep = NULL;
	struct err e = ERR_INIT;

	CHECK(policy_compile(p, &places, &s, &keep, &e) < 0);
	CHECK_STR(e.msg,
		  "p.json:1:1: error: nothing may be read: no program can run under this policy");
	CHECK(policy_compile(q, &places, &s, &keep, &e) < 0);
	CHECK_STR(
		e.msg,
		"p.json:2:1: error: nothing may be executed: no program can run under this policy");
	CHECK(keep == NULL);
	policy_free(p);
	policy_free(q);
}

static void a_narrowing_source_only_removes_calls(void)
{
	struct policy *p = parse(
		"{\"version\":1,\"name\":\"x\",\"filesystem\":{\"read\":[\"/**\"],"
		"\"exec\":[\"/**\"]},\"syscalls\":{\"preset\":\"build\",\"notify\":[\"connect\","
		"\"sendto\"]}}");
	struct policy *by =
		parse("{\"version\":1,\"name\":\"y\",\"syscalls\":{\"preset\":\"debug\","
		      "\"allow\":[\"ptrace\"],\"deny\":[\"connect\"],\"default\":\"kill\"}}");
	struct sandbox_spec s = { 0 };
	struct policy_compiled *keep = NULL;
	struct err e = ERR_INIT;

	CHECK_INT(policy_narrow(p, by, &e), 0);
	policy_free(by);
	CHECK_INT(policy_compile(p, &places, &s, &keep, &e), 0);
	CHECK_INT(s.seccomp.preset, SECCOMP_BUILD);
	CHECK(!strlist_has(&s.seccomp.allow, "ptrace"));
	CHECK(strlist_has(&s.seccomp.deny, "connect"));
	CHECK(!strlist_has(&s.seccomp.notify, "connect"));
	CHECK(strlist_has(&s.seccomp.notify, "sendto"));
	CHECK(s.seccomp.kill);
	policy_compiled_free(keep);
	policy_free(p);
}

static void the_images_environment_passes_as_the_policy_says(void)
{
	static const char *const text[] = {
		"{\"version\":1,\"name\":\"x\",\"filesystem\":{\"read\":[\"/**\"],\"exec\":[\"/"
		"**\"]},"
		"\"environment\":{\"pass\":[\"*\"],\"set\":{\"TZ\":\"UTC\"}}}",
		"{\"version\":1,\"name\":\"x\",\"filesystem\":{\"read\":[\"/**\"],\"exec\":[\"/"
		"**\"]}}",
	};
	char *const image[] = { (char[]){ "PATH=/opt/bin" }, (char[]){ "TZ=CET" },
				(char[]){ "NODE_ENV=production" }, NULL };

	for (size_t i = 0; i < 2; i++) {
		struct sandbox_spec s = { .envp = image };
		struct policy *p = parse(text[i]);
		struct policy_compiled *keep = NULL;
		struct err e = ERR_INIT;
		const char *const *env;

		CHECK_INT(policy_compile(p, &places, &s, &keep, &e), 0);
		env = (const char *const *)s.envp;
		CHECK(in(env, "NODE_ENV=production") == (i == 0));
		CHECK(in(env, "PATH=/opt/bin") == (i == 0));
		CHECK(in(env, "TZ=UTC") == (i == 0));
		CHECK(!in(env, "TZ=CET"));
		CHECK(in(env, "HOME=/tmp"));
		CHECK(in(env, "LANG=C.UTF-8"));
		policy_compiled_free(keep);
		policy_free(p);
	}
}

static void presets_compile(void)
{
	static const char *const names[] = { "preset:reproduce", "preset:patch", "preset:verify" };

	for (size_t i = 0; i < 3; i++) {
		struct sandbox_spec s = { 0 };
		struct policy_compiled *keep = NULL;
		struct err e = ERR_INIT;
		struct policy *p = NULL;

		CHECK_INT(policy_load(names[i], &p, &e), 0);
		CHECK_INT(policy_compile(p, &places, &s, &keep, &e), 0);
		CHECK_STR(e.msg, "");
		CHECK_INT(access_of(&s, "/"), SANDBOX_READ | SANDBOX_EXEC);
		CHECK_INT(access_of(&s, "/srv/app"), SANDBOX_READ | SANDBOX_WRITE | SANDBOX_EXEC);
		CHECK_INT(s.seccomp.preset, SECCOMP_DEBUG);
		CHECK(s.envp && in((const char *const *)s.envp, "CI=1"));
		policy_compiled_free(keep);
		policy_free(p);
	}
}

TAP_MAIN(TEST(the_example_becomes_a_spec), TEST(path_lists_are_intersected),
	 TEST(a_policy_under_which_nothing_runs_is_refused),
	 TEST(a_narrowing_source_only_removes_calls),
	 TEST(the_images_environment_passes_as_the_policy_says), TEST(presets_compile))
