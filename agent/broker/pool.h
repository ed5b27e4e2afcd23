/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <curl/curl.h>
#include <stdint.h>

#include "runtime/base/err.h"

/*
 * The connections of one endpoint, kept for the next call: a libcurl multi
 * handle of its own, since connections that were verified by one endpoint's
 * certificates must not serve another's.  Its sockets are in the loop's epoll,
 * with data.u64 = index << 32 | fd.
 */
struct pool;

int pool_open(int epoll, uint32_t index, struct pool **out, struct err *e);
void pool_close(struct pool *p); /* every handle was removed; NULL is fine */

int pool_add(struct pool *p, CURL *easy, struct err *e);
void pool_remove(struct pool *p, CURL *easy);
/* A socket of it is ready. */
int pool_event(struct pool *p, int fd, uint32_t events, struct err *e);
/* When pool_step() is due, as clock_mono_ns(); UINT64_MAX: never. */
uint64_t pool_due(const struct pool *p);
int pool_step(struct pool *p, uint64_t now, struct err *e);
/* A transfer that ended; NULL: none. */
CURL *pool_done(struct pool *p, CURLcode *code);
