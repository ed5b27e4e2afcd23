/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/raw.h"

#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"
#include "runtime/base/jmap.h"
#include "runtime/base/sha256.h"
#include "runtime/base/sys.h"

/*
 * Theory of operation.  A piece is one file: a line of JSON about it, then the
 * bytes as they came.  The name is the digest of the whole file, so sha256sum
 * checks it without sickbay.  To erase: the event is durable, then the tombstone
 * is, then the file goes; a kill in between leaves the tombstone beside the
 * file, which counts as erased and is finished by the next call.
 */
#define SCHEMA	    "sickbay.raw/1"
#define TOMB_SCHEMA "sickbay.raw.erased/1"
#define TOMB_SUFFIX ".erased"
#define HEADER_MAX  4096u
#define TOMB_MAX    65536u
#define PIECES_MAX  1000000u

static int out_of_memory(struct err *e)
{
	return err_set(e, ENOMEM, "raw: out of memory");
}

/* Without NSS, whose modules are none of this program's. */
static gid_t raw_group(void)
{
	AUTO_FCLOSE FILE *f = fopen("/etc/group", "re");
	struct group g, *found = NULL;
	char line[4096];
	int r = f ? 0 : ENOENT;

	while (r == 0 || r == ERANGE) { /* a longer line is another group's */
		r = fgetgrent_r(f, &g, line, sizeof(line), &found);
		if (r == 0 && strcmp(g.gr_name, RAW_GROUP) == 0)
			return g.gr_gid;
	}
	return 0;
}

/* The group may pass through the state directory, and lists nothing there. */
static int let_group_pass(const char *state, gid_t gid, struct err *e)
{
	AUTO_CLOSE int at = fd_open_dir(state, e);
	struct stat st;

	if (at < 0)
		return at;
	if (fstat(at, &st) < 0)
		return err_sys(e, "state directory '%s'", state);
	if (gid == 0 || (st.st_mode & 01) || (st.st_gid == gid && (st.st_mode & 010)))
		return 0;
	if (fchown(at, (uid_t)-1, gid) < 0 || fchmod(at, (st.st_mode & 0700) | 0010) < 0)
		return err_sys(e, "let group '%s' pass '%s'", RAW_GROUP, state);
	return 0;
}

static int open_store(const char *state, bool make, struct err *e)
{
	AUTO_FREE char *path = NULL;
	int at;

	if (asprintf(&path, "%s/raw", state) < 0)
		return out_of_memory(e);
	if (make) {
		const gid_t gid = raw_group();
		AUTO_CLOSE int made = -1;

		if (let_group_pass(state, gid, e) < 0 || dir_make(path, 0750, e) < 0)
			return -e->code;
		made = fd_open_dir(path, e);
		if (made < 0)
			return made;
		if (fchown(made, (uid_t)-1, gid) < 0 || fchmod(made, 0750) < 0)
			return err_sys(e, "give '%s' to its group", path);
	}
	at = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return at < 0 ? err_sys(e, "open '%s'", path) : at;
}

static int digest_name(const char *digest, char name[65], struct err *e)
{
	const char *hex = strncmp(digest, "sha256:", 7) == 0 ? digest + 7 : digest;

	if (strlen(hex) != 64 || !is_object_id(hex))
		return err_set(e, EINVAL, "'%.80s' is not a digest (sha256: and 64 hex digits)",
			       digest);
	memcpy(name, hex, 65);
	return 0;
}

static int header(const char *kind, const char *owner, size_t n, struct buf *out, struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	AUTO_FREE char *text = NULL;
	char salt[33], now[CLOCK_RFC3339];
	uint8_t random[16];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return err_sys(e, "raw: random bytes");
	for (size_t i = 0; i < sizeof(random); i++)
		(void)snprintf(salt + i * 2, 3, "%02x", random[i]);
	clock_rfc3339(clock_real_ns(), now);
	v = json_pack("{s:s,s:s,s:s,s:I,s:s,s:s}", "schema", SCHEMA, "kind", kind, "owner", owner,
		      "bytes", (json_int_t)n, "received", now, "salt", salt);
	text = v ? json_dumps(v, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	if (!text)
		return out_of_memory(e);
	buf_puts(out, text);
	buf_putc(out, '\n');
	return 0;
}

/* The group gets it with its name: nobody reads a file of another group in between. */
static int give(int at, const char *name, gid_t gid, struct err *e)
{
	AUTO_CLOSE int fd = fd_open_beneath(at, name, O_RDONLY, 0, e);
	int r;

	if (fd < 0)
		return fd;
	if (fchown(fd, (uid_t)-1, gid) < 0 || fchmod(fd, 0640) < 0)
		return err_sys(e, "give '%s' to its group", name);
	r = sys_fsync(fd);
	return r < 0 ? err_set(e, -r, "sync '%s': %s", name, strerror(-r)) : 0;
}

int raw_put(const char *state, const char *kind, const char *owner, const void *data, size_t n,
	    struct raw_ref *out, struct err *e)
{
	AUTO_BUF struct buf file = BUF_INIT(RAW_MAX + HEADER_MAX);
	AUTO_CLOSE int at = -1;
	uint8_t digest[SHA256_LEN];
	char hex[SHA256_HEX];
	int r;

	if (n > RAW_MAX)
		return err_set(e, EFBIG, "raw: %zu bytes; at most %u are kept", n, RAW_MAX);
	if (header(kind, owner, n, &file, e) < 0)
		return -e->code;
	buf_put(&file, data, n);
	if (buf_check(&file, "raw", e) < 0)
		return -e->code;
	at = open_store(state, true, e);
	if (at < 0)
		return at;
	sha256_of(file.p, file.n, digest);
	sha256_hex(digest, hex);
	r = file_publish_at(at, hex, file.p, file.n, 0600, e);
	if (r == 0)
		r = give(at, hex, raw_group(), e);
	if (r < 0)
		return err_wrap(e, "raw");
	(void)snprintf(out->digest, sizeof(out->digest), "sha256:%s", hex);
	out->bytes = n;
	return 0;
}

/* ---- tombstones ---- */

static void tomb_name(const char *name, char out[80])
{
	(void)snprintf(out, 80, "%s%s", name, TOMB_SUFFIX);
}

/* -ENOENT: there is none. */
static int read_tomb(int at, const char *name, json_t **out, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(TOMB_MAX);
	char file[80];
	int r;

	tomb_name(name, file);
	if (faccessat(at, file, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? -ENOENT : err_sys(e, "raw '%s'", file);
	r = file_read_at(at, file, TOMB_MAX, &text, e);
	if (r < 0)
		return r;
	*out = json_loadb(text.p ? text.p : "", text.n, JSON_REJECT_DUPLICATES, NULL);
	return *out ? 0 : err_set(e, EBADMSG, "raw '%s': not as it was written", file);
}

static const char *member(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* ---- reading ---- */

static int check_digest(const struct buf *file, const char *name, struct err *e)
{
	uint8_t digest[SHA256_LEN];
	char hex[SHA256_HEX];

	sha256_of(file->p ? file->p : "", file->n, digest);
	sha256_hex(digest, hex);
	if (strcmp(hex, name) != 0)
		return err_set(e, EBADMSG, "raw 'sha256:%s': the file was changed", name);
	return 0;
}

/* The line about the piece; *rest: where its bytes begin. */
static int read_header(const struct buf *file, const char *name, json_t **out, size_t *rest,
		       struct err *e)
{
	const char *end =
		file->p ? memchr(file->p, '\n', file->n < HEADER_MAX ? file->n : HEADER_MAX) : NULL;
	AUTO_JSON json_t *v =
		end ? json_loadb(file->p, (size_t)(end - file->p), JSON_REJECT_DUPLICATES, NULL)
		    : NULL;

	if (!v || strcmp(member(v, "schema"), SCHEMA) != 0)
		return err_set(e, EBADMSG, "raw 'sha256:%s': not of the format %s", name, SCHEMA);
	*rest = (size_t)(end - file->p) + 1;
	*out = take_ptr(v);
	return 0;
}

int raw_file(const char *state, const char *digest, struct buf *out, struct err *e)
{
	AUTO_JSON json_t *tomb = NULL;
	AUTO_CLOSE int at = -1;
	char name[65];
	int r = digest_name(digest, name, e);

	if (r < 0)
		return r;
	at = open_store(state, false, e);
	if (at < 0)
		return at == -ENOENT
			       ? err_set(e, ENOENT,
					 "no raw piece 'sha256:%s' (see 'sickbay raw list')", name)
			       : at;
	r = read_tomb(at, name, &tomb, e);
	if (r == 0)
		return err_set(e, EIDRM, "raw 'sha256:%s' was erased at %.40s: %.200s", name,
			       member(tomb, "erased"), member(tomb, "reason"));
	if (r != -ENOENT)
		return r;
	r = file_read_at(at, name, RAW_MAX + HEADER_MAX, out, e);
	if (r == -ENOENT)
		return err_set(e, ENOENT, "no raw piece 'sha256:%s' (see 'sickbay raw list')",
			       name);
	return r < 0 ? r : check_digest(out, name, e);
}

int raw_import(const char *state, const char *digest, const void *data, size_t n, struct err *e)
{
	const struct buf file = { .p = (char *)(uintptr_t)data, .n = n };
	AUTO_JSON json_t *head = NULL;
	AUTO_CLOSE int at = -1;
	char name[65];
	size_t rest;
	int r = digest_name(digest, name, e);

	if (r == 0)
		r = check_digest(&file, name, e);
	if (r == 0)
		r = read_header(&file, name, &head, &rest, e);
	if (r < 0)
		return r;
	at = open_store(state, true, e);
	if (at < 0)
		return at;
	r = file_publish_at(at, name, data, n, 0600, e);
	if (r == 0)
		r = give(at, name, raw_group(), e);
	return r < 0 ? err_wrap(e, "raw") : 0;
}

int raw_get(const char *state, const char *digest, struct buf *out, struct err *e)
{
	AUTO_BUF struct buf file = BUF_INIT(RAW_MAX + HEADER_MAX);
	AUTO_JSON json_t *head = NULL;
	char name[65];
	size_t rest;
	int r = raw_file(state, digest, &file, e);

	if (r == 0)
		r = digest_name(digest, name, e);
	if (r < 0 || read_header(&file, name, &head, &rest, e) < 0)
		return -e->code;
	buf_put(out, file.p + rest, file.n - rest);
	return buf_check(out, "raw", e);
}

bool raw_has(const char *state, const char *digest)
{
	struct err none = ERR_INIT;
	char name[65], tomb[80];
	AUTO_CLOSE int at =
		digest_name(digest, name, &none) < 0 ? -1 : open_store(state, false, &none);

	if (at < 0)
		return false;
	tomb_name(name, tomb);
	return faccessat(at, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
	       faccessat(at, tomb, F_OK, AT_SYMLINK_NOFOLLOW) < 0;
}

/* Only the first line is read: pieces may be large. */
static int peek(int at, const char *name, json_t **out, struct err *e)
{
	AUTO_CLOSE int fd = fd_open_beneath(at, name, O_RDONLY, 0, e);
	char text[HEADER_MAX];
	struct buf file = { .p = text };
	ssize_t n;
	size_t rest;

	if (fd < 0)
		return fd;
	n = read(fd, text, sizeof(text));
	if (n < 0)
		return err_sys(e, "read raw 'sha256:%s'", name);
	file.n = (size_t)n;
	return read_header(&file, name, out, &rest, e);
}

static int list_one(int at, const char *file, json_t *list, struct err *e)
{
	const size_t n = strlen(file);
	AUTO_JSON json_t *v = NULL;
	AUTO_JSON json_t *tomb = NULL;
	char name[65];
	int r;

	if (n < 64 || (n > 64 && strcmp(file + 64, TOMB_SUFFIX) != 0))
		return 0; /* a temporary file of somebody who writes */
	(void)snprintf(name, sizeof(name), "%.64s", file);
	if (!is_object_id(name))
		return 0;
	r = read_tomb(at, name, &tomb, e);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0) {
		if (n > 64)
			v = json_incref(tomb);
	} else {
		r = peek(at, name, &v, e);
		if (r < 0 && r != -ENOENT) /* erased since the directory was read */
			return r;
	}
	if (!v)
		return 0; /* what a killed erasure left beside its tombstone */
	if (json_object_set_new(v, "digest", json_sprintf("sha256:%s", name)) < 0 ||
	    json_object_del(v, "schema") < 0)
		return out_of_memory(e);
	(void)json_object_del(v, "salt");
	return json_array_append(list, v) < 0 ? out_of_memory(e) : 0;
}

struct row {
	json_t *v; /* borrowed */
};

static int by_time(const void *a, const void *b)
{
	const json_t *x = ((const struct row *)a)->v, *y = ((const struct row *)b)->v;
	const int c = strcmp(member(x, "received"), member(y, "received"));

	return c ? c : strcmp(member(x, "digest"), member(y, "digest"));
}

static json_t *sorted(const json_t *list)
{
	const size_t n = json_array_size(list);
	AUTO_FREE struct row *v = calloc(n + 1, sizeof(*v));
	json_t *out = json_array();

	if (!v || !out) {
		json_decref(out);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		v[i].v = json_array_get(list, i);
	qsort(v, n, sizeof(*v), by_time);
	for (size_t i = 0; i < n; i++)
		(void)json_array_append(out, v[i].v);
	return out;
}

int raw_list(const char *state, json_t **out, struct err *e)
{
	AUTO_JSON json_t *list = json_array();
	CLEANUP(cleanup_closedir) DIR *d = NULL;
	const struct dirent *ent;
	int at = open_store(state, false, e), r = 0;

	if (!list)
		return out_of_memory(e);
	if (at < 0 && e->code != ENOENT)
		return at;
	e->code = 0;
	d = at < 0 ? NULL : fdopendir(at);
	if (at >= 0 && !d) {
		(void)close(at);
		return err_sys(e, "list the raw pieces");
	}
	while (r == 0 && d && (ent = readdir(d)) && json_array_size(list) < PIECES_MAX)
		r = list_one(dirfd(d), ent->d_name, list, e);
	if (r < 0)
		return r;
	*out = sorted(list);
	return *out ? 0 : out_of_memory(e);
}

/* ---- erasing ---- */

static int remove_piece(int at, const char *name, struct err *e)
{
	int r;

	if (unlinkat(at, name, 0) < 0 && errno != ENOENT)
		return err_sys(e, "remove raw 'sha256:%s'", name);
	r = sys_fsync(at);
	return r < 0 ? err_set(e, -r, "sync the raw pieces: %s", strerror(-r)) : 0;
}

static int bury(int at, const char *name, json_t *v, const char *reason, struct err *e)
{
	AUTO_FREE char *text = NULL;
	char now[CLOCK_RFC3339], file[80];
	int r;

	clock_rfc3339(clock_real_ns(), now);
	(void)json_object_del(v, "salt");
	if (json_object_set_new(v, "schema", json_string(TOMB_SCHEMA)) < 0 ||
	    json_object_set_new(v, "erased", json_string(now)) < 0 ||
	    json_object_set_new(v, "reason", json_string(reason)) < 0)
		return err_set(e, EINVAL, "raw: the reason is not text");
	text = json_dumps(v, JSON_COMPACT | JSON_ENSURE_ASCII);
	if (!text)
		return out_of_memory(e);
	tomb_name(name, file);
	r = file_publish_at(at, file, text, strlen(text), 0600, e);
	if (r == 0)
		r = give(at, file, raw_group(), e);
	return r < 0 ? r : remove_piece(at, name, e);
}

static int erase(int at, struct audit *a, const char *name, const char *reason, struct err *e)
{
	AUTO_JSON json_t *tomb = NULL;
	AUTO_JSON json_t *head = NULL;
	int r = read_tomb(at, name, &tomb, e);

	if (r == 0) {
		r = remove_piece(at, name, e);
		return r < 0 ? r
			     : err_set(e, EALREADY, "raw 'sha256:%s' was erased at %.40s: %.200s",
				       name, member(tomb, "erased"), member(tomb, "reason"));
	}
	if (r != -ENOENT)
		return r;
	r = peek(at, name, &head, e);
	if (r == -ENOENT)
		return err_set(e, ENOENT, "no raw piece 'sha256:%s' (see 'sickbay raw list')",
			       name);
	if (r == -EBADMSG) { /* whatever it is: that somebody wants it gone is what counts */
		head = json_object();
		r = head ? 0 : out_of_memory(e);
		e->code = r < 0 ? e->code : 0;
	}
	if (r < 0)
		return r;
	r = audit_commit(a, "raw.erase",
			 json_pack("{s:o,s:s,s:s,s:s}", "digest", json_sprintf("sha256:%s", name),
				   "kind", member(head, "kind"), "owner", member(head, "owner"),
				   "reason", reason),
			 e);
	return r < 0 ? r : bury(at, name, head, reason, e);
}

int raw_erase(const char *state, struct audit *a, const char *digest, const char *reason,
	      struct err *e)
{
	AUTO_CLOSE int at = -1;
	char name[65];

	if (digest_name(digest, name, e) < 0)
		return -e->code;
	at = open_store(state, false, e);
	if (at < 0)
		return e->code == ENOENT ? err_set(e, ENOENT,
						   "no raw piece 'sha256:%s' (see 'sickbay raw "
						   "list')",
						   name)
					 : at;
	return erase(at, a, name, reason, e);
}

static bool is_old(const json_t *row, uint64_t age_ms)
{
	const uint64_t now = clock_real_ns();
	uint64_t received;

	if (json_object_get(row, "erased") ||
	    clock_parse_rfc3339(member(row, "received"), &received) < 0)
		return false;
	return received < now && (now - received) / 1000000 >= age_ms;
}

int raw_expire(const char *state, struct audit *a, uint64_t age_ms, size_t *n, struct err *e)
{
	AUTO_JSON json_t *list = NULL;
	AUTO_CLOSE int at = -1;
	char reason[64], name[65];
	json_t *row;
	size_t i;
	int r = raw_list(state, &list, e);

	*n = 0;
	if (r < 0 || json_array_size(list) == 0)
		return r;
	at = open_store(state, false, e);
	if (at < 0)
		return at;
	(void)snprintf(reason, sizeof(reason), "kept longer than %llu s",
		       (unsigned long long)(age_ms / 1000));
	json_array_foreach(list, i, row) {
		if (!is_old(row, age_ms))
			continue;
		r = digest_name(member(row, "digest"), name, e);
		if (r == 0)
			r = erase(at, a, name, reason, e);
		if (r < 0 && r != -EALREADY)
			return r;
		*n += r == 0;
	}
	e->code = 0;
	return 0;
}
