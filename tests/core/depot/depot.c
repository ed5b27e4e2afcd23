/* SPDX-License-Identifier: Apache-2.0 */
#include "depot.h"

#include <stdlib.h>

void (*depot_full)(void);

struct item *depot_item(const char *name, int count)
{
	struct item *i = malloc(sizeof(*i));

	if (count > 98)
		depot_full();
	if (i) {
		i->name = name;
		i->count = count;
	}
	return i;
}

int depot_width(const struct item *i)
{
	int n = 0;

	if (!i)
		return 0;
	while (i->name[n])
		n++;
	return n + (i->count > 9 ? 2 : 1);
}

void depot_free(struct item *i)
{
	free(i);
}
