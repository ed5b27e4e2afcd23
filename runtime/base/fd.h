/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"

/*
 * File descriptors and files, the way a privileged program must handle them:
 * every open is close-on-exec, nothing follows a symbolic link unless it says
 * so, every read is bounded, every published file is durable.
 * All return 0 or -errno (or an fd >= 0); `what` names the thing in messages.
 */

/* openat2() with RESOLVE_BENEATH|NO_SYMLINKS|NO_MAGICLINKS; O_CLOEXEC is added. */
int fd_open_beneath(int dir, const char *path, int flags, mode_t mode, struct err *e);
/* Opens a directory named by an operator (links followed); O_RDONLY|O_DIRECTORY. */
int fd_open_dir(const char *path, struct err *e);
/* Reads to the end, at most max bytes: more is -EFBIG. */
int fd_read_all(int fd, size_t max, const char *what, struct buf *out, struct err *e);
int fd_write_all(int fd, const void *data, size_t n, const char *what, struct err *e);
/* A whole file by path relative to dir (AT_FDCWD for an operator's path). */
int file_read_at(int dir, const char *path, size_t max, struct buf *out, struct err *e);
/* Temporary file, fsync, rename, fsync of the directory; replaces atomically. */
int file_publish_at(int dir, const char *name, const void *data, size_t n, mode_t mode,
		    struct err *e);
/* The same, but -EEXIST when the name exists: write-once records. */
int file_publish_once_at(int dir, const char *name, const void *data, size_t n, mode_t mode,
			 struct err *e);
/* mkdir -p beneath dir; existing directories are fine, links are refused. */
int dir_make_at(int dir, const char *path, mode_t mode, struct err *e);
/* mkdir -p of an operator's absolute path. */
int dir_make(const char *path, mode_t mode, struct err *e);
/* What file_publish_at() leaves in a folder of dir when it is killed; what is just being published
 * stays. A missing folder is fine. */
void file_sweep_at(int dir, const char *folder);
/* rm -r beneath dir without following links; a missing name is fine. */
int tree_remove_at(int dir, const char *path, struct err *e);
/* One message with up to n_fds descriptors over a unix stream socket. */
int fd_send_with(int sock, const void *data, size_t n, const int *fds, size_t n_fds, struct err *e);
/* Marks an fd inheritable by the next exec. */
int fd_inherit(int fd, struct err *e);
