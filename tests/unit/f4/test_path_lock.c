/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/path_lock.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "tests/tap.h"

static char dir[64];

static void make_dir(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/sickbay-test-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
}

static void remove_dir(void)
{
	struct err e = ERR_INIT;

	CHECK_INT(chdir("/tmp"), 0);
	CHECK_INT(tree_remove_at(AT_FDCWD, dir + strlen("/tmp/"), &e), 0);
}

static int take(const char *id, const char *repository, const char *root, const char *path,
		struct path_lock **out, struct err *e)
{
	struct change ch[2] = { { .path = (char *)(uintptr_t)path },
				{ .path = (char *)(uintptr_t) "always-other" } };
	const struct changes changes = { .v = ch, .n = 1 };
	const struct path_claim c = { repository, root, id, &changes };

	*e = (struct err)ERR_INIT;
	return path_lock_take(dir, &c, out, e);
}

static void equal_paths_and_those_above_are_one_place(void)
{
	struct err e;
	struct path_lock *a = NULL, *b = NULL, *c = NULL;

	make_dir();
	CHECK_INT(take("a-1", "/r/one", "", "lib/x.py", &a, &e), 0);
	CHECK_INT(take("b-1", "/r/one", "", "lib/x.py", &b, &e), -EBUSY);
	CHECK_STR(e.msg, "'lib/x.py' is being repaired by case 'a-1'");
	CHECK_INT(take("b-1", "/r/one", "", "lib", &b, &e), -EBUSY);
	CHECK_INT(take("b-1", "/r/one", "lib", "x.py", &b, &e), -EBUSY);
	CHECK_INT(take("b-1", "/r/one", "", "lib/x.py/below", &b, &e), -EBUSY);
	CHECK_INT(take("b-1", "/r/one", "", "lib/x.pyc", &b, &e), 0);
	CHECK_INT(take("c-1", "/r/two", "", "lib/x.py", &c, &e), 0);
	path_lock_release(b);
	path_lock_release(a);
	CHECK_INT(take("b-1", "/r/one", "", "lib/x.py", &b, &e), 0);
	path_lock_release(b);
	path_lock_release(c);
	path_lock_release(NULL);
	remove_dir();
}

static void a_dead_holder_holds_nothing(void)
{
	struct err e;
	struct path_lock *l = NULL;
	int ready[2], status;
	char c;
	pid_t pid;

	make_dir();
	CHECK_INT(pipe(ready), 0);
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		const int r = take("a-1", "/r", "", "x", &l, &e);

		(void)!write(ready[1], r == 0 ? "k" : "f", 1);
		(void)pause();
		_exit(0);
	}
	CHECK_INT(read(ready[0], &c, 1), 1);
	CHECK_INT(c, 'k');
	CHECK_INT(take("b-1", "/r", "", "x", &l, &e), -EBUSY);
	CHECK_INT(kill(pid, SIGKILL), 0);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(take("b-1", "/r", "", "x", &l, &e), 0);
	path_lock_release(l);
	(void)close(ready[0]);
	(void)close(ready[1]);
	remove_dir();
}

TAP_MAIN(TEST(equal_paths_and_those_above_are_one_place), TEST(a_dead_holder_holds_nothing))
