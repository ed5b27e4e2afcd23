/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "runtime/base/err.h"

/*
 * Where keys lie: memory that is never swapped, dumped or inherited, and is
 * wiped at the end.  What libraries copy for the time of a request is wiped when
 * they free it: see main.c.
 */
struct vault;

struct secret {
	const char *line; /* prefix and key: "x-api-key: ..." */
	const char *key;  /* within line */
	size_t key_n;
};

int vault_open(struct vault **out, struct err *e);
/* Reads a key from a file as runtime/base/secret_file.h wants it, by its absolute path, as root.
 * `out` is valid until the end. */
int vault_read(struct vault *v, const char *prefix, const char *path, struct secret *out,
	       struct err *e);
/* n bytes for what is made from a key; NULL: full. */
char *vault_room(struct vault *v, size_t n);
void vault_close(struct vault *v); /* wipes; NULL is fine */

/* Where the host lets it (CAP_SYS_RESOURCE): no page of this process is swapped, either. */
void vault_lock_all(void);
