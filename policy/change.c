/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/change.h"

#include <stdlib.h>
#include <string.h>

#include "policy/diff.h"
#include "runtime/base/sha256.h"

static void release_one(struct change *ch)
{
	free(ch->path);
	free(ch->old_data);
	free(ch->new_data);
	memset(ch, 0, sizeof(*ch));
}

void changes_release(struct changes *c)
{
	for (size_t i = 0; i < c->n; i++)
		release_one(&c->v[i]);
	free(c->v);
	memset(c, 0, sizeof(*c));
}

size_t changes_bytes(const struct changes *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		n += c->v[i].old_len + c->v[i].new_len;
	return n;
}

/* Where the path is, or where it belongs. */
static size_t position(const struct changes *c, const char *path)
{
	size_t lo = 0, hi = c->n;

	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;

		if (strcmp(c->v[mid].path, path) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct change *changes_find(const struct changes *c, const char *path)
{
	const size_t i = position(c, path);

	return i < c->n && strcmp(c->v[i].path, path) == 0 ? &c->v[i] : NULL;
}

int changes_put(struct changes *c, struct change *item)
{
	const size_t i = position(c, item->path);
	struct change *v;

	if (i < c->n && strcmp(c->v[i].path, item->path) == 0) {
		release_one(&c->v[i]);
	} else {
		v = realloc(c->v, (c->n + 1) * sizeof(*v));
		if (!v) {
			release_one(item);
			return -ENOMEM;
		}
		c->v = v;
		memmove(&v[i + 1], &v[i], (c->n - i) * sizeof(*v));
		c->n++;
	}
	c->v[i] = *item;
	memset(item, 0, sizeof(*item));
	return 0;
}

static size_t count(const bool *flags, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		k += flags[i];
	return k;
}

void change_line_counts(const struct change *ch, size_t *added, size_t *removed)
{
	struct err e = ERR_INIT;
	struct diff d;

	/* Without memory for a comparison everything counts: a limit errs on the strict side. */
	*added = ch->new_len;
	*removed = ch->old_len;
	if (diff_lines(ch->old_data, ch->old_len, ch->new_data, ch->new_len, &d, &e) < 0)
		return;
	*added = count(d.added, d.nb);
	*removed = count(d.removed, d.na);
	diff_release(&d);
}

static void hash_bytes(struct sha256 *h, const char *p, size_t n)
{
	uint8_t size[8];

	for (int i = 0; i < 8; i++)
		size[i] = (uint8_t)(n >> (56 - 8 * i));
	sha256_update(h, size, sizeof(size));
	sha256_update(h, p ? p : "", n);
}

void changes_digest(const struct changes *c, char hex[65])
{
	uint8_t sum[SHA256_LEN];
	struct sha256 h;

	sha256_init(&h);
	for (size_t i = 0; i < c->n; i++) {
		const struct change *const ch = &c->v[i];
		const uint8_t head[2] = { (uint8_t)ch->kind, (uint8_t)ch->type };

		sha256_update(&h, head, sizeof(head));
		hash_bytes(&h, ch->path, strlen(ch->path));
		hash_bytes(&h, ch->old_data, ch->old_len);
		hash_bytes(&h, ch->new_data, ch->new_len);
	}
	sha256_final(&h, sum);
	sha256_hex(sum, hex);
}
