/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "runtime/base/err.h"
#include "runtime/base/jmap.h"

/*
 * What replicas are made of: named images, each a list of read-only layers, in
 * STATE/images.  A layer is a directory with stored ids 0..65535, named by the
 * digest of what it was made from and complete once it is there (rename).
 * Layers are never changed and never chowned.
 */
struct store;
struct audit;

int store_open(const char *state, struct store **out, struct err *e);
void store_close(struct store *s);
const char *store_state(const struct store *s);

struct image {
	char *name, *digest, *user, *cwd;
	char *from; /* of a pulled one: HOST/REPOSITORY@sha256:HEX, as it was asked for */
	/* What its labels say it was built from, as they say it: printable, IMAGE_LABEL_MAX bytes.
	 */
	char *revision, *version;
	bool host;	       /* the built-in image "host": the host's own /usr */
	struct strlist layers; /* layer ids, top-most first */
	struct strlist env;    /* "NAME=value" */
	struct strlist command;
};
#define IMAGE_LABEL_MAX 200
void image_release(struct image *i);

/* "host" is always there; others were imported. */
int image_find(struct store *s, const char *name, struct image *out, struct err *e);
/* By digest ("sha256:HEX"): its own, or the one that it was pulled by. -ENOENT: none here is. */
int image_of_digest(struct store *s, const char *digest, struct image *out, struct err *e);
bool image_has_digest(const struct image *i, const char *digest);
int image_list(struct store *s, json_t **out, struct err *e);
int image_inspect(struct store *s, const char *name, json_t **out, struct err *e);
int image_remove(struct store *s, const char *name, struct err *e);
/* PATH: a directory, tar, docker archive or OCI layout (directory or tar). */
int image_import(struct store *s, const char *path, const char *name, struct image *out,
		 struct err *e);

/* Read-only directory fds of the layers of an image, top-most first; for "host" the skeleton.
 * Caller closes and frees. */
struct layer_fds {
	int *v;
	size_t n;
};
void layer_fds_release(struct layer_fds *l);
int image_layers(struct store *s, const struct image *i, struct layer_fds *out, struct err *e);

/* A layer being written: a fresh directory, published under its id or dropped. */
struct layer_draft {
	int dir;
	char id[80], path[512];
};
/* -EEXIST when a layer of this id is complete already; id NULL: set draft.id before publishing. */
int layer_begin(struct store *s, const char *id, struct layer_draft *out, struct err *e);
int layer_publish(struct store *s, struct layer_draft *d, struct err *e);
void layer_drop(struct store *s, struct layer_draft *d);
int layer_open(struct store *s, const char *id, int *fd,
	       struct err *e); /* -ENOENT when there is none */
bool layer_exists(struct store *s, const char *id);

/* Writes one regular file, directory or link into a layer tree; never follows links, never leaves
 * it; parents are made. */
int layer_put_file(int dir, const char *path, const void *data, size_t n, unsigned mode,
		   unsigned uid, unsigned gid, struct err *e);
int layer_put_dir(int dir, const char *path, unsigned mode, unsigned uid, unsigned gid,
		  struct err *e);
int layer_put_link(int dir, const char *path, const char *target, unsigned uid, unsigned gid,
		   struct err *e);
int layer_put_whiteout(int dir, const char *path, struct err *e);

/*
 * A toolchain layer from a recipe (what `sickbay image prepare` does before any incident): JSON
 * with comments, { "name", "image": "host", "npm": { "lock", "manifest", "at": "/app" }, "debian":
 * { "packages": ["NAME", "NAME=VERSION"], "sha256": { "NAME": "HEX" }, "at": "/opt/toolchain" },
 *     "files": [{ "from", "to", "executable" }],
 *     "build": { "run": [argv], "cwd": "/app", "uid": 1000, "timeout": "10m" } }
 * Fetching never executes what it fetches; the build command runs in a replica without network.
 * *id is the layer; an existing one is reused.  Each fetch, the build's replica and the publication
 * are in the log before they happen.
 */
int toolchain_prepare(struct store *s, struct audit *audit, const char *recipe_path, char id[80],
		      struct err *e);
/* What it was made of:
 * {"layer","name","image","image_digest","packages":[{"name","version","sha256"}]}. */
int toolchain_inspect(struct store *s, const char *id, json_t **out, struct err *e);
int toolchain_list(struct store *s, json_t **out, struct err *e);

/* The reporters for test frameworks that this program carries, at /opt/sickbay/reporters; made when
 * missing. */
int reporters_layer(struct store *s, char id[80], struct err *e);
