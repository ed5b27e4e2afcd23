/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* Data files that are part of the program; tables end with a row without a name (images/embed.sh
 * writes them). */
struct embedded {
	const char *name; /* relative to the folder that they come from */
	const unsigned char *data;
	size_t n;
};

extern const struct embedded reporter_files[]; /* images/reporters */
