/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stddef.h>

#include "depot.h"

/* a label is the name, and the count beside it */
int main(void)
{
	struct item *i = depot_item("bolt", 3);

	assert(depot_width(i) == 5);
	depot_free(i);
	i = depot_item("", 12);
	assert(depot_width(i) == 2);
	depot_free(i);
	return 0;
}
