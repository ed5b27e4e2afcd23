/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "images/store.h"

/*
 * An image from a registry, into the store: sickbay-broker fetches, sickbay-decode
 * reads, and the import is that of an OCI layout.  The layout lies in
 * STATE/images/pulls/HEX (of the digest that was asked for) until it is
 * imported; what an interrupted pull leaves there is continued by the next one.
 */
struct image_pull {
	const char *ref;	  /* HOST/REPOSITORY[:TAG][@sha256:HEX] */
	const char *name;	  /* what it is called here; NULL: as the repository's last part */
	const json_t *registries; /* rows of struct registry_place, credentials as paths */
	uint64_t most;		  /* bytes that it may take on the way */
	uint64_t room;		  /* bytes that the state directory has room for */
	struct audit *audit;
};

/* What was fetched, for whoever asks. */
struct image_pulled {
	char digest[72];	 /* of what the reference named: an index or a manifest */
	char manifest[72];	 /* of the manifest for this host */
	uint64_t bytes, fetched; /* of all layers as they are stored there; by this pull */
	size_t layers, present;	 /* present: the store had them already */
};

/* "registry.pull" is in the log before the first byte goes out, "image.import" with every digest
 * before the image is there. */
int image_pull(struct store *s, const struct image_pull *p, struct image *out,
	       struct image_pulled *did, struct err *e);
