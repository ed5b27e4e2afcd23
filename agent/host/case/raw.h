/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"
#include "runtime/proto/audit.h"

/*
 * STATE/raw: what production itself said (reports, the values of an incident),
 * kept apart from cases so that it can be erased.  One file each, named by the
 * SHA-256 of the whole file; its first line holds random salt, so that a digest
 * in a record confirms no guess of what is short.  Files are 0640, the directory
 * 0750, of the group sickbay-raw where the host has it, else of root's.
 * Erasing leaves a tombstone of the same name and an event in the log.
 */
#define RAW_GROUP   "sickbay-raw"
#define RAW_MAX	    (64u << 20) /* bytes of one piece */
#define RAW_REF_LEN 72		/* "sha256:" and 64 hex digits, with the NUL */

struct raw_ref {
	char digest[RAW_REF_LEN];
	uint64_t bytes; /* of the piece itself */
};

/* `kind` ("report", "values", "core"...) and `owner` (a case or incident) are shown by raw_list().
 * Durable when it returns. */
int raw_put(const char *state, const char *kind, const char *owner, const void *data, size_t n,
	    struct raw_ref *out, struct err *e);
/* The piece, checked against its digest. -ENOENT: never there; -EIDRM: erased, and e says when and
 * why; -EBADMSG: changed. */
int raw_get(const char *state, const char *digest, struct buf *out, struct err *e);
/* It is there and was not erased. */
bool raw_has(const char *state, const char *digest);
/* The whole file of a piece, as it lies there: what its digest is of. Errors as above. */
int raw_file(const char *state, const char *digest, struct buf *out, struct err *e);
/* Puts such a file of another host in its place. */
int raw_import(const char *state, const char *digest, const void *data, size_t n, struct err *e);
/* [{"digest","kind","owner","bytes","received"}], and {"erased","reason"} in those of tombstones,
 * oldest first. */
int raw_list(const char *state, json_t **out, struct err *e);
/* Logs "raw.erase", leaves the tombstone, removes the piece. -EALREADY when it was erased. */
int raw_erase(const char *state, struct audit *a, const char *digest, const char *reason,
	      struct err *e);
/* Erases all that was received more than `age_ms` ago; *n: how many. */
int raw_expire(const char *state, struct audit *a, uint64_t age_ms, size_t *n, struct err *e);
