/* SPDX-License-Identifier: Apache-2.0 */
#include <archive.h>
#include <archive_entry.h>
#include <stdbool.h>
#include <string.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/jmap.h"
#include "runtime/base/msg.h"
#include "runtime/base/sha256.h"
#include "runtime/decode/decode_formats.h"
#include "runtime/proto/decode.h"

/*
 * An archive as a stream of entries.  Up to three readers stand on each other:
 *
 *     a Debian package's ar -> decompression ("raw") -> tar
 *
 * so that the digest of the uncompressed tar, which is what image manifests
 * name, falls out on the way.  Only filters that run in this process are
 * enabled: the others would start programs.  Entries are passed on as they
 * stand; what is refused (names, kinds, owners, sizes) is the importer's business.
 */
struct options {
	bool deb;  /* the data member of a Debian package */
	bool list; /* names only */
};

static const struct jmap options_map[] = {
	{ .name = "deb", .kind = JMAP_BOOL, .offset = offsetof(struct options, deb) },
	{ .name = "list", .kind = JMAP_BOOL, .offset = offsetof(struct options, list) },
	{ 0 },
};

#define FD_BLOCK       (64u << 10)
#define NAME_MAX_BYTES 4095u

struct stack {
	struct archive *ar, *raw, *tar;
	struct sha256 digest;
	uint64_t bytes;
};

static void stack_release(struct stack *s)
{
	(void)archive_read_free(s->tar);
	(void)archive_read_free(s->raw);
	(void)archive_read_free(s->ar);
}

static int refuse(struct archive *a, const char *what, struct err *e)
{
	const char *why = archive_error_string(a);

	return err_set(e, EINVAL, "%s: %s", what, why ? why : "damaged");
}

/* The next piece of what the reader below holds; 0 at its end. */
static la_ssize_t next_piece(struct archive *self, struct archive *below, const void **piece)
{
	size_t n = 0;
	la_int64_t at;
	int r;

	do
		r = archive_read_data_block(below, piece, &n, &at);
	while (r == ARCHIVE_RETRY || (r == ARCHIVE_OK && n == 0));
	if (r == ARCHIVE_EOF)
		return 0;
	if (r == ARCHIVE_OK)
		return (la_ssize_t)n;
	archive_set_error(self, EINVAL, "%s",
			  archive_error_string(below) ? archive_error_string(below) : "damaged");
	return -1;
}

static la_ssize_t read_member(struct archive *self, void *ctx, const void **piece)
{
	const struct stack *s = ctx;

	return next_piece(self, s->ar, piece);
}

static la_ssize_t read_plain(struct archive *self, void *ctx, const void **piece)
{
	struct stack *s = ctx;
	const la_ssize_t n = next_piece(self, s->raw, piece);

	if (n > 0) {
		sha256_update(&s->digest, *piece, (size_t)n);
		s->bytes += (uint64_t)n;
	}
	return n;
}

/* Goes to the package's data member, whatever it is compressed with. */
static int open_package(struct stack *s, int fd, struct err *e)
{
	struct archive_entry *entry;
	int r;

	s->ar = archive_read_new();
	if (!s->ar || archive_read_support_format_ar(s->ar) != ARCHIVE_OK)
		return err_set(e, ENOMEM, "package: out of memory");
	if (archive_read_open_fd(s->ar, fd, FD_BLOCK) != ARCHIVE_OK)
		return refuse(s->ar, "not a Debian package", e);
	for (;;) {
		r = archive_read_next_header(s->ar, &entry);
		if (r == ARCHIVE_EOF)
			return err_set(e, EINVAL, "not a Debian package: it has no data member");
		if (r != ARCHIVE_OK)
			return refuse(s->ar, "not a Debian package", e);
		if (strncmp(archive_entry_pathname(entry), "data.tar", 8) == 0)
			return 0;
	}
}

static int open_raw(struct stack *s, int fd, struct err *e)
{
	static int (*const filters[])(struct archive *) = {
		archive_read_support_filter_gzip,
		archive_read_support_filter_xz,
		archive_read_support_filter_zstd,
		archive_read_support_filter_bzip2,
	};
	struct archive_entry *entry;
	int r;

	s->raw = archive_read_new();
	if (!s->raw || archive_read_support_format_raw(s->raw) != ARCHIVE_OK)
		return err_set(e, ENOMEM, "archive: out of memory");
	for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++)
		if (filters[i](s->raw) != ARCHIVE_OK)
			return refuse(s->raw, "decompression is not built in", e);
	if (s->ar)
		r = archive_read_open(s->raw, s, NULL, read_member, NULL);
	else
		r = archive_read_open_fd(s->raw, fd, FD_BLOCK);
	if (r == ARCHIVE_OK)
		r = archive_read_next_header(s->raw, &entry);
	return r == ARCHIVE_OK ? 0 : refuse(s->raw, "not an archive", e);
}

static int open_tar(struct stack *s, struct err *e)
{
	s->tar = archive_read_new();
	if (!s->tar || archive_read_support_format_tar(s->tar) != ARCHIVE_OK)
		return err_set(e, ENOMEM, "archive: out of memory");
	sha256_init(&s->digest);
	if (archive_read_open(s->tar, s, NULL, read_plain, NULL) != ARCHIVE_OK)
		return refuse(s->tar, "not a tar archive", e);
	return 0;
}

/* ---- answers ---- */

static const char *kind_of(struct archive_entry *entry)
{
	static const struct {
		unsigned type;
		const char *name;
	} row[] = {
		{ AE_IFREG, "file" },	 { AE_IFDIR, "dir" },	{ AE_IFLNK, "symlink" },
		{ AE_IFCHR, "char" },	 { AE_IFBLK, "block" }, { AE_IFIFO, "fifo" },
		{ AE_IFSOCK, "socket" },
	};

	if (archive_entry_hardlink(entry))
		return "hardlink";
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++)
		if (archive_entry_filetype(entry) == row[i].type)
			return row[i].name;
	return "unknown";
}

static int send_entry(int sock, struct archive_entry *entry, struct err *e)
{
	const char *path = archive_entry_pathname(entry), *link = archive_entry_hardlink(entry);
	json_t AUTO_JSON *body = NULL;

	if (!link)
		link = archive_entry_symlink(entry);
	if (!path || strlen(path) > NAME_MAX_BYTES || (link && strlen(link) > NAME_MAX_BYTES))
		return err_set(e, ENAMETOOLONG,
			       "an entry's name or link is missing or longer than %u bytes",
			       NAME_MAX_BYTES);
	body = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:s, s:I}", "path", path, "type",
			 kind_of(entry), "mode", (json_int_t)archive_entry_perm(entry), "uid",
			 (json_int_t)archive_entry_uid(entry), "gid",
			 (json_int_t)archive_entry_gid(entry), "size",
			 (json_int_t)archive_entry_size(entry), "link", link ? link : "", "mtime",
			 (json_int_t)archive_entry_mtime(entry));
	if (!body)
		return err_set(e, EILSEQ, "an entry's name or link is not UTF-8");
	return msg_send(sock, DECODE_MSG_ENTRY, body, NULL, 0, -1, e);
}

static int send_data(struct stack *s, int sock, const char *path, struct err *e)
{
	for (;;) {
		json_t AUTO_JSON *body = NULL;
		const void *data;
		la_int64_t at;
		size_t n;
		const int r = archive_read_data_block(s->tar, &data, &n, &at);

		if (r == ARCHIVE_EOF)
			return 0;
		if (r != ARCHIVE_OK)
			return err_set(e, EINVAL, "'%.200s': %s", path,
				       archive_error_string(s->tar) ? archive_error_string(s->tar)
								    : "damaged");
		body = json_pack("{s:I}", "at", (json_int_t)at);
		if (!body)
			return err_set(e, ENOMEM, "archive: out of memory");
		if (msg_send(sock, DECODE_MSG_DATA, body, data, n, -1, e) < 0)
			return -e->code;
	}
}

static int send_end(struct stack *s, int sock, struct err *e)
{
	json_t AUTO_JSON *body = NULL;
	uint8_t digest[SHA256_LEN];
	char hex[SHA256_HEX];
	const void *rest;
	la_ssize_t n;

	do /* what follows the end marker counts for the digest too */
		n = read_plain(s->raw, s, &rest);
	while (n > 0);
	if (n < 0)
		return refuse(s->raw, "after the last entry", e);
	sha256_final(&s->digest, digest);
	sha256_hex(digest, hex);
	body = json_pack("{s:I, s:s}", "bytes", (json_int_t)s->bytes, "sha256", hex);
	if (!body)
		return err_set(e, ENOMEM, "archive: out of memory");
	return msg_send(sock, DECODE_MSG_END, body, NULL, 0, -1, e);
}

static int send_all(struct stack *s, const struct options *o, int sock, struct err *e)
{
	for (;;) {
		struct archive_entry *entry;
		const int r = archive_read_next_header(s->tar, &entry);

		if (r == ARCHIVE_EOF)
			return send_end(s, sock, e);
		if (r == ARCHIVE_RETRY)
			continue;
		if (r != ARCHIVE_OK) /* a warning is a header that was not understood whole */
			return refuse(s->tar, "not a sound tar archive", e);
		if (send_entry(sock, entry, e) < 0)
			return -e->code;
		if (!o->list && strcmp(kind_of(entry), "file") == 0 &&
		    send_data(s, sock, archive_entry_pathname(entry), e) < 0)
			return -e->code;
	}
}

int archive_decode(int in_fd, int out_sock, const json_t *options, struct err *e)
{
	struct options o = { 0 };
	struct stack s = { 0 };
	int r;

	if (options && jmap_read(options_map, options, &o, "", e) < 0)
		return -e->code;
	r = o.deb ? open_package(&s, in_fd, e) : 0;
	if (r == 0)
		r = open_raw(&s, in_fd, e);
	if (r == 0)
		r = open_tar(&s, e);
	if (r == 0)
		r = send_all(&s, &o, out_sock, e);
	stack_release(&s);
	return r;
}
