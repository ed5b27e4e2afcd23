/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/sandbox/idrange.h"
#include "runtime/sandbox/spec.h"

/*
 * What the host side mounts for a replica, all of it detached: no name on the
 * host ever shows it, and closing the descriptors removes it.  Nothing here
 * follows a link of the image.
 */

/* A tmpfs whose root belongs to the caller's fsuid. attrs: MOUNT_ATTR_*; 0 size or inodes: the
 * kernel's. */
int tmpfs_make(uint64_t size, uint64_t inodes, unsigned mode, unsigned attrs, int *out,
	       struct err *e);
/*
 * A detached clone of a directory or file with more attributes, its stored ids shown as those of
 * ids (NULL: as they are).  recursive: what is mounted beneath it comes along.
 */
int mount_clone(int fd, const struct idrange *ids, uint64_t attrs, bool recursive, int *out,
		struct err *e);
/* A directory within a mount, its ids as they are stored. */
int mount_clone_sub(int fd, const char *sub, uint64_t attrs, int *out, struct err *e);
/* The clone alone, of a mount or of the directory `sub` in it.  A mount without a place stays
 * usable under its number, also on kernels (before 6.15) where it has to be replaced for this. */
int mount_tree(int mnt, const char *sub, bool recursive, struct err *e);
void mount_tree_force(bool by_helper); /* tests: as on such a kernel */
/* As mount_clone(), for the operator's own trees, where a file system without id mapping is no
 * obstacle. */
int mount_clone_lenient(int fd, const struct idrange *ids, uint64_t attrs, bool recursive, int *out,
			struct err *e);

/* A file system on disk of the size of limits.disk; nothing of it has a name. */
int disk_make(const struct sandbox_spec *spec, int *out, struct err *e);

/* New files belong to the range's root, capabilities kept; mounter_leave() is for every path out.
 */
int mounter_enter(const struct idrange *ids, struct err *e);
int mounter_leave(struct err *e);

/* The replica's /dev: nodes as spec->devices says, links, empty pts and shm, and .masked/{d,f}. */
bool device_wanted(const struct sandbox_spec *spec, const char *name); /* "ptmx", "shm" too */
int devfs_make(const struct sandbox_spec *spec, int *out, struct err *e);

/* The root. */
enum root_recipe {
	RECIPE_AUTO,
	RECIPE_B,	/* everything idmapped: stored ids stay 0..65535 */
	RECIPE_A,	/* upper chowned to the range; never frozen */
	RECIPE_B_MOUNT, /* B and A by mount(2), where the new interface takes no layer descriptors
			 */
	RECIPE_A_MOUNT,
	RECIPE_N
};
const char *root_recipe_name(int recipe);
/* For tests: use this from now on. */
void root_force(int recipe);

#define ROOT_MAX_LAYERS 200 /* mount(2) takes one page of options */

struct root {
	int recipe;
	int overlay; /* the mounted root */
	int store;   /* mount that holds upper/ and work/, ids as stored; -1: cannot be frozen */
	bool frozen;
	/* Mounts that the overlay has its own copies of: closing one waits for an RCU grace period,
	 * so that is left for the end. */
	int spent[ROOT_MAX_LAYERS + 16];
	size_t n_spent;
};
#define ROOT_INIT                          \
	{                                  \
		.overlay = -1, .store = -1 \
	}

int root_make(const struct sandbox_spec *spec, const struct idrange *ids, struct root *out,
	      struct err *e);
/* Makes the overlay read-only, drops it and hands out the upper, read-only.  -EBUSY: a writer. */
int root_freeze(struct root *r, int *layer, struct err *e);
void root_spend(struct root *r, int *fd); /* *fd is closed with the root */
void root_release(struct root *r);	  /* in the background */
