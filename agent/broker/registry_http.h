/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/buf.h"

/*
 * One HTTP exchange of the registry and forge clients, by libcurl: no redirect
 * followed, no credential but the stated one, nothing from the environment.
 * Header fields are kept by name, bounded; the body of 200 and 206 goes to the
 * sink, that of other answers is kept as far as ANSWER_BODY.
 */
#define ANSWER_BODY (64u << 10)

struct http_answer {
	long status; /* 0: none came */
	char type[200], digest[80], location[4096], range[100], challenge[4096], after[64];
	char scopes[512], remaining[24], reset[24]; /* of GitHub's limits of rate */
	uint64_t length; /* of the body as stated; UINT64_MAX: not stated */
	struct buf body;
	bool broken;   /* the connection failed: worth another attempt */
	bool tls;      /* it failed for want of trust, which another attempt will not change */
	bool stranger; /* tls: for want of an authority; else its certificate is not valid */
	char why[256];
};

struct http_ask {
	const char *url;
	const char *accept;  /* media types, or NULL */
	const char *basic;   /* USER:PASSWORD, or NULL */
	const char *bearer;  /* token, or NULL */
	const char *proxy;   /* or NULL: none */
	struct trust *trust; /* who vouches for servers; NULL: nobody, TLS fails */
	uint64_t from;	     /* first byte that is wanted */
	const char *method;  /* NULL: GET */
	const char *type;    /* of the body that is sent */
	const char *header;  /* one more line, or NULL */
	/* The body that is sent: bytes now, 0 at its end, <0 gives up. NULL: none. */
	int64_t (*source)(void *ctx, void *to, size_t n);
	uint64_t source_bytes; /* how long it is */
	bool all;	       /* the sink gets the bodies of all answers */
	int (*sink)(void *ctx, struct http_answer *a, const void *data, size_t n); /* <0 ends it */
	int (*tick)(void *ctx); /* a few times a second; <0 ends it */
	void *ctx;
};

struct http;
struct trust;
/* resolver: a socket of resolve.h, borrowed. */
int http_open(int resolver, struct http **out, struct err *e);
void http_close(struct http *h);
/* 0: *out tells what came (release it with http_answer_release()); <0: it could not be asked. */
int http_exchange(struct http *h, const struct http_ask *ask, struct http_answer *out,
		  struct err *e);
void http_answer_release(struct http_answer *a);
/* Whether the URL may be asked: https, or http to a loopback address where `loopback`. No user, no
 * password in it. */
int http_check_url(const char *url, bool loopback, struct err *e);
/* What Location means at `url`, checked as above; free() it. */
int http_follow(const char *url, const char *location, bool loopback, char **out, struct err *e);
