/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/pr/verify.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "policy/policy.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"
#include "runtime/base/sha256.h"
#include "runtime/base/spawn.h"
#include "runtime/proto/audit_read.h"
#include "runtime/proto/decode.h"

void checking_release(struct checking *c)
{
	bundle_release(&c->b);
	json_decref(c->slice);
	json_decref(c->events);
	proposal_release(&c->p);
	for (size_t i = 0; i < c->n; i++)
		free(c->v[i].says);
	free(c->v);
	free(c->case_id);
	*c = (struct checking){ 0 };
}

static void add(struct checking *c, const char *name, bool holds, const char *fmt, va_list ap)
{
	struct check *more = reallocarray(c->v, c->n + 1, sizeof(*more));
	char *says = NULL;

	c->failed |= !holds;
	if (!more)
		return;
	c->v = more;
	if (vasprintf(&says, fmt, ap) < 0)
		says = NULL;
	for (char *p = says; p && *p; p++) /* it quotes what came from anywhere */
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	more[c->n++] = (struct check){ name, holds, says };
}

void check_ok(struct checking *c, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(c, name, true, fmt, ap);
	va_end(ap);
}

void check_fail(struct checking *c, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(c, name, false, fmt, ap);
	va_end(ap);
}

void digest_hex(const void *data, size_t n, char out[65])
{
	uint8_t digest[SHA256_LEN];

	sha256_of(data, n, digest);
	sha256_hex(digest, out);
}

/* ---- the archive ---- */

static bool is_known(const char *name)
{
	static const char *const fixed[] = { EXPORT_HEAD, EXPORT_SLICE, PR_TEXT_FILE, PR_PATCH_FILE,
					     "records/ledger.ndjson" };
	char one[64];

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (strcmp(name, fixed[i]) == 0)
			return true;
	for (int stage = 0; stage < STAGE_N; stage++) {
		export_record_name(stage, one);
		if (strcmp(name, one) == 0)
			return true;
	}
	for (int role = 0; role < ROLE_N; role++) {
		(void)snprintf(one, sizeof(one), CASE_POLICY, policy_role_name(role));
		if (strcmp(name, one) == 0)
			return true;
	}
	return strncmp(name, EXPORT_RAW, strlen(EXPORT_RAW)) == 0;
}

static bool is_named(const struct checking *c, const char *hex)
{
	const json_t *record = c->p.record[STAGE_INCIDENT];
	const char *key, *digest;
	json_t *v;

	json_object_foreach(json_object_get(record, "measured"), key, v) {
		digest = pr_str(v, "digest");
		if (strncmp(digest, "sha256:", 7) == 0 && strcmp(digest + 7, hex) == 0)
			return true;
	}
	return false;
}

static void check_raw(struct checking *c, const struct bundle_file *f)
{
	char hex[65];

	digest_hex(f->data, f->n, hex);
	if (!c->raw)
		check_fail(c, "archive", "%s: raw data in an export that says it has none",
			   f->name);
	else if (strcmp(f->name + strlen(EXPORT_RAW), hex) != 0)
		check_fail(c, "archive", "%s: its SHA-256 is %s", f->name, hex);
	else if (!is_named(c, hex))
		check_fail(c, "archive", "%s: 1-incident.json names no such piece", f->name);
}

/* The files are what an export has, and every other byte is as sickbay would have written it. */
static void check_form(struct checking *c)
{
	AUTO_BUF struct buf tar = BUF_INIT(BUNDLE_MAX + BUNDLE_FILES_MAX * 1024u);
	struct err e = ERR_INIT;
	uint64_t mtime;
	char hex[65];
	const bool failed = c->failed;

	for (size_t i = 0; i < c->b.n; i++) {
		if (!is_known(c->b.v[i].name))
			check_fail(c, "archive", "%s: no file of an export", c->b.v[i].name);
		if (strncmp(c->b.v[i].name, EXPORT_RAW, strlen(EXPORT_RAW)) == 0)
			check_raw(c, &c->b.v[i]);
	}
	if (!c->p.record[STAGE_INCIDENT])
		return; /* said already; without its time the form is not known */
	if (export_mtime(c->p.record[STAGE_INCIDENT], &mtime, &e) < 0 ||
	    bundle_tar(&c->b, mtime, &tar, &e) < 0) {
		check_fail(c, "archive", "%s", e.msg);
		return;
	}
	digest_hex(tar.p, tar.n, hex);
	if (strcmp(hex, c->digest) != 0)
		check_fail(c, "archive",
			   "the files' headers, order or padding are not as sickbay writes them "
			   "(expected an archive with SHA-256 %s, seen %s)",
			   hex, c->digest);
	else if (c->failed == failed)
		check_ok(c, "archive", "%zu files, every byte between them as sickbay writes it",
			 c->b.n);
}

/* export.json has one form for what it says. */
static void check_head(struct checking *c)
{
	const struct bundle_file *f = bundle_find(&c->b, EXPORT_HEAD);
	AUTO_JSON json_t *v = NULL;
	AUTO_FREE char *again = NULL;
	struct err e = ERR_INIT;
	const char *id;

	if (!f) {
		check_fail(c, "archive", EXPORT_HEAD " is missing: this is no exported case");
		return;
	}
	if (decode_text(DECODE_JSON, f->data, f->n, EXPORT_HEAD, NULL, &v, &e) < 0) {
		check_fail(c, "archive", "%s", e.msg);
		return;
	}
	id = json_string_value(json_object_get(v, "case"));
	c->raw = json_is_true(json_object_get(v, "raw"));
	again = id && name_is_safe(id) ? export_head(id, c->raw) : NULL;
	if (!again || strlen(again) != f->n || memcmp(again, f->data, f->n) != 0)
		check_fail(c, "archive",
			   EXPORT_HEAD ": not as this version writes it (" EXPORT_SCHEMA ")");
	else
		c->case_id = strdup(id);
}

/* ---- the log ---- */

/* The records of the slice as one array: {"type":...}, ... */
static int read_events(struct checking *c, const char *lines, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(BUNDLE_FILE_MAX + 16);

	buf_putc(&text, '[');
	for (const char *nl; (nl = strchr(lines, '\n')); lines = nl + 1) {
		if (text.n > 1)
			buf_putc(&text, ',');
		buf_put(&text, lines, (size_t)(nl - lines));
	}
	buf_putc(&text, ']');
	if (buf_check(&text, EXPORT_SLICE, e) < 0)
		return -e->code;
	return decode_text(DECODE_JSON, text.p, text.n, EXPORT_SLICE, NULL, &c->events, e);
}

static void judge_slice(struct checking *c, const struct buf *said, bool key)
{
	const char *nl = said->p ? strchr(said->p, '\n') : NULL;
	AUTO_JSON json_t *head = NULL;
	struct err e = ERR_INIT;
	const char *first;

	head = nl ? json_loadb(said->p, (size_t)(nl - said->p), 0, NULL) : NULL;
	if (!head || read_events(c, nl + 1, &e) < 0) {
		check_fail(c, "log", EXPORT_SLICE ": %s", e.code ? e.msg : "no answer");
		return;
	}
	if (!c->case_id || strcmp(pr_str(head, "case"), c->case_id) != 0) {
		check_fail(c, "log", EXPORT_SLICE ": it is of case '%s', expected '%s'",
			   pr_str(head, "case"), c->case_id ? c->case_id : "?");
		return;
	}
	c->slice = json_incref(head);
	first = json_string_value(json_array_get(
		json_object_get(head, "keys"), json_array_size(json_object_get(head, "keys")) - 1));
	check_ok(c, "log",
		 "%lld records of the case are in the log that %s signed at %lld records (%s)",
		 (long long)json_integer_value(json_object_get(head, "records")),
		 first ? first : "?", (long long)json_integer_value(json_object_get(head, "size")),
		 key ? "the key that was given" : "a key that the archive itself brought");
}

static int check_slice(struct checking *c, int key, struct err *e)
{
	const struct bundle_file *f = bundle_find(&c->b, EXPORT_SLICE);
	AUTO_BUF struct buf said = BUF_INIT(BUNDLE_FILE_MAX);
	AUTO_CLOSE int fd = memfd_create("slice", MFD_CLOEXEC);
	const struct audit_reading in = { .words = { "check", "--json",
						     key < 0 ? "--no-key" : NULL },
					  .dir = -1,
					  .key = key,
					  .file = fd,
					  .witness = -1 };
	int status = 0;

	if (!f || f->n == 0) {
		check_fail(c, "log", EXPORT_SLICE " is missing");
		return 0;
	}
	if (fd < 0)
		return err_sys(e, "memfd");
	if (fd_write_all(fd, f->data, f->n, "slice", e) < 0)
		return -e->code;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "rewind");
	if (audit_read(&in, &said, &status, e) < 0)
		return -e->code;
	if (status == 0)
		judge_slice(c, &said, key >= 0);
	else if (status == 1)
		check_fail(c, "log", EXPORT_SLICE ": %s", said.p ? said.p : "it does not hold");
	else
		return err_set(e, EIO, "the key or the slice of the log cannot be read");
	return 0;
}

int verify_export(struct checking *c, int fd, const char *name, int key, struct err *e)
{
	struct err why = ERR_INIT;
	char decoder[PATH_MAX];
	int r = spawn_sibling("sickbay-decode", decoder, sizeof(decoder), e);

	if (r < 0) /* that is our fault, not the archive's */
		return r;
	r = bundle_read(fd, name, &c->b, &c->mtime, c->digest, &why);

	if (r < 0) {
		check_fail(c, "archive", "%s", why.msg);
		return 0;
	}
	check_head(c);
	r = check_slice(c, key, e);
	if (r < 0)
		return r;
	verify_records(c);
	check_form(c);
	verify_policies(c);
	verify_ledger(c);
	verify_proof(c);
	verify_pull_request(c);
	return 0;
}
