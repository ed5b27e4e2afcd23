/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/buf.h"

/*
 * The server's side of HTTP/1.x (RFC 9112), read strictly: what two readers
 * could take for two different requests is refused, each refusal by a name
 * that is part of the interface.  A head is parsed in place, where its bytes
 * lie; nothing is allocated.  Bodies have a length or are chunked, not both;
 * trailers are read and dropped.
 */
#define HTTP_HEAD_MAX	16384
#define HTTP_FIELDS_MAX 100
#define HTTP_BODY_MAX	(8u << 20)

enum http_fault {
	HTTP_FINE,
	HTTP_BYTE,	   /* "bad-byte": NUL, bare CR, bare LF */
	HTTP_REQUEST_LINE, /* "bad-request-line" */
	HTTP_METHOD,	   /* "bad-method": no token */
	HTTP_TARGET,	   /* "bad-target": no path */
	HTTP_TARGET_LONG,  /* "target-too-long" */
	HTTP_VERSION,	   /* "bad-version" */
	HTTP_PREFACE,	   /* "http2" */
	HTTP_HEAD_LONG,	   /* "head-too-long" */
	HTTP_FIELDS,	   /* "too-many-fields" */
	HTTP_FIELD,	   /* "bad-field": no name, or a space before the colon */
	HTTP_FOLD,	   /* "folded-field" */
	HTTP_VALUE,	   /* "bad-field-value": a control byte */
	HTTP_DUPLICATE,	   /* "duplicate-field": of those that may stand once */
	HTTP_HOST,	   /* "bad-host": none, or malformed */
	HTTP_LENGTH,	   /* "bad-length" */
	HTTP_BOTH,	   /* "length-and-coding" */
	HTTP_CODING,	   /* "bad-coding": other than chunked */
	HTTP_BODY_LONG,	   /* "body-too-long" */
	HTTP_CHUNK,	   /* "bad-chunk" */
	HTTP_EXTENSION,	   /* "chunk-line-too-long" */
	HTTP_TRAILER,	   /* "bad-trailer" */
	HTTP_FAULT_N
};

struct http_fault_row {
	const char *name, *text;
	int status;
};
extern const struct http_fault_row http_faults[HTTP_FAULT_N];

struct http_field {
	const char *name, *value; /* in the head's bytes, without a NUL */
	size_t name_n, value_n;
};

struct http_request {
	char method[16];
	char target[2048]; /* as sent: a path, "?" and a query */
	int minor;	   /* of HTTP/1.x */
	bool keep;	   /* the connection is used again */
	bool chunked;
	size_t length; /* of the body, unless it is chunked */
	struct http_field fields[HTTP_FIELDS_MAX];
	size_t n_fields;
};

/* data: what came so far.  >0: length of the complete head, *out is filled; 0: more is needed; -1:
 * *why says what is wrong with it. */
int http_parse(const char *data, size_t n, struct http_request *out, enum http_fault *why);
/* The first field of this name, in any case; NULL: none. */
const struct http_field *http_find(const struct http_request *q, const char *name);
bool http_value_is(const struct http_field *f, const char *word); /* in any case; NULL: false */
/* Whether a comma-separated value has this element (parameters after ";" aside). */
bool http_value_has(const struct http_field *f, const char *element);

/* A chunked body, taken apart as it comes. Zero it before the first byte. */
struct http_chunks {
	int state;
	size_t left;  /* bytes of this chunk */
	size_t line;  /* bytes of this line */
	size_t total; /* of the body, so far */
	bool digit;
};

/* 1: the body is whole; 0: more is needed; -1: *why. *used is how many bytes of data were taken;
 * the body's bytes are added to out. */
int http_chunks(struct http_chunks *c, const char *data, size_t n, size_t *used, struct buf *out,
		enum http_fault *why);
