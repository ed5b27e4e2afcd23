/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <elf.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"

/* What was read of a core, as core.c fills it and core_tell.c writes it. */
#define CORE_ID_MAX	 64u /* bytes of a build id */
#define CORE_PAGE	 4096u
#define CORE_PROGRAM_LEN 16

struct core_module {
	char *path; /* a piece of the notes */
	size_t path_len;
	uint64_t start, end; /* of all its mappings; start is where byte 0 of the file lies */
	bool whole;	     /* byte 0 of it is mapped */
	char id[2 * CORE_ID_MAX + 1];
};

struct core {
	const char *name;
	int fd;
	uint64_t size; /* of the file */
	Elf64_Phdr *segments;
	size_t n_segments;
	struct core_module *modules;
	size_t n_modules;
	unsigned signal, threads;
	int code;
	uint64_t address, entry, missing;
	bool have_info, more_modules;
	char program[CORE_PROGRAM_LEN + 1];
};

/* The value of DECODE_CORE; a core without a crash is refused. */
int core_tell(const struct core *c, json_t **out, struct err *e);
