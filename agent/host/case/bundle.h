/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"

/*
 * A set of small files that travels as one tar archive (ustar).  Written
 * byte for byte the same for the same files; read back through sickbay-decode,
 * since it may come from anywhere.
 */
#define BUNDLE_FILES_MAX 1024
#define BUNDLE_FILE_MAX	 (64u << 20)
#define BUNDLE_MAX	 (512u << 20)
#define BUNDLE_NAME_MAX	 99

struct bundle_file {
	char *name;
	char *data; /* n bytes and a NUL that does not count */
	size_t n;
};

struct bundle {
	struct bundle_file *v; /* sorted by name */
	size_t n, bytes;
};

/* Copies; -EEXIST when the name is there. */
int bundle_put(struct bundle *b, const char *name, const void *data, size_t n, struct err *e);
const struct bundle_file *bundle_find(const struct bundle *b, const char *name); /* or NULL */
void bundle_release(struct bundle *b);

/* The archive; mtime in seconds since the epoch, of every file. */
int bundle_tar(const struct bundle *b, uint64_t mtime, struct buf *out, struct err *e);
/* Reads an archive; *mtime is the first file's, digest the SHA-256 (hex) of the uncompressed tar.
 */
int bundle_read(int fd, const char *name, struct bundle *b, uint64_t *mtime, char digest[65],
		struct err *e);
