/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/sandbox/cgroup_impl.h"

#define TEXT_MAX 65536u

/* A component of the path in a line "N:CONTROLLERS:/PATH" is the parent of all replicas. */
static bool line_is_ours(const char *line)
{
	const char *p = strchr(line, '/');
	const size_t n = strlen(CG_PARENT);

	for (; p; p = strchr(p + 1, '/'))
		if (strncmp(p + 1, CG_PARENT, n) == 0 && (p[n + 1] == '/' || p[n + 1] == '\0'))
			return true;
	return false;
}

int cgroup_holds(uint64_t pid, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(TEXT_MAX);
	char path[48], *line, *rest;
	int r;

	(void)snprintf(path, sizeof(path), "/proc/%llu/cgroup", (unsigned long long)pid);
	r = file_read_at(AT_FDCWD, path, TEXT_MAX, &text, e);
	if (r < 0)
		return r == -ESRCH
			       ? err_set(e, ENOENT, "process %llu is gone", (unsigned long long)pid)
			       : r;
	line = text.p ? strtok_r(text.p, "\n", &rest) : NULL;
	for (; line; line = strtok_r(NULL, "\n", &rest))
		if (line_is_ours(line))
			return 1;
	return 0;
}
