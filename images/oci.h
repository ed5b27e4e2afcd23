/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "images/store.h"

/*
 * Layouts of images in a directory: OCI (image-layout 1.0) and what `docker save`
 * writes.  Each blob's digest is verified before it is read, each layer's digest
 * after; JSON is parsed by sickbay-decode.  Fills everything of *out but the name.
 */
int oci_import(struct store *s, int dir, const char *path, struct image *out, struct err *e);
int docker_import(struct store *s, int dir, const char *path, struct image *out, struct err *e);

/* One layer from a tar; want: its digest uncompressed (hex), or NULL. *id is the layer; an existing
 * one is kept. */
int import_layer(struct store *s, int archive, const char *name, const char *want, char id[80],
		 struct err *e);
