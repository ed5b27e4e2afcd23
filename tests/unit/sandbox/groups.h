/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/cleanup.h"
#include "runtime/sandbox/cgroup_impl.h"

/* How many directories that begin with `name` lie beneath the parents of all hierarchies: others on
 * this host may have groups there, too. -1 when that cannot be told. */
static inline int groups_of(const char *name)
{
	const struct cg_host *host = NULL;
	struct err e = ERR_INIT;
	int n = 0;

	if (cg_host(&host, &e) < 0 || !host)
		return -1;
	for (size_t i = 0; i < host->n; i++) {
		AUTO_CLOSE int fd = cg_open_parent(host, i, false, &e);
		DIR *d = fd < 0 ? NULL : fdopendir(fd);

		for (struct dirent *ent = d ? readdir(d) : NULL; ent; ent = readdir(d))
			n += strncmp(ent->d_name, name, strlen(name)) == 0;
		if (d && closedir(d) == 0)
			(void)take_fd(&fd);
	}
	return n;
}
