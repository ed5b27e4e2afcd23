/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/audit/log.h"

#include "runtime/audit/prove.h"

/* Eight records in three segments, two checkpoints. */
static void small_log(void)
{
	struct auditlog *l;

	log_make();
	l = log_open();
	l->segment_bytes = 430; /* three records */
	log_add(l, 0, 3);
	log_sign(l);
	log_add(l, 3, 4);
	log_sign(l);
	auditlog_close(l);
}

static void a_log_as_it_was_written_is_ok(void)
{
	struct verify_result v;

	small_log();
	v = log_verify();
	CHECK_STR(verdict_name(v.verdict), "ok");
	CHECK_INT(v.records, 8);
	CHECK_STR(v.text, "8 records, 8 of them signed");
	log_remove();
}

/* Which record does this byte of the log belong to? */
static uint64_t record_of(const struct buf *b, size_t at, uint64_t first)
{
	for (size_t i = 0; i < at; i++)
		first += b->p[i] == '\n';
	return first;
}

static const char *const segment_names[] = { SEGMENT0, "events/00000000000000000003.ndjson",
					     "events/00000000000000000006.ndjson" };

/* Flips each byte in turn; counts the flips that were not found, and those with the wrong name. */
static void flip_all(unsigned char mask, int *unseen, int *misnamed)
{
	uint64_t first = 0;

	for (size_t f = 0; f < sizeof(segment_names) / sizeof(segment_names[0]); f++) {
		struct buf b = file_get(segment_names[f]);

		CHECK(b.n > 0);
		for (size_t i = 0; i < b.n; i++) {
			struct verify_result v;
			const uint64_t want = record_of(&b, i, first);

			b.p[i] = (char)(b.p[i] ^ mask);
			file_put(segment_names[f], b.p, b.n);
			v = log_verify();
			b.p[i] = (char)(b.p[i] ^ mask);
			*unseen += v.verdict == VERDICT_OK;
			*misnamed += v.seq != want;
		}
		file_put(segment_names[f], b.p, b.n);
		first = record_of(&b, b.n, first);
		buf_release(&b);
	}
}

static void every_flipped_byte_is_found_and_its_record_named(void)
{
	int unseen = 0, misnamed = 0;

	small_log();
	flip_all(0x01, &unseen, &misnamed);
	flip_all(0x80, &unseen, &misnamed);
	CHECK_INT(unseen, 0);
	CHECK_INT(misnamed, 0);
	CHECK_STR(verdict_name(log_verify().verdict), "ok");
	log_remove();
}

static void every_flipped_byte_is_found_without_the_cache_too(void)
{
	int unseen = 0, misnamed = 0;

	small_log();
	CHECK_INT(unlinkat(log_dir, "cache/hashes", 0), 0);
	flip_all(0x01, &unseen, &misnamed);
	CHECK_INT(unseen, 0);
	log_remove();
}

static void every_flipped_byte_of_checkpoints_and_key_is_found(void)
{
	static const char *const names[] = { "checkpoint", "checkpoints/00000000000000000004",
					     "key.pub" };
	int unseen = 0;

	small_log();
	for (size_t f = 0; f < sizeof(names) / sizeof(names[0]); f++) {
		struct buf b = file_get(names[f]);

		CHECK_INT(unlinkat(log_dir, names[f], 0), 0); /* 'checkpoint' has two names */
		for (size_t i = 0; i < b.n; i++) {
			b.p[i] = (char)(b.p[i] ^ 1);
			file_put(names[f], b.p, b.n);
			unseen += log_verify().verdict == VERDICT_OK;
			b.p[i] = (char)(b.p[i] ^ 1);
		}
		file_put(names[f], b.p, b.n);
		buf_release(&b);
	}
	CHECK_INT(unseen, 0);
	CHECK_STR(verdict_name(log_verify().verdict), "ok");
	log_remove();
}

struct lines {
	struct buf text;
	char *line[16];
	size_t n;
};

static struct lines lines_of(const char *name)
{
	struct lines l = { .text = file_get(name) };

	for (char *p = strtok(l.text.p, "\n"); p && l.n < 16; p = strtok(NULL, "\n"))
		l.line[l.n++] = p;
	return l;
}

static void write_lines(const char *name, struct lines *l)
{
	struct buf b = BUF_INIT(1u << 20);

	for (size_t i = 0; i < l->n; i++)
		buf_printf(&b, "%s\n", l->line[i]);
	file_put(name, b.p ? b.p : "", b.n);
	buf_release(&b);
	buf_release(&l->text);
}

static void remove_line(struct lines *l, size_t at)
{
	memmove(l->line + at, l->line + at + 1, (l->n - at - 1) * sizeof(l->line[0]));
	l->n--;
}

static void repeat_line(struct lines *l, size_t at)
{
	memmove(l->line + at + 1, l->line + at, (l->n - at) * sizeof(l->line[0]));
	l->n++;
}

static void swap_lines(struct lines *l, size_t at)
{
	char *was = l->line[at];

	l->line[at] = l->line[at + 1];
	l->line[at + 1] = was;
}

static void cut_lines(struct lines *l, size_t at)
{
	l->n = at;
}

static void moved_records(bool with_cache)
{
	static const struct {
		const char *what;
		void (*change)(struct lines *, size_t);
		size_t at;
		const char *verdict;
		uint64_t seq;
	} rows[] = {
		{ "removed", remove_line, 1, "removed", 1 },
		{ "first removed", remove_line, 0, "removed", 0 },
		{ "last of a segment removed", remove_line, 2, "removed", 2 },
		{ "repeated", repeat_line, 1, "duplicated", 2 },
		{ "swapped", swap_lines, 0, "reordered", 0 },
		{ "swapped", swap_lines, 1, "reordered", 1 },
		{ "emptied", cut_lines, 0, "removed", 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct verify_result v;
		struct lines l;

		small_log();
		if (!with_cache)
			CHECK_INT(unlinkat(log_dir, "cache/hashes", 0), 0);
		l = lines_of(SEGMENT0);
		CHECK_INT(l.n, 3);
		rows[i].change(&l, rows[i].at);
		write_lines(SEGMENT0, &l);
		v = log_verify();
		CHECK_STR(verdict_name(v.verdict), rows[i].verdict);
		CHECK_INT(v.seq, rows[i].seq);
		log_remove();
	}
}

static void records_that_were_moved_are_named(void)
{
	moved_records(true);
	moved_records(false);
}

static void a_log_cut_at_any_byte_is_truncated_at_that_record(void)
{
	const char *last = segment_names[2];
	struct buf b;

	small_log();
	b = file_get(last);
	for (size_t n = 0; n < b.n; n++) {
		struct verify_result v;

		file_put(last, b.p, n);
		v = log_verify();
		CHECK_STR(verdict_name(v.verdict), "truncated");
		CHECK_INT(v.seq, record_of(&b, n, 6));
	}
	CHECK_INT(unlinkat(log_dir, last, 0), 0);
	CHECK_STR(verdict_name(log_verify().verdict), "truncated");
	CHECK_INT(log_verify().seq, 6);
	buf_release(&b);
	log_remove();
}

/* Rewrites everything from record 5 on, with a chain that holds. */
static void rechain(void)
{
	struct auditlog *l;
	struct buf b = file_get("checkpoints/00000000000000000004");
	struct lines seg = lines_of(segment_names[1]);

	file_put("checkpoint", b.p, b.n);
	buf_release(&b);
	CHECK_INT(unlinkat(log_dir, segment_names[2], 0), 0);
	seg.n = 2;
	write_lines(segment_names[1], &seg);
	l = log_open();
	log_add(l, 100, 3);
	auditlog_close(l);
}

static void an_older_checkpoint_in_place_of_the_newest_is_found(void)
{
	struct buf newest, older;
	struct verify_result v;

	small_log();
	newest = file_get("checkpoint");
	older = file_get("checkpoints/00000000000000000004");
	CHECK_INT(unlinkat(log_dir, "checkpoint", 0), 0);
	file_put("checkpoint", older.p, older.n);
	v = log_verify();
	CHECK_STR(verdict_name(v.verdict), "rewound");
	CHECK_STR(v.text, "the log's newest checkpoint signs 4 records, but "
			  "'checkpoints/00000000000000000008' signs 8");
	/* the other copy is gone too: a witness still knows */
	CHECK_INT(unlinkat(log_dir, "checkpoints/00000000000000000008", 0), 0);
	CHECK_STR(verdict_name(log_verify().verdict), "ok");
	const struct verify_options o = { .witness = newest.p, .witness_len = newest.n };
	struct err e = ERR_INIT;

	CHECK_INT(verify(log_dir, &o, &v, &e), 0);
	CHECK_STR(verdict_name(v.verdict), "rewound");
	buf_release(&newest);
	buf_release(&older);
	log_remove();
}

static void a_rewritten_history_is_a_fork_of_what_a_witness_holds(void)
{
	struct buf newest;
	struct verify_result v;
	struct err e = ERR_INIT;
	struct auditlog *l;

	small_log();
	newest = file_get("checkpoint");
	CHECK_INT(unlinkat(log_dir, "checkpoints/00000000000000000008", 0), 0);
	CHECK_INT(unlinkat(log_dir, "checkpoint", 0), 0);
	rechain();
	l = log_open();
	log_sign(l); /* with the log's own key */
	auditlog_close(l);
	CHECK_STR(verdict_name(log_verify().verdict), "ok");
	const struct verify_options o = { .witness = newest.p, .witness_len = newest.n };

	CHECK_INT(verify(log_dir, &o, &v, &e), 0);
	CHECK_STR(verdict_name(v.verdict), "forked");
	buf_release(&newest);
	log_remove();
}

static void records_behind_the_newest_checkpoint_are_chained(void)
{
	struct auditlog *l;
	struct verify_result v;
	struct buf b;
	size_t at;

	small_log();
	l = log_open();
	log_add(l, 50, 2);
	auditlog_close(l);
	v = log_verify();
	CHECK_STR(v.text, "10 records, 8 of them signed");
	b = file_get(segment_names[2]);
	at = (size_t)(strstr(b.p, "\"i\":50") - b.p);
	b.p[at + 4] = '6';
	file_put(segment_names[2], b.p, b.n);
	v = log_verify();
	CHECK_STR(verdict_name(v.verdict), "edited");
	CHECK_INT(v.seq, 8);
	b.p[at + 4] = '5';
	file_put(segment_names[2], b.p, b.n - 20);
	v = log_verify();
	CHECK_STR(verdict_name(v.verdict), "torn-tail");
	CHECK_INT(v.seq, 9);
	buf_release(&b);
	log_remove();
}

static void another_key_does_not_vouch_for_the_log(void)
{
	AUTO_BUF struct buf pub = BUF_INIT(1024);
	struct verify_options o = { 0 };
	struct verify_result v;
	struct note_signer s;
	struct err e = ERR_INIT;

	small_log();
	CHECK_INT(note_signer_make("other", &s, &e), 0);
	note_key_format(&s.key, &pub);
	o.key = pub.p;
	CHECK_INT(verify(log_dir, &o, &v, &e), 0);
	CHECK_STR(verdict_name(v.verdict), "unknown-key");
	CHECK_STR(v.text, "checkpoint: the checkpoint is not signed by 'other'");
	log_remove();
}

static void a_log_that_nobody_signed_is_not_ok(void)
{
	struct auditlog *l;

	log_make();
	l = log_open();
	log_add(l, 0, 2);
	auditlog_close(l);
	CHECK_STR(verdict_name(log_verify().verdict), "unsigned");
	log_remove();
}

static void check_proof(uint64_t seq, const struct note_key *key)
{
	AUTO_BUF struct buf text = BUF_INIT(PROOF_MAX);
	AUTO_BUF struct buf record = BUF_INIT(1u << 17);
	struct err e = ERR_INIT;
	uint64_t got = 99;
	int believed = 0;

	CHECK_INT(prove(log_dir, seq, &text, &e), 0);
	CHECK_INT(proof_check(text.p, text.n, key, &got, &record, &e), 0);
	CHECK_STR(e.msg, "");
	CHECK_INT(got, seq);
	CHECK(record.p && strncmp(record.p, "{\"v\":1,\"seq\":", 13) == 0);
	for (size_t i = 0; i < text.n; i++) {
		AUTO_BUF struct buf other = BUF_INIT(1u << 17);

		text.p[i] = (char)(text.p[i] ^ 1);
		believed += proof_check(text.p, text.n, key, &got, &other, &e) == 0;
		text.p[i] = (char)(text.p[i] ^ 1);
	}
	CHECK_INT(believed, 0);
}

static void each_record_has_a_proof_and_a_changed_proof_does_not_hold(void)
{
	AUTO_BUF struct buf none = BUF_INIT(PROOF_MAX);
	struct buf pub;
	struct note_key key;
	struct err e = ERR_INIT;

	small_log();
	pub = file_get("key.pub");
	CHECK_INT(note_key_parse(pub.p, &key, &e), 0);
	check_proof(0, &key);
	check_proof(7, &key);
	CHECK_INT(unlinkat(log_dir, "cache/offsets", 0), 0); /* without the cache */
	check_proof(5, &key);
	CHECK_INT(prove(log_dir, 8, &none, &e), -ERANGE);
	CHECK_STR(e.msg, "record 8 is not among the 8 that are signed");
	buf_release(&pub);
	log_remove();
}

TAP_MAIN(TEST(a_log_as_it_was_written_is_ok),
	 TEST(every_flipped_byte_is_found_and_its_record_named),
	 TEST(every_flipped_byte_is_found_without_the_cache_too),
	 TEST(every_flipped_byte_of_checkpoints_and_key_is_found),
	 TEST(records_that_were_moved_are_named),
	 TEST(a_log_cut_at_any_byte_is_truncated_at_that_record),
	 TEST(an_older_checkpoint_in_place_of_the_newest_is_found),
	 TEST(a_rewritten_history_is_a_fork_of_what_a_witness_holds),
	 TEST(records_behind_the_newest_checkpoint_are_chained),
	 TEST(another_key_does_not_vouch_for_the_log), TEST(a_log_that_nobody_signed_is_not_ok),
	 TEST(each_record_has_a_proof_and_a_changed_proof_does_not_hold))
