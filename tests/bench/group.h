/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * What the floor and bubblewrap's launcher do about control groups: one group
 * in each parent that GROUPS names, with the limits that sickbay sets, and
 * nothing that makes it safe (no lock, no kill, no statistics).
 */
#define GROUPS	   "SICKBAY_BENCH_GROUPS" /* "dir:dir"; one of cgroup2 comes last */
#define GROUPS_MAX 8

struct groups {
	size_t n;
	int dir[GROUPS_MAX], tasks[GROUPS_MAX];
	char path[GROUPS_MAX][512];
	int unified; /* for CLONE_INTO_CGROUP, or -1 */
};

static inline _Noreturn void die(const char *what)
{
	perror(what);
	_exit(125);
}

static inline void group_limit(int dir, const char *file, const char *value)
{
	const int fd = openat(dir, file, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return; /* not of this hierarchy */
	if (write(fd, value, strlen(value)) < 0)
		die(file);
	(void)close(fd);
}

static inline void groups_make(struct groups *g)
{
	char *list = strdup(getenv(GROUPS) ? getenv(GROUPS) : ""), *save = NULL;

	g->n = 0;
	g->unified = -1;
	for (char *p = strtok_r(list, ":", &save); p && g->n < GROUPS_MAX;
	     p = strtok_r(NULL, ":", &save)) {
		(void)snprintf(g->path[g->n], sizeof(g->path[0]), "%s/%d", p, (int)getpid());
		if (mkdir(g->path[g->n], 0755) < 0)
			die(g->path[g->n]);

		const int dir = open(g->path[g->n], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		group_limit(dir, "memory.limit_in_bytes", "2147483648");
		group_limit(dir, "memory.max", "2147483648");
		group_limit(dir, "pids.max", "256");
		g->tasks[g->n] = openat(dir, "tasks", O_WRONLY | O_CLOEXEC);
		if (g->tasks[g->n] < 0)
			g->unified = dir;
		g->dir[g->n++] = dir;
	}
	free(list);
}

static inline void groups_join(const struct groups *g) /* the caller itself */
{
	for (size_t i = 0; i < g->n; i++)
		if (g->tasks[i] >= 0 && write(g->tasks[i], "0", 1) != 1)
			die("join a control group");
}

static inline void groups_remove(const struct groups *g)
{
	for (size_t i = 0; i < g->n; i++)
		for (int tries = 0; rmdir(g->path[i]) < 0 && tries < 1000; tries++)
			(void)usleep(200);
}
