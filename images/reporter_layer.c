/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "images/embed.h"
#include "images/layer.h"
#include "images/store.h"

/* The embedded reporters as a layer of their own, under the digest of what they are. */
#define WHERE "opt/sickbay/reporters"

static void key(char id[80])
{
	uint8_t digest[SHA256_LEN];
	char hex[SHA256_HEX];
	struct sha256 h;

	sha256_init(&h);
	sha256_update(&h, WHERE, sizeof(WHERE));
	for (const struct embedded *f = reporter_files; f->name; f++) {
		char size[32];
		const int n = snprintf(size, sizeof(size), "%zu", f->n);

		sha256_update(&h, f->name, strlen(f->name) + 1);
		sha256_update(&h, size, (size_t)n + 1);
		sha256_update(&h, f->data, f->n);
	}
	sha256_final(&h, digest);
	sha256_hex(digest, hex);
	(void)snprintf(id, 80, "sha256-%s", hex);
}

static int fill(int dir, struct err *e)
{
	if (layer_put_dir(dir, WHERE, 0755, 0, 0, e) < 0)
		return -e->code;
	for (const struct embedded *f = reporter_files; f->name; f++) {
		const bool script = f->n > 2 && memcmp(f->data, "#!", 2) == 0;
		char path[512];

		(void)snprintf(path, sizeof(path), WHERE "/%s", f->name);
		if (layer_put_file(dir, path, f->data, f->n, script ? 0755 : 0644, 0, 0, e) < 0)
			return -e->code;
	}
	return 0;
}

int reporters_layer(struct store *s, char id[80], struct err *e)
{
	struct layer_draft d = { .dir = -1 };
	char wanted[80];
	int r;

	key(wanted);
	if (!layer_exists(s, wanted)) {
		if (layer_begin(s, wanted, &d, e) < 0 && e->code != EEXIST)
			return err_wrap(e, "reporters");
		if (d.dir >= 0) {
			r = fill(d.dir, e);
			if (r == 0)
				r = layer_publish(s, &d, e);
			layer_drop(s, &d);
			if (r < 0)
				return err_wrap(e, "reporters");
		}
	}
	(void)snprintf(id, 80, "%s", wanted);
	return 0;
}
