/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/audit/auditlog.h"
#include "runtime/audit/chain.h"
#include "runtime/audit/prove.h"
#include "runtime/audit/verify.h"
#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"

/*
 * The readers of the log.  The first byte chooses: a record's line, a signed
 * checkpoint, a key, a proof, or a list of edits to a genuine log, for which
 * the verifier must never say "ok" unless the edits changed nothing, and
 * opening must never let a change of signed records pass.
 */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char dir_path[] = "/dev/shm/sickbay-fuzz-XXXXXX";
static int dir = -1;
static struct buf genuine = BUF_INIT(1u << 20);
static struct note_key key;

#define SEGMENT "events/00000000000000000000.ndjson"

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
}

static void make_log(void)
{
	AUTO_BUF struct buf note = BUF_INIT(NOTE_MAX);
	struct auditlog *l = NULL;
	struct checkpoint c;
	struct err e = ERR_INIT;
	uint64_t first;

	must(auditlog_open(dir, &l, &e));
	for (int i = 0; i < 6; i++) {
		AUTO_JSON json_t *events = json_pack("[{s:s,s:i}]", "type", "t", "i", i);

		must(auditlog_append(l, events, false, &first, &e));
	}
	must(auditlog_checkpoint(l, &c, &note, &e));
	key = l->signer.key;
	auditlog_close(l);
	must(file_read_at(dir, SEGMENT, 1u << 20, &genuine, &e));
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

static void fuzz_line(const char *text, size_t n)
{
	uint8_t prev[SHA256_LEN] = { 0 };
	uint64_t seq = 0;

	if (chain_read(text, n, &seq, prev) == 0 && chain_check(text, n, seq, prev) != CHAIN_OK)
		abort();
#ifdef PLANTED_BUG /* proves that this harness finds one: a record number used as an index */
	uint8_t *small = calloc(1, 16);

	if (n > 4 && memcmp(text, "{\"v\"", 4) == 0)
		small[(uint8_t)text[n - 1]] = 1;
	free(small);
#endif
}

static void fuzz_text(int what, const char *text, size_t n)
{
	AUTO_BUF struct buf record = BUF_INIT(CHAIN_LINE_MAX + 1);
	AUTO_FREE char *s = strndup(text, n);
	struct note_signer signer;
	struct note_key k;
	struct checkpoint c;
	struct err e = ERR_INIT;
	uint64_t seq;

	if (what == 1)
		(void)checkpoint_open(text, n, &key, &c, &e);
	else if (what == 2)
		(void)proof_check(text, n, &key, &seq, &record, &e);
	else if (note_key_parse(s, &k, &e) < 0)
		(void)note_signer_parse(s, &signer, &e);
}

/* Edits of four bytes: what, where (two), with what. */
static void edit(struct buf *b, const uint8_t *op)
{
	const size_t at = b->n ? (size_t)(op[1] << 8 | op[2]) % b->n : 0;
	const size_t len = op[3] < b->n - at ? op[3] : b->n - at;

	if (b->n == 0 || b->n > 1u << 18)
		return;
	switch (op[0] % 4) {
	case 0:
		b->p[at] = (char)(b->p[at] ^ op[3]);
		break;
	case 1:
		memmove(b->p + at, b->p + at + len, b->n - at - len);
		b->n -= len;
		break;
	case 2: {
		AUTO_FREE char *copy = malloc(len + 1);

		memcpy(copy, b->p + at, len);
		buf_put(b, copy, len);
		break;
	}
	default:
		b->n = at;
	}
}

static void put_segment(const struct buf *b)
{
	const int fd = openat(dir, SEGMENT, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, b->p, b->n) != (ssize_t)b->n)
		abort();
	(void)close(fd);
}

static void fuzz_log(const uint8_t *ops, size_t n)
{
	AUTO_BUF struct buf b = BUF_INIT(1u << 20);
	const struct verify_options o = { 0 };
	struct verify_result v;
	struct auditlog *l = NULL;
	struct err e = ERR_INIT;
	bool same, extends;

	buf_put(&b, genuine.p, genuine.n);
	for (size_t i = 0; i + 4 <= n && i < 64; i += 4)
		edit(&b, ops + i);
	same = b.n == genuine.n && memcmp(b.p, genuine.p, b.n) == 0;
	extends = b.n >= genuine.n && memcmp(b.p, genuine.p, genuine.n) == 0;
	put_segment(&b);
	must(verify(dir, &o, &v, &e));
	if ((v.verdict == VERDICT_OK) != same)
		abort();
	if (!same && !extends && auditlog_open(dir, &l, &e) == 0)
		abort();
	auditlog_close(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *text = (const char *)data + 1;

	if (n == 0)
		return 0;
	switch (data[0] % 5) {
	case 0:
		fuzz_line(text, n - 1);
		break;
	case 4:
		fuzz_log(data + 1, n - 1);
		break;
	default:
		fuzz_text(data[0] % 5, text, n - 1);
	}
	return 0;
}
