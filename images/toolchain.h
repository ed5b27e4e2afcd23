/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "images/layer.h"
#include "images/recipe.h"
#include "images/store.h"

/*
 * One toolchain layer being prepared, and the steps that fill it.  The scratch
 * directory belongs to the fetcher; what lies there is untrusted.
 */
struct preparing {
	struct store *store;
	struct audit *audit;
	const struct recipe *recipe;
	const struct image *image;
	struct layer_draft draft, scratch;
	char cache[512];  /* of the fetcher: kept between runs */
	json_t *packages; /* {"name","version","sha256"}: what was fetched, for the record */
};

int npm_prepare(const struct preparing *p, struct err *e);
int debian_prepare(const struct preparing *p, struct err *e);
int files_prepare(const struct preparing *p, struct err *e);
/* The recipe's command in a replica without network, on top of what the draft holds by now. */
int build_prepare(const struct preparing *p, struct err *e);
