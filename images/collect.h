/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "images/store.h"

/*
 * What the store holds and nobody needs: layers that no image, record or case
 * names and no replica uses, and drafts of runs that were killed.  Layers of
 * sources, reporters and the host's skeleton are made again when they are
 * wanted.
 */

/* Calls fn for each; `named` are ids that others need; younger ones than age_ms are left. */
typedef int collect_fn(void *ctx, const char *name, struct err *e);
int store_unused(struct store *s, const struct strlist *named, uint64_t age_ms, collect_fn *fn,
		 void *ctx, struct err *e);
/* Adds each layer id that stands in a text. 0 or -ENOMEM. */
int store_ids_in(const char *text, struct strlist *ids);
/* Ids that the store's own images and records name. */
int store_named(struct store *s, struct strlist *ids, struct err *e);
/* A layer or draft that store_unused() named; -EBUSY when somebody uses it by now. */
int store_drop(struct store *s, const char *name, struct err *e);
