/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "runtime/audit/chain.h"
#include "runtime/audit/epochs.h"
#include "runtime/audit/filter.h"
#include "runtime/audit/prove.h"
#include "runtime/audit/serve.h"
#include "runtime/audit/show.h"
#include "runtime/audit/slice.h"
#include "runtime/audit/verify.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"
#include "runtime/base/log.h"
#include "runtime/base/opt.h"
#include "runtime/proto/audit.h"

/*
 * sickbay-audit VERB [ARG ...]: started by sickbay under the log's own uid,
 * with the log's directory and the operator's files as open descriptors, so
 * that it needs no way to any of them.  Exit: 0, 1 the log or proof does not hold, 2 it could not
 * be told.
 */
struct verb {
	const char *name;
	int (*run)(int argc, char **argv, struct err *e);
};

/* "--witness": its file is a descriptor. */
static int witness_of(int argc, char **argv)
{
	return argc > 1 && strcmp(argv[1], "--witness") == 0 ? AUDIT_FD_WITNESS : -1;
}

static int run_serve(int argc, char **argv, struct err *e)
{
	return serve(AUDIT_FD_SOCKET, AUDIT_FD_DIR, witness_of(argc, argv), e);
}

static int run_listen(int argc, char **argv, struct err *e)
{
	return serve_listen(AUDIT_FD_SOCKET, AUDIT_FD_LIFE, AUDIT_FD_DIR, witness_of(argc, argv),
			    e);
}

static int parse(const struct opt *opts, int operands, int argc, char **argv, struct err *e)
{
	int n = 0;
	const int r = opt_parse(opts, false, argc, argv, &n, e);

	if (r == 0 && n != operands)
		return err_set(e, EINVAL, "'%s' takes %d operands", argv[0], operands);
	return r;
}

/* A text that the operator gave, by descriptor. */
static int read_text(int fd, size_t max, const char *what, struct buf *out, struct err *e)
{
	const int r = fd_read_all(fd, max, what, out, e);

	return r == 0 && !out->p ? err_set(e, EBADMSG, "%s is empty", what) : r;
}

static void print_json(const struct verify_result *v)
{
	char root[SHA256_HEX];

	sha256_hex(v->newest.root, root);
	(void)printf("{\"verdict\":\"%s\",\"seq\":%llu,\"records\":%llu,\"signed\":%llu,"
		     "\"root\":\"%s\",\"witnessed\":%llu,\"text\":\"%s\"}\n",
		     verdict_name(v->verdict), (unsigned long long)v->seq,
		     (unsigned long long)v->records, (unsigned long long)v->newest.size, root,
		     (unsigned long long)v->witnessed, v->text);
}

static void print_text(const struct verify_result *v)
{
	char root[SHA256_HEX];

	sha256_hex(v->newest.root, root);
	(void)printf("%s: %s\n", verdict_name(v->verdict), v->text);
	if (v->verdict == VERDICT_OK && v->witnessed)
		(void)printf("witness: all of its %llu checkpoints fit\n",
			     (unsigned long long)v->witnessed);
	if (v->verdict == VERDICT_OK)
		(void)printf("checkpoint %llu %s\n", (unsigned long long)v->newest.size, root);
}

#define WITNESS_MAX (256u << 20)

static int run_verify(int argc, char **argv, struct err *e)
{
	AUTO_BUF struct buf key = BUF_INIT(1024);
	AUTO_BUF struct buf witness = BUF_INIT(NOTE_MAX);
	AUTO_BUF struct buf against = BUF_INIT(WITNESS_MAX);
	bool has_key = false, has_witness = false, has_against = false, json = false;
	const struct opt opts[] = {
		{ "key", OPT_FLAG, &has_key, NULL, "a public key is descriptor 5" },
		{ "from", OPT_FLAG, &has_witness, NULL, "a checkpoint is descriptor 6" },
		{ "against", OPT_FLAG, &has_against, NULL, "a witness is descriptor 8" },
		{ "json", OPT_FLAG, &json, NULL, "print one object" },
		{ 0 },
	};
	struct verify_options o = { 0 };
	struct verify_result v = { 0 };
	int r = parse(opts, 0, argc, argv, e);

	if (r == 0 && has_key)
		r = read_text(AUDIT_FD_KEY, 1024, "the public key", &key, e);
	if (r == 0 && has_witness)
		r = read_text(AUDIT_FD_FILE, NOTE_MAX, "the checkpoint", &witness, e);
	if (r == 0 && has_against)
		r = read_text(AUDIT_FD_WITNESS, WITNESS_MAX, "the witness", &against, e);
	if (r < 0)
		return r;
	o = (struct verify_options){ key.p, witness.p, witness.n, against.p, against.n };
	r = verify(AUDIT_FD_DIR, &o, &v, e);
	if (r < 0)
		return r;
	(json ? print_json : print_text)(&v);
	return v.verdict != VERDICT_OK;
}

static int run_show(int argc, char **argv, struct err *e)
{
	const char *case_id = NULL;
	bool json = false;
	const struct opt opts[] = {
		{ "case", OPT_STR, &case_id, "CASE", "records of this case" },
		{ "json", OPT_FLAG, &json, NULL, "the records as they are" },
		{ 0 },
	};
	const struct verify_options o = { 0 };
	struct verify_result v = { 0 };
	int r = parse(opts, 0, argc, argv, e);

	if (r == 0)
		r = verify(AUDIT_FD_DIR, &o, &v, e);
	if (r == 0)
		r = show(AUDIT_FD_DIR, case_id, json, stdout, e);
	if (r < 0)
		return r;
	if (v.verdict == VERDICT_OK || v.verdict == VERDICT_UNSIGNED)
		return 0;
	log_warn("the log does not hold: %s: %s", verdict_name(v.verdict), v.text);
	return 1;
}

static int run_prove(int argc, char **argv, struct err *e)
{
	static const struct opt opts[] = { { 0 } };
	AUTO_BUF struct buf out = BUF_INIT(PROOF_MAX);
	char *end = NULL;
	uint64_t seq;
	int r = parse(opts, 1, argc, argv, e);

	if (r < 0)
		return r;
	errno = 0;
	seq = strtoull(argv[1], &end, 10);
	if (errno || end == argv[1] || *end || argv[1][0] == '-')
		return err_set(e, EINVAL, "'%s' is not a record's number", argv[1]);
	r = prove(AUDIT_FD_DIR, seq, &out, e);
	if (r == 0 && fwrite(out.p, 1, out.n, stdout) != out.n)
		r = err_sys(e, "cannot write the proof");
	return r;
}

static int print_slice(const struct slice *s, int trusted)
{
	AUTO_JSON json_t *keys = json_array();
	AUTO_JSON json_t *head = NULL;
	char root[SHA256_HEX], earlier[SHA256_HEX];

	for (size_t i = 0; keys && i < s->keys.n; i++) {
		AUTO_BUF struct buf key = BUF_INIT(KEY_TEXT_MAX);

		note_key_format(&s->keys.v[i].key, &key);
		if (!key.n || json_array_append_new(keys, json_stringn(key.p, key.n - 1)) < 0)
			return -ENOMEM;
	}
	sha256_hex(s->at.root, root);
	sha256_hex(s->before.root, earlier);
	head = json_pack("{s:s,s:O,s:i,s:I,s:I,s:s,s:s?,s:I,s:s,s:I}", "case", s->case_id, "keys",
			 keys, "trusted", trusted, "epoch",
			 (json_int_t)key_list_epoch(&s->keys, s->at.size), "size",
			 (json_int_t)s->at.size, "root", root, "earlier", s->earlier,
			 "earlier_size", (json_int_t)s->before.size, "earlier_root", earlier,
			 "records", (json_int_t)s->records);
	if (!head || json_dumpf(head, stdout, JSON_COMPACT) < 0)
		return -ENOMEM;
	(void)putchar('\n');
	if (s->lines.n && fwrite(s->lines.p, 1, s->lines.n, stdout) != s->lines.n)
		return -EIO;
	return 0;
}

static int say_slice(const struct slice *s)
{
	const struct note_key *key = &s->keys.v[key_list_epoch(&s->keys, s->at.size)].key;

	(void)printf("holds: ");
	if (s->before.size)
		(void)printf("the log of %llu records begins with the one of %llu; ",
			     (unsigned long long)s->at.size, (unsigned long long)s->before.size);
	if (s->records)
		(void)printf("%llu records of case %s are in it; ", (unsigned long long)s->records,
			     s->case_id);
	return printf("signed by %s\n", key->name) < 0 ? -EIO : 0;
}

/* key: NULL when nobody said whom to believe.  1: it does not hold, and why was printed. */
static int check_slice(const struct buf *text, const struct note_key *key, bool json, struct err *e)
{
	CLEANUP(slice_release) struct slice s;
	struct err why = ERR_INIT;
	int r = slice_check(text->p, text->n, &s, &why), trusted = -1;

	if (r == 0 && key) {
		trusted = key_list_find(&s.keys, key);
		if (trusted < 0)
			r = err_set(&why, ENOKEY, "it is not signed by the key that was given");
	}
	if (r < 0)
		return printf("does not hold: %s\n", why.msg) < 0 ? -EIO : 1;
	r = json ? print_slice(&s, trusted) : say_slice(&s);
	return r < 0 ? err_set(e, -r, "cannot write what was checked") : 0;
}

static int check_proof(const struct buf *text, const struct note_key *key)
{
	AUTO_BUF struct buf record = BUF_INIT(CHAIN_LINE_MAX + 1);
	struct err why = ERR_INIT;
	uint64_t seq = 0;

	if (proof_check(text->p, text->n, key, &seq, &record, &why) < 0)
		return printf("does not hold: %s\n", why.msg) < 0 ? -EIO : 1;
	(void)printf("holds: record %llu, signed by %s\n%s\n", (unsigned long long)seq, key->name,
		     record.p);
	return 0;
}

/* Without --key a slice is only compared with itself: what it is then worth, sickbay says. */
static int run_check(int argc, char **argv, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(SLICE_MAX);
	AUTO_BUF struct buf key_text = BUF_INIT(KEY_TEXT_MAX);
	bool no_key = false, json = false;
	const struct opt opts[] = {
		{ "json", OPT_FLAG, &json, NULL, "of a slice: what it says, then its records" },
		{ "no-key", OPT_FLAG, &no_key, NULL, "there is no public key" },
		{ 0 },
	};
	struct note_key key;
	bool slice;
	int r = parse(opts, 0, argc, argv, e);

	if (r == 0 && !no_key)
		r = read_text(AUDIT_FD_KEY, KEY_TEXT_MAX, "the public key", &key_text, e);
	if (r == 0)
		r = read_text(AUDIT_FD_FILE, SLICE_MAX, "the proof", &text, e);
	if (r == 0 && !no_key)
		r = note_key_parse(key_text.p, &key, e);
	if (r < 0)
		return r;
	slice = strncmp(text.p, "sickbay.slice/", 14) == 0;
	if (!slice && no_key)
		return err_set(e, EINVAL, "a proof of one record is worth its key");
	return slice ? check_slice(&text, no_key ? NULL : &key, json, e) : check_proof(&text, &key);
}

static int run_slice(int argc, char **argv, struct err *e)
{
	AUTO_BUF struct buf earlier = BUF_INIT(NOTE_MAX);
	AUTO_BUF struct buf out = BUF_INIT(SLICE_MAX);
	const char *case_id = NULL;
	bool has_earlier = false;
	const struct opt opts[] = {
		{ "case", OPT_STR, &case_id, "CASE", "its records" },
		{ "earlier", OPT_FLAG, &has_earlier, NULL, "a checkpoint is descriptor 6" },
		{ 0 },
	};
	struct slice_options o = { 0 };
	int r = parse(opts, 0, argc, argv, e);

	if (r == 0 && has_earlier)
		r = read_text(AUDIT_FD_FILE, NOTE_MAX, "the checkpoint", &earlier, e);
	o = (struct slice_options){ case_id, earlier.p, earlier.n };
	if (r == 0)
		r = slice_make(AUDIT_FD_DIR, &o, &out, e);
	if (r == 0 && fwrite(out.p, 1, out.n, stdout) != out.n)
		r = err_sys(e, "cannot write the slice");
	return r;
}

static int run_key(int argc, char **argv, struct err *e)
{
	static const struct opt opts[] = { { 0 } };
	AUTO_BUF struct buf pub = BUF_INIT(1024);
	struct note_key key;
	int r = parse(opts, 0, argc, argv, e);

	if (r == 0)
		r = file_read_at(AUDIT_FD_DIR, "key.pub", 1024, &pub, e);
	if (r == 0)
		r = note_key_parse(pub.p ? pub.p : "", &key, e);
	if (r == 0 && fputs(pub.p, stdout) == EOF)
		r = err_sys(e, "cannot write the key");
	return r;
}

static int run_keys(int argc, char **argv, struct err *e)
{
	bool json = false;
	const struct opt opts[] = {
		{ "json", OPT_FLAG, &json, NULL, "an array" },
		{ 0 },
	};
	const int r = parse(opts, 0, argc, argv, e);

	return r < 0 ? r : epochs_show(AUDIT_FD_DIR, json, stdout, e);
}

static int run_cases(int argc, char **argv, struct err *e)
{
	uint64_t epoch = 0, since = 0;
	const struct opt opts[] = {
		{ "epoch", OPT_U64, &epoch, "N", "signed by this epoch's key" },
		{ "since", OPT_U64, &since, "NS", "and not older" },
		{ 0 },
	};
	const int r = parse(opts, 0, argc, argv, e);

	return r < 0 ? r : epochs_cases(AUDIT_FD_DIR, epoch, since, stdout, e);
}

static const struct verb verbs[] = {
	{ "serve", run_serve }, { "listen", run_listen }, { "verify", run_verify },
	{ "show", run_show },	{ "prove", run_prove },	  { "check", run_check },
	{ "key", run_key },	{ "slice", run_slice },	  { "keys", run_keys },
	{ "cases", run_cases },
};

static const struct verb *find(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct verb *v = argc > 1 ? find(argv[1]) : NULL;
	struct err e = ERR_INIT;
	int r;

	log_set("sickbay-audit", LOG_WARN);
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return printf("sickbay-audit %s\n", SICKBAY_VERSION) < 0;
	if (!v) {
		log_warn("this program is run by sickbay: see 'sickbay audit'");
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	r = filter_apply(&e);
	/* no configuration file may choose other providers */
	if (r == 0 && OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		r = err_set(&e, EIO, "libcrypto cannot be initialised");
	if (r == 0)
		r = v->run(argc - 1, argv + 1, &e);
	if (fflush(stdout) == EOF && r >= 0)
		r = err_sys(&e, "cannot write");
	if (r < 0)
		(void)fprintf(stderr, "sickbay-audit: %s\n", e.msg);
	return r < 0 ? 2 : r;
}
