/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon: for each line "NAME COUNT" the columns of its label; a NAME of "-" is none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "depot.h"

/* Nobody has less than nothing. */
static inline __attribute__((always_inline)) void refuse(void)
{
	abort();
}

int main(void)
{
	char name[64];
	int count;

	while (scanf("%63s %d", name, &count) == 2) {
		struct item *i = depot_item(strcmp(name, "-") == 0 ? NULL : name, count);

		if (count < 0)
			refuse();
		printf("%d\n", depot_width(i));
		depot_free(i);
	}
	return 0;
}
