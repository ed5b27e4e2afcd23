/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/store.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"

/* A state directory that the test removes again. */
static char scratch_path[64];
static struct store *scratch_store;

static void scratch_open(void)
{
	struct err e = ERR_INIT;

	(void)snprintf(scratch_path, sizeof(scratch_path), "/tmp/sickbay-test-XXXXXX");
	if (!mkdtemp(scratch_path) || store_open(scratch_path, &scratch_store, &e) < 0) {
		printf("Bail out! scratch directory: %s\n", e.msg);
		exit(1);
	}
}

static void scratch_close(void)
{
	AUTO_CLOSE int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err e = ERR_INIT;

	store_close(scratch_store);
	scratch_store = NULL;
	if (tree_remove_at(tmp, scratch_path + strlen("/tmp/"), &e) < 0)
		printf("# scratch directory: %s\n", e.msg);
}
