/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/host/case/git.h"
#include "agent/host/case/source.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "tests/tap.h"

/* A scratch directory with a repository in r/ that a script fills, and a state directory. */
static char top[64], state[96], url[96];

static int sh(const char *script)
{
	const pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		if (chdir(top) == 0)
			(void)execl("/bin/sh", "sh", "-euc", script, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void repo_open(const char *script)
{
	AUTO_FREE char *all = NULL;

	(void)snprintf(top, sizeof(top), "/tmp/sickbay-repo-XXXXXX");
	CHECK(mkdtemp(top) != NULL);
	(void)snprintf(state, sizeof(state), "%s/state", top);
	(void)snprintf(url, sizeof(url), "%s/r", top);
	CHECK(asprintf(&all,
		       "unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE\n"
		       "export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1\n"
		       "git() { command git -c user.name=t -c user.email=t@example.com "
		       "-c protocol.file.allow=always \"$@\"; }\n"
		       "mkdir -m 700 state; git init -q r; cd r; git checkout -q -b main\n%s",
		       script) > 0);
	CHECK_INT(all ? sh(all) : -1, 0);
}

static void repo_close(void)
{
	AUTO_CLOSE int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err e = ERR_INIT;

	CHECK_INT(tree_remove_at(tmp, top + strlen("/tmp/"), &e), 0);
}
