/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/base/err.h"

/*
 * The certificates that servers are checked against, read once while files can
 * still be opened.  Owned by the trust until trust_close().
 */
struct trust;

/* path: a PEM file of the operator's; NULL: the system's. */
int trust_open(const char *path, struct trust **out, struct err *e);
void trust_close(struct trust *t); /* NULL is fine */

/* Makes a libcurl handle check with these and nothing else. */
int trust_use(struct trust *t, void *easy, struct err *e);
