/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/host/case/service.h"
#include "runtime/base/buf.h"
#include "runtime/base/err.h"
#include "runtime/sandbox/sandbox.h"

/*
 * One backing service that runs: a member of a replica with a root, limits and
 * namespaces of its own, in which sickbay-agent keeps the service's program
 * and answers one question at a time.  Owns the sandbox; nothing is logged here.
 */
struct member;

struct member_job {
	const char *name; /* of the sandbox */
	const char *state;
	const struct service_backing *service;
	const struct strlist *image_env;
	const int *layers; /* top-most first */
	size_t n_layers;
	bool host_root, freeze;
	int agent_program;	      /* O_PATH of sickbay-agent */
	uint64_t wall_ms;	      /* it lives no longer */
	const struct sandbox *beside; /* a member that runs, or NULL */
};

#define MEMBER_STUB_FILE "/opt/sickbay/stub.json" /* where a stub's answers lie */

/* Its root, namespaces and keeper; the service's program does not run yet. */
int member_open(const struct member_job *job, struct member **out, struct err *e);
const struct sandbox *member_sandbox(const struct member *m);
const struct service_backing *member_service(const struct member *m);
/* Runs a command in it to its end; errors name the member and show its last output. */
int member_run(struct member *m, const struct strlist *argv, const struct buf *input,
	       uint64_t timeout_ms, struct err *e);
/* Starts the service's program and asks whether it is ready; the answer comes later. */
int member_begin(struct member *m, struct err *e);
int member_await(struct member *m, struct err *e);
/* Tells the program to stop and waits for the end of the member. */
int member_stop(struct member *m, struct err *e);
int member_freeze(struct member *m, int *layer, struct err *e);

int member_fd(const struct member *m); /* readable when member_step() has something to do */
/* 0: it runs; -EHOSTDOWN: it ended, and e says how, with its last output. */
int member_step(struct member *m, struct err *e);
/* What it used; it is ended where it still runs. */
const struct exit_record *member_end(struct member *m);
void member_close(struct member *m); /* NULL is fine */
