/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/bench/group.h"

/*
 * launch FILTER COMMAND...: the command in control groups of its own, FILTER
 * open as descriptor 9.  What bubblewrap leaves to its caller.
 */
int main(int argc, char **argv)
{
	struct groups g;
	struct clone_args args = { .flags = CLONE_VFORK, .exit_signal = SIGCHLD };
	int filter, status = 0;
	long pid;

	if (argc < 3)
		return 2;
	filter = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (filter < 0)
		die(argv[1]);
	groups_make(&g);
	if (g.unified >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)g.unified;
	}
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		groups_join(&g);
		(void)dup2(filter, 9);
		(void)execv(argv[2], argv + 2);
		die(argv[2]);
	}
	if (pid < 0 || waitpid((pid_t)pid, &status, 0) < 0)
		die("start");
	groups_remove(&g);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}
