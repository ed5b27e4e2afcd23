/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/host/case/host_config.h"

/*
 * Keeping house in the state directory: how full it is, and whether a new case
 * may be begun.  Blocks and inodes count alike; the fuller of the two speaks.
 */
struct house_level {
	uint64_t used, of; /* bytes, of the quota or of the file system */
	unsigned percent;  /* the fuller of bytes and inodes, 0 to 100 */
	unsigned inode_percent;
};

/* What a tree takes on the disk, this file system only; a tree that is not there takes nothing. */
int house_size(const char *path, uint64_t *bytes, uint64_t *files, struct err *e);
int house_measure(const char *state, const struct host_config *c, struct house_level *out,
		  struct err *e);
/* Whether something failed for want of room: its code, or a disk that has none left. */
bool house_is_full(const char *state, int code);
/*
 * At the per cent of `collect` what nobody needs is removed (house_collect.h). 1: that was done; 0:
 * there was room enough.
 */
struct audit;
int house_tidy(const char *state, const struct host_config *c, struct audit *audit, struct err *e);
/* 1: a case may be begun; 0: the disk is too full, why says how full; <0: cannot be told. */
int house_may_start(const char *state, const struct host_config *c, char why[256], struct err *e);
