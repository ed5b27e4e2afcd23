/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/testrun/backing.h"
#include "agent/host/testrun/member.h"
#include "runtime/base/sha256.h"

/* Shared by the files that open, prepare and start backing services; nobody else includes it. */
#define MEMBERS_MAX   16
#define MEMBER_LAYERS 64

struct backing_one {
	const struct service_backing *service;
	struct image image;
	struct layer_fds image_layers;
	int packages; /* layer fd; -1: none */
	char packages_id[80];
	struct change_layer own; /* its working directory, given to its user */
	struct change_layer stub[SIDE_N];
	char stub_sha256[SIDE_N][SHA256_HEX];
	int prepared[SIDE_N]; /* layer fd; -1: there is nothing to prepare */
	char prepared_id[SIDE_N][80];
};

struct backing {
	struct change_layer hosts;
	size_t n;
	struct backing_one v[];
};

struct members {
	struct world *world;
	struct member *v[MEMBERS_MAX];
	size_t n;
	char replica[40];
	uint64_t wall_ms;
};

int backing_input(struct world *w, int side, const char *name, struct buf *out, struct err *e);
int backing_put_stub(struct world *w, struct backing_one *o, int side, struct err *e);

struct members *members_new(struct world *w, const char *replica, uint64_t wall_ms);
/* bare: from its packages alone, and to be frozen. */
int members_add(struct members *m, const struct backing_one *o, int side, bool bare, struct err *e);
/* Starts the programs of all and waits until they are ready. */
int members_ready(struct members *m, struct err *e);
int members_log_one(struct world *w, const struct backing_one *o, const char *replica, int side,
		    struct err *e);
