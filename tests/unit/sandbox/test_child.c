/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>

#include "runtime/base/sys.h"
#include "tests/unit/sandbox/box.h"

/*
 * Every step of a start is made to fail once: the message names it, and
 * nothing stays behind.  nth counts calls of that name from the beginning of
 * the start, on the host's side and in the new process.
 */
static const struct {
	const char *call;
	int nth;
	const char *want; /* before ": Operation not permitted" */
} rows[] = {
	/* on the host's side */
	{ "clone3", 1, "id range: make a user namespace" },
	{ "setns", 1, "network: enter the network namespace" },
	{ "fsopen", 1, "root: open a tmpfs" },
	{ "fsconfig", 1, "root: tmpfs option 'mode=755'" },
	{ "fsmount", 1, "root: mount a tmpfs" },
	{ "open_tree", 1, "root: layer 0: clone a mount" },
	{ "mount_setattr", 1, "root: layer 0: map the ids of a mount" },
	{ "mkdirat", 1, "control group: " },
	{ "capget", 1, "root: become the mounter of range" },
	{ "setfsids", 2, "root: return from the mounter's ids" },
	{ "fsopen", 2, "root: mount the overlay" },
	{ "mknodat", 1, "mounts: fill /dev" },
	{ "memfd", 1, "namespaces: make a memory file" },
	{ "clone3", 2, "namespaces: start the new process" },
	/* in the new process, in the order of its table */
	{ "setns", 3, "namespaces: enter the user and network namespaces" },
	{ "clone3", 3, "namespaces: make the namespaces" },
	{ "setids", 1, "namespaces: become root of the replica" },
	{ "mount", 1, "namespaces: make mounts private" },
	{ "move_mount", 1, "namespaces: attach the root" },
	{ "fsopen", 5, "namespaces: mount /proc" },
	{ "move_mount", 2, "namespaces: mount /proc" },
	{ "fsopen", 6, "namespaces: mount /sys" },
	{ "move_mount", 4, "namespaces: attach /dev" },
	{ "fsopen", 7, "namespaces: mount /dev/pts" },
	{ "move_mount", 6, "namespaces: attach the mounts of the specification" },
	{ "open_tree", 6, "namespaces: restrict /proc" },
	{ "fchdir", 1, "namespaces: change the root" },
	{ "pivot_root", 1, "namespaces: change the root" },
	{ "umount2", 1, "namespaces: leave the host's root" },
	{ "sethostname", 1, "namespaces: set the host name" },
	{ "setaffinity", 1, "namespaces: set the cpus" },
	{ "setsid", 1, "namespaces: start a session" },
	{ "dup_above", 1, "namespaces: arrange the descriptors" },
	{ "dup3", 1, "namespaces: arrange the descriptors" },
	{ "close_range", 1, "namespaces: arrange the descriptors" },
	{ "setrlimit", 1, "namespaces: limit open files" },
	{ "capset", 3, "namespaces: give up capabilities" },
	{ "capbset_drop", 1, "namespaces: give up capabilities" },
	{ "prctl", 4, "namespaces: give up capabilities" },
	{ "no_new_privs", 1, "namespaces: set no_new_privs" },
	{ "prctl", 5, "namespaces: die with the host" },
	{ "landlock_create_ruleset", 2, "namespaces: apply Landlock" },
	{ "landlock_restrict_self", 1, "namespaces: apply Landlock" },
	{ "fexec", 1, "namespaces: execute pid 1" },
};

static int entries(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		(void)closedir(d);
	return n;
}

static void each_step_reports_its_own_failure(void)
{
	struct sandbox_path_rule all[] = { { (char *)(uintptr_t) "/",
					     SANDBOX_READ | SANDBOX_WRITE | SANDBOX_EXEC } };
	static char *argv[] = { (char *)(uintptr_t) "/bin/true", NULL };
	struct box b;
	int before;

	box_make(&b);
	b.spec.argv = argv;
	b.spec.rules = all;
	b.spec.n_rules = 1;
	b.spec.limits.cpu_milli = 1000;
	b.spec.host_root = false; /* its mounts depend on the host */
	before = entries("/proc/self/fd");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = ERR_INIT;
		struct sandbox *s = NULL;
		char want[200];

		(void)snprintf(want, sizeof(want), "%s", rows[i].want);
		sys_fault_arm(rows[i].call, rows[i].nth, EPERM);
		CHECK_INT(sandbox_start(&b.spec, &s, &e), -EPERM);
		sys_fault_arm(NULL, 0, 0);
		if (strncmp(e.msg, want, strlen(want)) != 0 ||
		    !strstr(e.msg, "Operation not permitted")) {
			printf("# row %zu (%s %d)\n", i, rows[i].call, rows[i].nth);
			CHECK_STR(e.msg, want);
		}
		CHECK(s == NULL);
	}
	CHECK(entries("/proc/self/fd") <= before + 2); /* pid 1's program, and what cgroups keep */
	box_remove(&b);
}

TAP_MAIN(TEST(each_step_reports_its_own_failure))
