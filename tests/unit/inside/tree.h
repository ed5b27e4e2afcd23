/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/fd.h"
#include "tests/tap.h"

/* A repository of a few files. */

static char repo_path[64];

static void repo_make(void)
{
	(void)snprintf(repo_path, sizeof(repo_path), "/tmp/sickbay-test-XXXXXX");
	CHECK(mkdtemp(repo_path) != NULL);
}

static void repo_add(const char *path, const char *content)
{
	struct err e = ERR_INIT;
	AUTO_CLOSE int dir = fd_open_dir(repo_path, &e);
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *parent = slash ? strndup(path, (size_t)(slash - path)) : NULL;
	AUTO_CLOSE int fd = -1;

	if (parent)
		CHECK_INT(dir_make_at(dir, parent, 0755, &e), 0);
	fd = fd_open_beneath(dir, path, O_WRONLY | O_CREAT | O_TRUNC, 0644, &e);
	CHECK(fd >= 0);
	CHECK_INT(fd_write_all(fd, content, strlen(content), path, &e), 0);
}

static void repo_drop(void)
{
	struct err e = ERR_INIT;
	AUTO_CLOSE int dir = fd_open_dir("/tmp", &e);

	CHECK_INT(tree_remove_at(dir, repo_path + 5, &e), 0);
}
