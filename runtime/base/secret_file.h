/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/err.h"

/*
 * A file with one secret, as a program reads it that still has rights: a regular
 * file (no link) of root's or the caller's own that nobody else can read, with
 * one line of visible ASCII.  No error holds a byte of it.
 */
#define SECRET_FILE_MAX 2048

/* Opens it for reading, by an absolute path: a descriptor, or -errno. */
int secret_file_open(const char *path, struct err *e);
/* The line without its end into `line` of SECRET_FILE_MAX + 2 bytes; those are wiped on failure.
 * phrase: spaces may be in it. */
int secret_file_read(int fd, const char *path, bool phrase, char *line, size_t *n, struct err *e);
