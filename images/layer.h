/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "images/store.h"
#include "runtime/base/err.h"
#include "runtime/base/sha256.h"

/*
 * What the files of images/ share: writing one entry into a layer's tree, and
 * filling a tree from an archive or from another tree.  Every name is resolved
 * beneath the layer without following links; set-id bits, extended attributes
 * and capabilities are dropped (a replica could not use them, the host must not).
 */
#define LAYER_ID_MAX   65535u /* highest stored uid or gid */
#define LAYER_PATH_MAX 4095u
#define LAYER_DEPTH    128u

struct store {
	char *state;
	int images, layers, names, records;
};

struct layer_meta {
	unsigned mode, uid, gid;
	int64_t mtime; /* seconds; negative: leave it */
};

struct layer_limits {
	uint64_t bytes, entries; /* 0: the default bound */
};

struct unpack {
	struct layer_limits limits;
	const char *prefix; /* where in the layer; NULL: its root */
	const char *only;   /* when set: only this first component is taken ("node_modules") */
	bool deb;	    /* a Debian package: its data member */
	bool whiteouts;	    /* ".wh." names mean what they mean in an image layer */
	bool force_owner;   /* everything belongs to uid:gid */
	unsigned uid, gid;
};

/* 0, or -EINVAL when it is absolute, empty, too long or has an empty, "." or ".." component. */
int layer_path_check(const char *path, struct err *e);
/* Opens a new regular file for writing; an earlier file or link of this name is replaced. */
int layer_create(int dir, const char *path, int *fd, struct err *e);
int layer_set_meta(int fd, const struct layer_meta *m, struct err *e);
int layer_put_hardlink(int dir, const char *path, const char *target, struct err *e);
/* The directory hides what lower layers have in it. path "" is the layer's root. */
int layer_put_opaque(int dir, const char *path, struct err *e);
bool layer_is_whiteout(int dir, const char *name);
/* What is at a path of the layer, a link itself included; 0 or -errno. */
int layer_stat(int dir, const char *path, struct stat *out);

/* Fills `dir` from an archive through sickbay-decode. sha256 (may be NULL): of the uncompressed
 * archive. */
int layer_unpack(int dir, int archive, const char *name, const struct unpack *how,
		 char sha256[SHA256_HEX], struct err *e);

struct tree_copy {
	struct layer_limits limits;
	bool overlay; /* the source is an upper: its whiteouts and opaque directories count */
	const char *const
		*skip; /* paths from the source's root that are left out; NULL-terminated or NULL */
};
/* Copies the tree `from` into `dir`; sha256 (may be NULL): of a listing with every content's
 * digest. */
int layer_copy_tree(int dir, int from, const char *name, const struct tree_copy *how,
		    char sha256[SHA256_HEX], struct err *e);

/* The same digest of a layer's own tree. */
int layer_digest_tree(int dir, const char *name, char sha256[SHA256_HEX], struct err *e);

/* Names of the image records; of the records of prepared layers. */
int store_names(struct store *s, int parent, struct strlist *out, struct err *e);
/* The layer goes, unless some process uses it (-EBUSY). */
int layer_remove(struct store *s, const char *id, struct err *e);
/* Whether an image may get this name: 0, -EINVAL, or -EEXIST. */
int image_check_new_name(struct store *s, const char *name, struct err *e);
/* Writes the record of an imported image. */
int image_record(struct store *s, const struct image *i, struct err *e);

/* Remakes the skeleton of the image "host" where the host's files changed, and fills *out. */
int hostroot_image(struct store *s, struct image *out, struct err *e);
