/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "runtime/audit/chain.h"
#include "runtime/audit/slice.h"
#include "runtime/audit/tree.h"
#include "runtime/base/base64.h"
#include "runtime/base/cleanup.h"

/* The text comes from anywhere: nothing in it is believed, and each value has one spelling. */
struct reader {
	const char *p, *end;
	size_t line; /* of p, from 1 */
};

void slice_release(struct slice *s)
{
	key_list_release(&s->keys);
	free(s->note);
	free(s->earlier);
	buf_release(&s->lines);
}

static int bad(const struct reader *in, const char *why, struct err *e)
{
	return err_set(e, EBADMSG, "line %zu: %s", in->line, why);
}

/* Is the next line "WORD VALUE"?  Then *v, n are the value, and the reader stands behind it. */
static bool take_line(struct reader *in, const char *word, const char **v, size_t *n)
{
	const size_t w = strlen(word), left = (size_t)(in->end - in->p);
	const char *nl;

	if (left < w + 2 || memcmp(in->p, word, w) != 0 || in->p[w] != ' ')
		return false;
	nl = memchr(in->p, '\n', left);
	if (!nl || nl < in->p + w + 1)
		return false;
	*v = in->p + w + 1;
	*n = (size_t)(nl - *v);
	in->p = nl + 1;
	in->line++;
	return true;
}

static bool take_number(struct reader *in, const char *word, uint64_t *out)
{
	char text[24], again[24];
	const char *v;
	size_t n;

	if (!take_line(in, word, &v, &n) || n >= sizeof(text))
		return false;
	memcpy(text, v, n);
	text[n] = '\0';
	*out = strtoull(text, NULL, 10);
	(void)snprintf(again, sizeof(again), "%llu", (unsigned long long)*out);
	return strcmp(text, again) == 0;
}

/* "WORD N" and N bytes: 1, 0 it is another line, <0 */
static int take_block(struct reader *in, const char *word, const char **data, size_t *n,
		      struct err *e)
{
	const size_t w = strlen(word);
	uint64_t bytes;

	if ((size_t)(in->end - in->p) < w + 1 || memcmp(in->p, word, w) != 0 || in->p[w] != ' ')
		return 0;
	if (!take_number(in, word, &bytes) || bytes > (size_t)(in->end - in->p) ||
	    bytes > KEY_ROTATION_MAX || bytes == 0 || in->p[bytes - 1] != '\n')
		return bad(in, "a block that is cut short or too long", e);
	*data = in->p;
	*n = (size_t)bytes;
	for (size_t i = 0; i < *n; i++)
		in->line += in->p[i] == '\n';
	in->p += *n;
	return 1;
}

static int take_path(struct reader *in, struct tree_path *out, struct err *e)
{
	const char *v;
	size_t n;

	out->n = 0;
	while (take_line(in, "path", &v, &n))
		if (out->n == TREE_LEVELS || base64_get(v, n, out->hash[out->n++], SHA256_LEN) < 0)
			return bad(in, "the line before is no hash of a path", e);
	return 0;
}

static int read_keys(struct reader *in, struct slice *out, struct err *e)
{
	char key[KEY_TEXT_MAX];
	const char *v;
	size_t n;
	int r;

	if (!take_line(in, "key", &v, &n) || n >= sizeof(key))
		return bad(in, "no key", e);
	(void)snprintf(key, sizeof(key), "%.*s", (int)n, v);
	r = strlen(key) == n ? key_list_begin(&out->keys, key, e) : bad(in, "no key", e);
	while (r >= 0 && (r = take_block(in, "rotation", &v, &n, e)) == 1)
		r = key_list_add(&out->keys, v, n, e);
	return r;
}

static int read_checkpoints(struct reader *in, struct slice *out, struct err *e)
{
	struct tree_path path;
	const char *v;
	size_t n;
	int r = take_block(in, "checkpoint", &v, &n, e);

	if (r <= 0)
		return r < 0 ? r : bad(in, "no checkpoint", e);
	if (key_list_open(&out->keys, v, n, &out->at, e) < 0)
		return -e->code;
	out->note = strndup(v, n);
	if (!out->note)
		return err_set(e, ENOMEM, "out of memory");
	r = take_block(in, "earlier", &v, &n, e);
	if (r <= 0)
		return r;
	if (key_list_open(&out->keys, v, n, &out->before, e) < 0)
		return err_wrap(e, "the earlier checkpoint");
	out->earlier = strndup(v, n);
	if (!out->earlier)
		return err_set(e, ENOMEM, "out of memory");
	r = take_path(in, &path, e);
	return r < 0 ? r
		     : tree_check_consistent(&path, out->before.size, out->before.root,
					     out->at.size, out->at.root, e);
}

/* 1: a record was read; 0: the next line is no record's. */
static int read_record(struct reader *in, struct slice *out, uint64_t *last, struct err *e)
{
	uint8_t node[SHA256_LEN], prev[SHA256_LEN];
	struct err why = ERR_INIT;
	struct tree_path path;
	uint64_t seq, own;
	const char *line;
	size_t n;

	if ((size_t)(in->end - in->p) < 7 || memcmp(in->p, "record ", 7) != 0)
		return 0;
	if (!take_number(in, "record", &seq) || (out->records && seq <= *last))
		return bad(in, "a record's number that does not follow", e);
	line = in->p;
	in->p = memchr(line, '\n', (size_t)(in->end - line));
	if (!in->p)
		return bad(in, "a record without an end", e);
	n = (size_t)(in->p++ - line);
	in->line++;
	if (take_path(in, &path, e) < 0)
		return -e->code;
	tree_leaf(line, n, node);
	if (chain_read(line, n, &own, prev) < 0 || own != seq ||
	    tree_path_root(&path, seq, out->at.size, node, &why) < 0 ||
	    memcmp(node, out->at.root, SHA256_LEN) != 0)
		return err_set(e, EBADMSG,
			       "record %llu is not in the log that was signed, or its path was "
			       "changed",
			       (unsigned long long)seq);
	buf_put(&out->lines, line, n + 1);
	out->records++;
	*last = seq;
	return 1;
}

int slice_check(const char *text, size_t n, struct slice *out, struct err *e)
{
	struct reader in = { text, text + n, 1 };
	uint64_t last = 0;
	const char *v;
	size_t len;
	int r;

	*out = (struct slice){ .lines = BUF_INIT(SLICE_MAX) };
	if (n > SLICE_MAX || n < 16 || memcmp(text, "sickbay.slice/1\n", 16) != 0)
		return err_set(e, EBADMSG, "not a slice of the form sickbay.slice/1");
	in.p += 16;
	in.line++;
	if (take_line(&in, "case", &v, &len)) {
		if (len == 0 || len >= sizeof(out->case_id) || memchr(v, '\0', len))
			return bad(&in, "no case's id", e);
		memcpy(out->case_id, v, len);
	}
	r = read_keys(&in, out, e);
	if (r == 0)
		r = read_checkpoints(&in, out, e);
	if (r == 0)
		while ((r = read_record(&in, out, &last, e)) == 1)
			;
	if (r < 0)
		return r;
	if ((size_t)(in.end - in.p) != 4 || memcmp(in.p, "end\n", 4) != 0)
		return bad(&in, "this is not what stands here", e);
	if ((out->records > 0) != (out->case_id[0] != '\0'))
		return bad(&in, "records without a case, or a case without", e);
	return buf_check(&out->lines, "the slice's records", e);
}
