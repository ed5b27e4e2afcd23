/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/git_tidy.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"

#define DEPTH_MAX 64 /* of branch names */

/* A branch may be called tmp_x, but never x.lock. */
static bool is_left_over(const char *name, bool objects, int depth)
{
	const size_t n = strlen(name);

	if (objects)
		return strncmp(name, "tmp_", 4) == 0;
	if (depth == 0 && strncmp(name, "sickbay-index.", 14) == 0)
		return true;
	return n > 5 && strcmp(name + n - 5, ".lock") == 0;
}

static int tidy(int parent, const char *name, bool objects, int depth, struct err *e)
{
	AUTO_CLOSE int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	CLEANUP(cleanup_closedir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *ent;
	int r = 0;

	if (!d)
		return err_sys(e, "list '%s'", name);
	(void)take_fd(&fd);
	while (r == 0 && (ent = readdir(d))) {
		if (ent->d_name[0] == '.')
			continue;
		if (is_left_over(ent->d_name, objects, depth))
			r = tree_remove_at(dirfd(d), ent->d_name, e);
		else if (ent->d_type == DT_DIR && depth < DEPTH_MAX)
			r = tidy(dirfd(d), ent->d_name,
				 objects || (depth == 0 && strcmp(ent->d_name, "objects") == 0),
				 depth + 1, e);
	}
	return r;
}

int git_tidy(const char *dir, struct err *e)
{
	return tidy(AT_FDCWD, dir, false, 0, e);
}
