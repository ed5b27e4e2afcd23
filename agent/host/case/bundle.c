/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/bundle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/id.h"
#include "runtime/base/jmap.h"
#include "runtime/proto/decode.h"

#define BLOCK 512

void bundle_release(struct bundle *b)
{
	for (size_t i = 0; i < b->n; i++) {
		free(b->v[i].name);
		free(b->v[i].data);
	}
	free(b->v);
	*b = (struct bundle){ 0 };
}

static size_t position(const struct bundle *b, const char *name)
{
	size_t i = 0;

	while (i < b->n && strcmp(b->v[i].name, name) < 0)
		i++;
	return i;
}

const struct bundle_file *bundle_find(const struct bundle *b, const char *name)
{
	const size_t i = position(b, name);

	return i < b->n && strcmp(b->v[i].name, name) == 0 ? &b->v[i] : NULL;
}

int bundle_put(struct bundle *b, const char *name, const void *data, size_t n, struct err *e)
{
	const size_t at = position(b, name);
	struct bundle_file made = { strdup(name), malloc(n + 1), n };
	struct bundle_file *more = NULL;
	int r = 0;

	if (!path_is_clean(name) || strlen(name) > BUNDLE_NAME_MAX)
		r = err_set(e, EINVAL, "'%.200s' cannot name a file of an archive", name);
	else if (bundle_find(b, name))
		r = err_set(e, EEXIST, "'%s' is there twice", name);
	else if (b->n == BUNDLE_FILES_MAX || n > BUNDLE_FILE_MAX || b->bytes + n > BUNDLE_MAX)
		r = err_set(e, E2BIG, "'%s': more than %d files, %u MiB in one, or %u MiB in all",
			    name, BUNDLE_FILES_MAX, BUNDLE_FILE_MAX >> 20, BUNDLE_MAX >> 20);
	else
		more = reallocarray(b->v, b->n + 1, sizeof(*more));
	if (more)
		b->v = more;
	if (r == 0 && (!more || !made.name || !made.data))
		r = err_set(e, ENOMEM, "out of memory");
	if (r < 0) {
		free(made.name);
		free(made.data);
		return r;
	}
	if (n)
		memcpy(made.data, data, n);
	made.data[n] = '\0';
	memmove(&b->v[at + 1], &b->v[at], (b->n - at) * sizeof(*b->v));
	b->v[at] = made;
	b->n++;
	b->bytes += n;
	return 0;
}

/* ---- writing ---- */

static void put_octal(char *field, size_t width, uint64_t value)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%0*llo", (int)width - 1, (unsigned long long)value);
	memcpy(field, text, width - 1);
}

static void put_header(const struct bundle_file *f, uint64_t mtime, struct buf *out)
{
	char h[BLOCK] = { 0 };
	unsigned sum = 0;

	(void)snprintf(h, 100, "%s", f->name);
	put_octal(h + 100, 8, 0644);
	put_octal(h + 108, 8, 0);
	put_octal(h + 116, 8, 0);
	put_octal(h + 124, 12, f->n);
	put_octal(h + 136, 12, mtime);
	memset(h + 148, ' ', 8); /* the checksum counts as blanks */
	h[156] = '0';
	(void)snprintf(h + 257, 6, "ustar");
	h[263] = h[264] = '0'; /* the version, without an end */
	for (size_t i = 0; i < BLOCK; i++)
		sum += (unsigned char)h[i];
	put_octal(h + 148, 7, sum);
	buf_put(out, h, BLOCK);
}

int bundle_tar(const struct bundle *b, uint64_t mtime, struct buf *out, struct err *e)
{
	static const char zeros[2 * BLOCK];

	for (size_t i = 0; i < b->n; i++) {
		const struct bundle_file *f = &b->v[i];

		put_header(f, mtime, out);
		buf_put(out, f->data, f->n);
		buf_put(out, zeros, (BLOCK - f->n % BLOCK) % BLOCK);
	}
	buf_put(out, zeros, sizeof(zeros));
	return buf_check(out, "archive", e);
}

/* ---- reading ---- */

struct entry { /* being read */
	char name[BUNDLE_NAME_MAX + 1];
	struct buf data;
	bool open;
};

static int end_entry(struct entry *at, struct bundle *b, struct err *e)
{
	int r;

	if (!at->open)
		return 0;
	at->open = false;
	r = buf_check(&at->data, at->name, e);
	if (r == 0)
		r = bundle_put(b, at->name, at->data.p ? at->data.p : "", at->data.n, e);
	buf_reset(&at->data);
	return r;
}

static int begin_entry(struct entry *at, const json_t *body, struct err *e)
{
	const char *path = json_string_value(json_object_get(body, "path"));
	const char *type = json_string_value(json_object_get(body, "type"));

	if (!path || !type || strcmp(type, "file") != 0 || strlen(path) > BUNDLE_NAME_MAX)
		return err_set(e, EBADMSG, "'%.99s' is no plain file with a short name",
			       path ? path : "");
	(void)snprintf(at->name, sizeof(at->name), "%s", path);
	at->open = true;
	return 0;
}

static int take(struct entry *at, const struct msg *m, struct bundle *b, uint64_t *mtime,
		struct err *e)
{
	if (m->type == DECODE_MSG_DATA) {
		if (!at->open ||
		    (uint64_t)json_integer_value(json_object_get(m->body, "at")) != at->data.n)
			return err_set(e, EBADMSG, "'%s': a file with holes", at->name);
		buf_put(&at->data, m->blob.p, m->blob.n);
		return buf_check(&at->data, at->name, e);
	}
	if (end_entry(at, b, e) < 0)
		return -e->code;
	if (b->n == 0)
		*mtime = (uint64_t)json_integer_value(json_object_get(m->body, "mtime"));
	return begin_entry(at, m->body, e);
}

DEFINE_CLEANUP(struct decode, decode_close);

int bundle_read(int fd, const char *name, struct bundle *b, uint64_t *mtime, char digest[65],
		struct err *e)
{
	CLEANUP(cleanup_decode_close) struct decode *d = NULL;
	struct entry at = { .data = BUF_INIT(BUNDLE_FILE_MAX) };
	const char *hex;
	int r = decode_open(DECODE_ARCHIVE, fd, name, NULL, &d, e);

	*mtime = 0;
	while (r >= 0) {
		AUTO_MSG struct msg m = MSG_INIT;

		r = decode_next(d, &m, e);
		if (r == 1)
			r = take(&at, &m, b, mtime, e) < 0 ? -e->code : 1;
		if (r != 0)
			continue;
		hex = json_string_value(json_object_get(m.body, "sha256"));
		(void)snprintf(digest, 65, "%s", hex ? hex : "");
		r = end_entry(&at, b, e);
		break;
	}
	buf_release(&at.data);
	return r < 0 ? err_wrap(e, "%s", name) : 0;
}
