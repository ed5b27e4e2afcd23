/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/audit/log.h"

#include <signal.h>
#include <sys/wait.h>

#include "runtime/base/sys.h"

static uint64_t add_one(struct auditlog *l, bool sync, struct err *e)
{
	AUTO_JSON json_t *events = json_pack("[{s:s}]", "type", "t");
	uint64_t first = UINT64_MAX;

	return auditlog_append(l, events, sync, &first, e) < 0 ? UINT64_MAX : first;
}

static void records_are_numbered_across_openings_and_segments(void)
{
	struct auditlog *l;
	struct err e = ERR_INIT;

	log_make();
	for (uint64_t i = 0; i < 5; i++) {
		l = log_open();
		l->segment_bytes = 300;
		CHECK_INT(add_one(l, true, &e), 1 + 2 * i);
		CHECK_INT(add_one(l, false, &e), 2 + 2 * i);
		if (i % 2)
			log_sign(l);
		auditlog_close(l);
	}
	l = log_open();
	log_sign(l);
	auditlog_close(l);
	CHECK_STR(log_verify().text, "11 records, 11 of them signed");
	log_remove();
}

static void two_writers_follow_each_other(void)
{
	struct auditlog *a, *b;
	struct err e = ERR_INIT;

	log_make();
	a = log_open();
	b = log_open();
	a->segment_bytes = b->segment_bytes = 400;
	for (uint64_t i = 0; i < 10; i++) {
		CHECK_INT(add_one(a, false, &e), 1 + 2 * i);
		CHECK_INT(add_one(b, true, &e), 2 + 2 * i);
	}
	log_sign(a);
	add_one(b, true, &e);
	log_sign(b);
	log_sign(a);
	auditlog_close(a);
	auditlog_close(b);
	CHECK_STR(e.msg, "");
	CHECK_STR(log_verify().text, "22 records, 22 of them signed");
	log_remove();
}

/* A crash may leave any part of the last write: each is cut, kept and recorded. */
static void a_tail_torn_at_any_byte_is_cut_and_recorded(void)
{
	struct auditlog *l;
	struct buf whole;
	size_t signed_bytes;
	int wrong = 0;

	log_make();
	l = log_open();
	log_add(l, 0, 1);
	log_sign(l);
	signed_bytes = l->seg_size;
	log_add(l, 1, 2);
	auditlog_close(l);
	whole = file_get(SEGMENT0);
	for (size_t n = signed_bytes; n < whole.n; n++) {
		const bool on_a_line = whole.p[n - 1] == '\n';
		struct buf after;
		struct verify_result v;

		file_put(SEGMENT0, whole.p, n);
		wrong += strcmp(verdict_name(log_verify().verdict),
				on_a_line ? "ok" : "torn-tail") != 0;
		l = log_open();
		log_add(l, 9, 1);
		auditlog_close(l);
		v = log_verify();
		after = file_get(SEGMENT0);
		wrong += v.verdict != VERDICT_OK;
		wrong += (strstr(after.p, "\"type\":\"log.recovered\",\"torn\":\"") != NULL) ==
			 on_a_line;
		buf_release(&after);
	}
	CHECK_INT(wrong, 0);
	buf_release(&whole);
	log_remove();
}

static void what_was_cut_off_is_kept(void)
{
	struct auditlog *l;
	struct buf whole, torn;

	log_make();
	l = log_open();
	log_add(l, 0, 2);
	auditlog_close(l);
	whole = file_get(SEGMENT0);
	file_put(SEGMENT0, whole.p, whole.n - 10);
	auditlog_close(log_open());
	torn = file_get("events/00000000000000000002.0.torn");
	CHECK(torn.n > 100 && memcmp(torn.p, whole.p + whole.n - torn.n - 10, torn.n) == 0);
	buf_release(&whole);
	whole = file_get(SEGMENT0);
	CHECK(strstr(whole.p, "\"torn\":\"00000000000000000002.0.torn\",\"bytes\":"));
	buf_release(&whole);
	buf_release(&torn);
	log_remove();
}

/* Unsynced pages may be lost in the middle of a batch: zeros, then whole lines. */
static void a_hole_behind_the_checkpoint_is_a_torn_tail_too(void)
{
	struct auditlog *l;
	struct buf b;

	log_make();
	l = log_open();
	log_add(l, 0, 1);
	log_sign(l);
	const size_t from = l->seg_size;

	log_add(l, 1, 3);
	auditlog_close(l);
	b = file_get(SEGMENT0);
	memset(b.p + from + 20, 0, 60);
	file_put(SEGMENT0, b.p, b.n);
	auditlog_close(log_open());
	CHECK_STR(verdict_name(log_verify().verdict), "ok");
	CHECK_INT(log_verify().records, 3);
	buf_release(&b);
	log_remove();
}

static void a_change_before_the_checkpoint_refuses_to_append(void)
{
	struct auditlog *l;
	struct err e = ERR_INIT;
	struct buf b;
	int accepted = 0;

	log_make();
	l = log_open();
	log_add(l, 0, 3);
	log_sign(l);
	auditlog_close(l);
	b = file_get(SEGMENT0);
	for (size_t i = 0; i < b.n; i++) {
		b.p[i] = (char)(b.p[i] ^ 2);
		file_put(SEGMENT0, b.p, b.n);
		l = NULL;
		accepted += auditlog_open(log_dir, &l, &e) != -EBADMSG;
		auditlog_close(l);
		b.p[i] = (char)(b.p[i] ^ 2);
	}
	CHECK_INT(accepted, 0);
	CHECK_STR(e.msg,
		  "the audit log was changed: record 3 of the 4 that were signed does not fit; "
		  "'sickbay audit verify' names it, nothing more is appended");
	file_put(SEGMENT0, b.p, b.n - 10);
	CHECK_INT(auditlog_open(log_dir, &l, &e), -EBADMSG);
	file_put(SEGMENT0, b.p, b.n);
	log_add(l = log_open(), 4, 1);
	auditlog_close(l);
	buf_release(&b);
	log_remove();
}

static void a_lost_key_or_a_changed_checkpoint_refuses_to_append(void)
{
	struct auditlog *l;
	struct err e = ERR_INIT;
	struct buf b;

	log_make();
	l = log_open();
	log_add(l, 0, 1);
	log_sign(l);
	auditlog_close(l);
	b = file_get("key");
	CHECK_INT(unlinkat(log_dir, "key", 0), 0);
	CHECK_INT(auditlog_open(log_dir, &l, &e), -ENOKEY);
	CHECK_STR(e.msg, "the log's key: the log has checkpoints but its signing key is gone");
	file_put("key", b.p, b.n);
	buf_release(&b);
	b = file_get("checkpoint");
	b.p[b.n - 10] = b.p[b.n - 10] == 'A' ? 'B' : 'A';
	CHECK_INT(unlinkat(log_dir, "checkpoint", 0), 0);
	file_put("checkpoint", b.p, b.n);
	CHECK_INT(auditlog_open(log_dir, &l, &e), -EKEYREJECTED);
	CHECK(strstr(
		e.msg,
		"the audit log was changed: its newest checkpoint: the checkpoint's signature"));
	buf_release(&b);
	log_remove();
}

static void a_missing_or_wrong_cache_is_made_again(void)
{
	static const char *const names[] = { "cache/hashes", "cache/offsets" };
	struct auditlog *l;
	struct buf good;

	log_make();
	l = log_open();
	for (int i = 0; i < 3; i++) { /* more than one opening reads again */
		AUTO_JSON json_t *events = json_array();
		struct err e = ERR_INIT;
		uint64_t first;

		for (int k = 0; k < 1000; k++)
			json_array_append_new(events, json_pack("{s:s,s:i}", "type", "t", "k", k));
		CHECK_INT(auditlog_append(l, events, true, &first, &e), 0);
	}
	log_sign(l);
	auditlog_close(l);
	for (size_t f = 0; f < 2; f++) {
		good = file_get(names[f]);
		for (int how = 0; how < 3; how++) {
			struct buf now;

			if (how == 0)
				CHECK_INT(unlinkat(log_dir, names[f], 0), 0);
			else if (how == 1)
				file_put(names[f], good.p, good.n / 2);
			else {
				memset(good.p + good.n - 40000 * (f == 0), 0x55,
				       8 + 32000 * (f == 0));
				file_put(names[f], good.p, good.n);
			}
			auditlog_close(log_open());
			now = file_get(names[f]);
			CHECK_INT(now.n, good.n);
			buf_release(&now);
			CHECK_STR(verdict_name(log_verify().verdict), "ok");
		}
		buf_release(&good);
	}
	log_remove();
}

static void a_batch_is_all_or_none(void)
{
	AUTO_JSON json_t *events =
		json_pack("[{s:s},{s:s,s:f}]", "type", "t", "type", "t", "x", 1.5);
	struct auditlog *l;
	struct err e = ERR_INIT;
	uint64_t first;

	log_make();
	l = log_open();
	CHECK_INT(auditlog_append(l, events, true, &first, &e), -EINVAL);
	CHECK_INT(l->tree.size, 1);
	e = (struct err)ERR_INIT;
	CHECK_INT(add_one(l, true, &e), 1);
	log_sign(l);
	auditlog_close(l);
	CHECK_STR(log_verify().text, "2 records, 2 of them signed");
	log_remove();
}

#ifdef SYS_FAULTS
static void a_failed_sync_takes_the_batch_back_and_is_never_retried(void)
{
	struct auditlog *l;
	struct err e = ERR_INIT;

	log_make();
	l = log_open();
	CHECK_INT(add_one(l, true, &e), 1);
	sys_fault_arm("fsync", 1, EIO);
	CHECK_INT(add_one(l, true, &e), UINT64_MAX);
	CHECK_STR(e.msg, "the audit log cannot be made durable: Input/output error");
	sys_fault_arm(NULL, 0, 0);
	CHECK_INT(add_one(l, true, &e), UINT64_MAX);
	CHECK(strstr(e.msg, "could not be made durable before"));
	CHECK_INT(add_one(l, false, &e), UINT64_MAX);
	auditlog_close(l);
	e = (struct err)ERR_INIT;
	l = log_open();
	CHECK_INT(l->tree.size, 2); /* what did not happen is not in the log */
	log_sign(l);
	auditlog_close(l);
	CHECK_STR(verdict_name(log_verify().verdict), "ok");
	log_remove();
}

/* Each sync and rename of a first append and checkpoint fails in turn. */
static void no_checkpoint_covers_what_is_not_durable(void)
{
	static const char *const calls[] = { "fsync", "rename" };
	int failures = 0;

	for (size_t c = 0; c < 2; c++) {
		for (int nth = 1; nth < 16; nth++) {
			AUTO_BUF struct buf note = BUF_INIT(NOTE_MAX);
			struct auditlog *l = NULL;
			struct checkpoint ck;
			struct err e = ERR_INIT;
			int r;

			log_make();
			sys_fault_arm(calls[c], nth, EIO);
			r = auditlog_open(log_dir, &l, &e);
			if (r == 0 && add_one(l, true, &e) == UINT64_MAX)
				r = -EIO;
			if (r == 0)
				r = auditlog_checkpoint(l, &ck, &note, &e);
			sys_fault_arm(NULL, 0, 0);
			auditlog_close(l);
			failures += r < 0;
			CHECK(r == 0 || e.msg[0]);
			l = log_open(); /* whatever failed, the log can be opened and extended */
			log_add(l, 0, 1);
			log_sign(l);
			auditlog_close(l);
			CHECK_STR(verdict_name(log_verify().verdict), "ok");
			log_remove();
		}
	}
	CHECK(failures >= 8);
}
#endif

/* Real kills, at whatever the writer was doing; what was acknowledged must be there. */
static void killing_the_writer_loses_nothing_that_was_acknowledged(void)
{
	uint64_t acknowledged = 0;

	log_make();
	for (unsigned round = 0; round < 30; round++) {
		int ack[2];
		pid_t pid;
		uint64_t seq;
		struct auditlog *l;

		if (pipe2(ack, O_CLOEXEC) < 0)
			abort();
		pid = fork();
		if (pid == 0) {
			struct err e = ERR_INIT;

			l = log_open();
			l->segment_bytes = 2000;
			for (;;) {
				seq = add_one(l, true, &e);
				if (write(ack[1], &seq, sizeof(seq)) < 0)
					_exit(1);
				if (seq % 7 == 0)
					log_sign(l);
			}
		}
		close(ack[1]);
		for (unsigned k = 0; k <= round % 5; k++)
			if (read(ack[0], &seq, sizeof(seq)) == (ssize_t)sizeof(seq))
				acknowledged = seq;
		(void)usleep(round * 37 % 500);
		(void)kill(pid, SIGKILL);
		while (read(ack[0], &seq, sizeof(seq)) == (ssize_t)sizeof(seq))
			acknowledged = seq;
		(void)waitpid(pid, NULL, 0);
		close(ack[0]);
		l = log_open();
		CHECK(l->tree.size > acknowledged);
		auditlog_close(l);
	}
	CHECK(acknowledged > 30);
	CHECK(log_verify().verdict == VERDICT_OK);
	log_remove();
}

#ifdef SYS_FAULTS
#define WITH_FAULTS                                                    \
	TEST(a_failed_sync_takes_the_batch_back_and_is_never_retried), \
		TEST(no_checkpoint_covers_what_is_not_durable),
#else
#define WITH_FAULTS
#endif

TAP_MAIN(TEST(records_are_numbered_across_openings_and_segments),
	 TEST(two_writers_follow_each_other), TEST(a_tail_torn_at_any_byte_is_cut_and_recorded),
	 TEST(what_was_cut_off_is_kept), TEST(a_hole_behind_the_checkpoint_is_a_torn_tail_too),
	 TEST(a_change_before_the_checkpoint_refuses_to_append),
	 TEST(a_lost_key_or_a_changed_checkpoint_refuses_to_append),
	 TEST(a_missing_or_wrong_cache_is_made_again), TEST(a_batch_is_all_or_none),
	 WITH_FAULTS TEST(killing_the_writer_loses_nothing_that_was_acknowledged))
