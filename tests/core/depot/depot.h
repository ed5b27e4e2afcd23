/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* What lies in a depot. */
struct item {
	const char *name; /* NULL: it has none */
	int count;
};

/* Called for what is more than a depot takes. */
extern void (*depot_full)(void);

struct item *depot_item(const char *name, int count);
/* Columns that the item's label takes. */
int depot_width(const struct item *i);
void depot_free(struct item *i);
