/* SPDX-License-Identifier: Apache-2.0 */
/* What a service meets that is, or is not, a fault of its code; record.sh keeps the reports. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void memory(void)
{
	volatile char *p = malloc((size_t)0xf0 << 32);

	p[0] = 1;
}

static void overflow(void)
{
	char *name = malloc(4);

	strcpy(name, "an order"); /* NOLINT: meant to */
	puts(name);
	free(name);
}

int main(int argc, char **argv)
{
	(void)argc;
	if (strcmp(argv[1], "memory") == 0)
		memory();
	overflow();
	return 0;
}
