/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

/*
 * Names of hosts, looked up by a process of its own that has no key, is
 * confined to what the C library's resolver reads, and forks once a name: so
 * the broker itself needs no thread and no file.
 */
#define RESOLVE_HOST 256
#define RESOLVE_TEXT 512

struct resolve_answer {
	uint32_t id;
	char host[RESOLVE_HOST];
	char addresses[RESOLVE_TEXT]; /* "192.0.2.1,[2001:db8::1]"; "": it failed */
	char why[128];
};

/* Forks the process, before any key is read; *sock is a SOCK_SEQPACKET. */
int resolve_start(int *sock, struct err *e);
/* -EAGAIN: too many are under way. */
int resolve_ask(int sock, uint32_t id, const char *host, struct err *e);
/* 1: *out; 0: none is there; -ECHILD: the process ended. */
int resolve_take(int sock, struct resolve_answer *out, struct err *e);
