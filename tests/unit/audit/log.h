/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/audit/auditlog.h"
#include "runtime/audit/verify.h"
#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"
#include "tests/tap.h"

/* A small log in a directory of its own, for the tests of this floor. */
static char log_path[64];
static int log_dir = -1;

static inline void log_make(void)
{
	(void)snprintf(log_path, sizeof(log_path), "/tmp/sickbay-test-log-XXXXXX");
	if (!mkdtemp(log_path))
		abort();
	log_dir = open(log_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static inline void log_remove(void)
{
	const int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err e = ERR_INIT;

	CHECK_INT(tree_remove_at(tmp, log_path + strlen("/tmp/"), &e), 0);
	close(tmp);
	close(log_dir);
}

static inline struct auditlog *log_open(void)
{
	struct auditlog *l = NULL;
	struct err e = ERR_INIT;

	CHECK_INT(auditlog_open(log_dir, &l, &e), 0);
	CHECK_STR(e.msg, "");
	if (!l)
		abort();
	return l;
}

static inline void log_add(struct auditlog *l, int from, int n)
{
	struct err e = ERR_INIT;
	uint64_t first;

	for (int i = from; i < from + n; i++) {
		AUTO_JSON json_t *events = json_pack("[{s:s,s:i}]", "type", "t", "i", i);

		CHECK_INT(auditlog_append(l, events, true, &first, &e), 0);
	}
	CHECK_STR(e.msg, "");
}

static inline void log_sign(struct auditlog *l)
{
	AUTO_BUF struct buf note = BUF_INIT(NOTE_MAX);
	struct checkpoint c;
	struct err e = ERR_INIT;

	CHECK_INT(auditlog_checkpoint(l, &c, &note, &e), 0);
	CHECK_STR(e.msg, "");
}

static inline struct buf file_get(const char *name)
{
	struct buf b = BUF_INIT(64u << 20);
	struct err e = ERR_INIT;

	CHECK_INT(file_read_at(log_dir, name, 64u << 20, &b, &e), 0);
	return b;
}

static inline void file_put(const char *name, const void *data, size_t n)
{
	const int fd = openat(log_dir, name, O_WRONLY | O_TRUNC | O_CREAT, 0600);

	CHECK_INT(write(fd, data, n), n);
	close(fd);
}

static inline struct verify_result log_verify(void)
{
	const struct verify_options o = { 0 };
	struct verify_result v;
	struct err e = ERR_INIT;

	CHECK_INT(verify(log_dir, &o, &v, &e), 0);
	CHECK_STR(e.msg, "");
	return v;
}

#define SEGMENT0 "events/00000000000000000000.ndjson"
