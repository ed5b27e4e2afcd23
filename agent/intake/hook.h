/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/proto/broker_forge.h"
#include "runtime/proto/intake.h"

/*
 * Webhooks of forges: which one a path stands for, and whether a request is that
 * forge's, by the secret that both know.  Nothing here looks into a body.
 * Sources: GitHub's documentation ("Validating webhook deliveries"), GitLab's
 * (secret token, and signing token, which follows Standard Webhooks 1.0.0),
 * Gitea's and Forgejo's ("Webhooks").  The age of a delivery is not judged: one
 * that comes again makes the host look at the forge again, and nothing else.
 */
#define HOOK_PATH    "/forge/"
#define HOOK_KEY_MIN 16 /* bytes: what is shorter can be guessed */

struct hook;

/* Reads the secret. *out: release it with hook_close(). */
int hook_open(const struct intake_hook *said, int fd, struct hook **out, struct err *e);
void hook_close(struct hook *h); /* wipes; NULL is fine */
/* Its place among the host's forges, and what its payloads are: enum intake_kind. */
uint64_t hook_place(const struct hook *h);
int hook_kind(const struct hook *h);
/* The one that a path stands for (HOOK_PATH and a name); -1: none. */
int hook_find(struct hook *const *v, size_t n, const char *path);

/* The value of a request's header, or NULL. */
typedef const char *hook_header(void *ctx, const char *name);
/* Whether it shows anything that could prove who sends it: without, no body has to be read. */
bool hook_shows_proof(const struct hook *h, hook_header *header, void *ctx);
/* Whether the proof is good for this body, compared in constant time. */
bool hook_is_genuine(const struct hook *h, hook_header *header, void *ctx, const void *body,
		     size_t n);
/* NULL: an event that may be about a pull request; else the name of one that is not. */
const char *hook_ignores(const struct hook *h, hook_header *header, void *ctx);
