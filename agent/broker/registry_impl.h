/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/broker/registry.h"
#include "agent/broker/registry_http.h"
#include "runtime/base/sha256.h"
#include "runtime/proto/broker_registry.h"

/* What the files of the registry client share: one registry that is known, and one thing fetched.
 */
struct registry_known {
	char *host, *proxy;
	const char *basic;	 /* USER:PASSWORD, of the vault; NULL: none */
	struct trust *trust;	 /* of its own; NULL: the system's */
	char *token, *token_for; /* the last one, and its repository; NULL: none yet */
};

struct registries {
	struct registry_known *v;
	size_t n;
	struct registry_known other; /* the last host that is not configured */
	struct trust *system;
	struct http *http;
};

struct fetching {
	struct registries *all;
	struct registry_known *known;
	const struct registry_get *ask;
	int fd, sock;
	struct sha256 hash;
	uint64_t at, from; /* bytes in the file; where this attempt begins */
	uint64_t shown_ns;
	char *url;	 /* asked next */
	bool redirected; /* url is not the registry's own: no credential goes there */
	bool anew;	 /* ask the registry again where to */
	bool begun;	 /* bytes of this answer came */
	unsigned hops, authentications, tries;
	uint64_t attempts;
	struct registry_end *end;
	struct err failure; /* of the sink */
	int failed_as;	    /* enum registry_kind of it */
	bool abandoned;	    /* whoever asked is gone */
};

/* One thing, with attempts, redirects and authentication; fills f->end. <0: it cannot go on at all.
 */
int registry_run(struct fetching *f, struct err *e);
/* Asks the token server that a challenge names, and keeps the token. 1: there is something new to
 * try; 0: there is not, and f->end says why. */
int registry_authenticate(struct fetching *f, const struct http_answer *a, struct err *e);
/* Who vouches for the registry, and what it sends us to. */
struct trust *registry_trust(const struct fetching *f, bool own_place);
/* Fills f->end with a failure. */
void registry_fail(struct fetching *f, int kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
