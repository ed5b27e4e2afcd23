/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/proto/broker.h"

/*
 * Images from a registry: the messages of a broker that was set up with
 * `registries`, and the client end.  Such a broker has no endpoints of models
 * and answers these messages only, one at a time.  It writes what it fetches
 * to the descriptor that came with the request and nowhere else, and hashes it
 * as it comes; what it is, sickbay-decode finds out.
 * Sources: OCI distribution specification 1.1; RFC 9110 (ranges, redirects,
 * challenges); the Bearer token scheme of distribution's registries.
 */
enum registry_msg {
	REGISTRY_GET = BROKER_REGISTRY, /* struct registry_get, with a descriptor ->
					   REGISTRY_PROGRESS*, REGISTRY_END */
	REGISTRY_PROGRESS,		/* struct registry_progress */
	REGISTRY_END			/* struct registry_end */
};

#define REGISTRY_IMAGE_BYTES (8ull << 30) /* where nothing is stated */

/* One row of the host configuration's "registries", and of broker_setup.registries. */
struct registry_place {
	char *host;	  /* "HOST" or "HOST:PORT", as references name it */
	char *credential; /* absolute path of a file with USER:PASSWORD; NULL: anonymous */
	char *ca;	  /* PEM file instead of the system's; NULL: the system's */
	char *proxy;	  /* http://HOST:PORT; NULL: none, whatever the environment says */
	uint64_t image;	  /* most bytes of one image, as they are fetched */
};

struct registry_get {
	uint64_t id;
	char *host, *repository;
	bool manifest;	 /* else a blob */
	char *reference; /* a tag or "sha256:HEX"; of blobs the latter */
	uint64_t size;	 /* that it has to have; 0: as it comes, up to `most` */
	uint64_t most;
	uint64_t have; /* bytes of it that the descriptor's file has from an earlier time */
};

struct registry_progress {
	uint64_t id, bytes; /* of it that are there */
};

enum registry_kind {
	REGISTRY_OK,
	REGISTRY_UNKNOWN,  /* no such repository, tag or blob */
	REGISTRY_REFUSED,  /* who asks may not, or is not known */
	REGISTRY_MISMATCH, /* not the digest or size that was asked for */
	REGISTRY_UNREACHED,
	REGISTRY_FAILED /* it answered with what it should not */
};

struct registry_end {
	uint64_t id;
	int kind;		 /* enum registry_kind */
	char *message;		 /* of a failure: what happened, and what can be done */
	char *digest;		 /* "sha256:HEX" of what was written */
	char *media;		 /* the media type that was stated, or NULL */
	uint64_t bytes, fetched; /* in the file; by this call */
	uint64_t attempts;
};

extern const struct jmap registry_place_map[], registry_get_map[], registry_progress_map[],
	registry_end_map[];

/* What a person writes: HOST/REPOSITORY, then :TAG, @sha256:HEX or both. */
struct registry_ref {
	char host[256], repository[256];
	char tag[129], digest[72]; /* "" where not stated */
};
/* -EINVAL, and e says what is missing. */
int registry_ref_parse(const char *text, struct registry_ref *out, struct err *e);
bool registry_host_is_good(const char *s); /* HOST, HOST:PORT, [ADDRESS] or [ADDRESS]:PORT */
bool registry_repository_is_good(const char *s);
bool registry_tag_is_good(const char *s);
bool registry_digest_is_good(const char *s); /* "sha256:HEX" */
/* Whether HOST or HOST:PORT is "localhost", 127.0.0.0/8 or [::1]: plain http goes there only. */
bool registry_is_loopback(const char *host);

typedef void registry_progress_fn(void *ctx, uint64_t bytes);

/*
 * Fetches one thing to fd and waits for it.  0: *out is filled (release it with
 * registry_end_map), whatever its kind; <0: the broker is gone.
 */
int registry_fetch(struct broker *b, const struct registry_get *g, int fd, registry_progress_fn *fn,
		   void *ctx, struct registry_end *out, struct err *e);
