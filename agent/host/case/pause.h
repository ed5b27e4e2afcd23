/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "runtime/base/err.h"
#include "runtime/proto/audit.h"

/*
 * What the operator stopped: one file a scope in STATE/pause, all.json or
 * service-NAME.json, and its presence is the pause.  Pausing works when the disk
 * is full and the log cannot be written: a file that was reserved beforehand is
 * overwritten in place and renamed, which needs no block and no inode; where
 * none is reserved any more, one bit of the directory's mode pauses everything.
 * What the log is owed is kept in the file and paid by pause_settle().
 */
#define PAUSE_WHY 256 /* bytes of a reason, with the NUL; longer ones are cut */

/* 1: paused, why filled ("all: REASON" or "NAME: REASON"); 0: not; <0: unknown, so do not start
 * anything. A few system calls. service NULL: only what pauses everything. */
int pause_active(const char *state, const char *service, char why[PAUSE_WHY], struct err *e);
/* In effect when it returns 0. service NULL: everything. Also pauses what is paused already, for
 * the new reason. Owed to the log until pause_settle(). 1: everything was paused though one service
 * was meant, since nothing more could be written. */
int pause_set(const char *state, const char *service, const char *why, struct err *e);
/* The log first (pause.clear), then the file. -ENOENT when it was not paused. */
int pause_clear(const char *state, const char *service, struct audit *a, struct err *e);
/* Writes the events that the log is owed (pause.set): before anything else is started. */
int pause_settle(const char *state, struct audit *a, struct err *e);
/* Makes the directory and the files in reserve; needs space. */
int pause_reserve(const char *state, struct err *e);
/* [{"service":name|null,"why","since","login_uid","owed":bool}], sorted by file name. */
int pause_list(const char *state, json_t **out, struct err *e);
