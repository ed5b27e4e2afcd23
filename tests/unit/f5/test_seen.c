/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/gate/seen.h"

#include <sys/wait.h>

#include "tests/tap.h"

static int sh(const char *dir, const char *script)
{
	const pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		if (chdir(dir) == 0)
			(void)execl("/bin/sh", "sh", "-c", script, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void values_that_the_policy_masks_are_not_seen(void)
{
	static const char policy[] =
		"{\"version\":1,\"name\":\"x\",\"code\":{\"allow\":[\"**\"]},\"filesystem\":{"
		"\"mask\":"
		"[{\"path\":\"@repo/config/*.env\",\"pattern\":\"^[A-Z_]+=(.+)$\"}]}}";
	char dir[] = "/tmp/sickbay-seen-XXXXXX", url[64], state[64], oid[65], script[128];
	struct changes seen = { 0 };
	struct policy_verdict v;
	struct policy *p = NULL;
	struct git *g = NULL;
	struct err e = ERR_INIT;

	CHECK(mkdtemp(dir) != NULL);
	CHECK_INT(sh(dir,
		     "unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE; mkdir -p r/app/config state && "
		     "cd r && "
		     "echo 'KEY=secret' >app/config/a.env && echo '# none' >app/config/b.env && "
		     "echo 'KEY=secret' >app/k.env && git init -q . && git add -A && "
		     "git -c user.name=t -c user.email=t@example.com commit -qm x && git branch -M "
		     "main"),
		  0);
	(void)snprintf(url, sizeof(url), "%s/r", dir);
	(void)snprintf(state, sizeof(state), "%s/state", dir);
	CHECK_INT(policy_parse("p.json", policy, strlen(policy), &p, &e), 0);
	CHECK_INT(git_open(state, "x", url, &g, &e), 0);
	CHECK_INT(git_resolve(g, "main", oid, &e), 0);
	CHECK_INT(seen_masked(g, oid, "app", p, &seen, &e), 0);
	CHECK_STR(e.msg, "");
	/* the file without a value, and the one beside the folder, are seen as they are */
	CHECK_INT((long long)seen.n, 1);
	if (seen.n == 1) {
		CHECK_STR(seen.v[0].path, "config/a.env");
		CHECK_STR(seen.v[0].old_data, "KEY=secret\n");
		CHECK_STR(seen.v[0].new_data, "KEY=********\n");
		CHECK_INT(seen.v[0].kind, CHANGE_MODIFY);
	}
	/* what an agent makes of such a file would put the asterisks there for good */
	CHECK_INT(policy_check_changes(p, &seen, NULL, &v, &e), 0);
	CHECK_INT(v.decision, POLICY_DENY);
	CHECK_STR(v.rule, "/filesystem/mask/0");
	CHECK_STR(v.mechanism, "source layer");
	changes_release(&seen);
	git_close(g);
	policy_free(p);
	(void)snprintf(script, sizeof(script), "rm -rf %s", dir);
	CHECK_INT(sh("/", script), 0);
}

TAP_MAIN(TEST(values_that_the_policy_masks_are_not_seen))
