/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "runtime/base/buf.h"

/*
 * What a registry says about who may ask: WWW-Authenticate (RFC 9110, 11.6.1)
 * and the answer of its token server.  Pure functions; every byte is untrusted.
 */
enum challenge_scheme { CHALLENGE_NONE, CHALLENGE_BASIC, CHALLENGE_BEARER };

struct challenge {
	enum challenge_scheme scheme; /* the best one that was offered */
	char realm[1024], service[256];
};

/* The value of one or, joined by ", ", of several header fields. -EBADMSG: it is malformed. */
int challenge_parse(const char *text, struct challenge *out, struct err *e);
/* REALM?service=..&scope=repository:REPOSITORY:pull: no more than is needed, whatever was asked. */
int challenge_url(const struct challenge *c, const char *repository, struct buf *out,
		  struct err *e);
/* The token of a token server's answer; free() it. -EBADMSG where there is none that can stand in a
 * header. */
int token_read(const char *text, size_t n, char **out, struct err *e);
/* The code of a registry's error body ("MANIFEST_UNKNOWN"), or "" where it is none. */
void registry_error_code(const char *text, size_t n, char out[48]);
