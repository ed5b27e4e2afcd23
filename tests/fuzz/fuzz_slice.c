/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/audit/auditlog.h"
#include "runtime/audit/slice.h"
#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"

/*
 * The reader of a part of the log, which comes from anywhere.  The first byte
 * chooses: any text, or a list of edits to a genuine slice.  Whatever it is,
 * each record of a slice that holds under the log's key is one of the log's.
 */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char dir_path[] = "/dev/shm/sickbay-fuzz-XXXXXX";
static int dir = -1;
static struct buf genuine = BUF_INIT(1u << 20), lines = BUF_INIT(1u << 20);
static struct note_key key;

static void must(int r)
{
	if (r < 0)
		abort();
}

static void remove_log(void)
{
	const int shm = open("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err e = ERR_INIT;

	(void)tree_remove_at(shm, dir_path + strlen("/dev/shm/"), &e);
	(void)close(shm);
	buf_release(&genuine);
	buf_release(&lines);
}

static void make_log(void)
{
	AUTO_BUF struct buf before = BUF_INIT(NOTE_MAX);
	AUTO_BUF struct buf note = BUF_INIT(NOTE_MAX);
	struct slice_options o = { .case_id = "a-1" };
	struct auditlog *l = NULL;
	struct checkpoint c;
	struct err e = ERR_INIT;
	uint64_t first;

	must(auditlog_open(dir, &l, &e));
	for (int i = 0; i < 7; i++) {
		AUTO_JSON json_t *events = json_pack("[{s:s,s:s,s:i}]", "type", "t", "case",
						     i % 3 ? "a-1" : "b-1", "i", i);

		must(auditlog_append(l, events, false, &first, &e));
		if (i == 2)
			must(auditlog_checkpoint(l, &c, &before, &e));
	}
	must(auditlog_checkpoint(l, &c, &note, &e));
	key = l->signer.key;
	auditlog_close(l);
	o.earlier = before.p;
	o.earlier_n = before.n;
	must(slice_make(dir, &o, &genuine, &e));
	must(file_read_at(dir, "events/00000000000000000000.ndjson", 1u << 20, &lines, &e));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (!mkdtemp(dir_path))
		abort();
	dir = open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(dir);
	(void)atexit(remove_log);
	make_log();
	return 0;
}

/* Edits of four bytes: what, where (two), with what. */
static void edit(struct buf *b, const uint8_t *op)
{
	const size_t at = b->n ? (size_t)(op[1] << 8 | op[2]) % b->n : 0;
	const size_t len = op[3] < b->n - at ? op[3] : b->n - at;

	if (b->n == 0)
		return;
	switch (op[0] % 3) {
	case 0:
		b->p[at] = (char)(b->p[at] ^ op[3]);
		break;
	case 1:
		memmove(b->p + at, b->p + at + len, b->n - at - len);
		b->n -= len;
		break;
	default:
		b->n = at;
	}
}

static void judge(const char *text, size_t n)
{
	struct slice s;
	struct err e = ERR_INIT;
	const int r = slice_check(text, n, &s, &e);

	if (r == 0 && key_list_find(&s.keys, &key) >= 0)
		for (const char *p = s.lines.p, *nl; p && (nl = strchr(p, '\n')); p = nl + 1)
			if (!memmem(lines.p, lines.n, p, (size_t)(nl + 1 - p)))
				abort();
	if (r < 0 && !e.code)
		abort();
	slice_release(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO_BUF struct buf b = BUF_INIT(1u << 20);

	if (n == 0)
		return 0;
	if (data[0] % 2 == 0) {
		judge((const char *)data + 1, n - 1);
		return 0;
	}
	buf_put(&b, genuine.p, genuine.n);
	for (size_t i = 1; i + 4 <= n && i < 64; i += 4)
		edit(&b, data + i);
	judge(b.p, b.n);
	return 0;
}
