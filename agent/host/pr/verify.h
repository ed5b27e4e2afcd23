/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/pr/export.h"
#include "agent/host/pr/proposal.h"

/*
 * Checks an exported case with nothing but the archive and, where it is given,
 * the public key to believe.  Every check that fails is named; one that cannot
 * be made because another failed is left out.
 */
struct check {
	const char *name; /* "archive", "log", "records", ... */
	bool holds;
	char *says; /* owned */
};

struct checking {
	struct bundle b;
	uint64_t mtime;
	char digest[65]; /* of the tar as it came */
	char *case_id;	 /* owned; NULL: export.json says none */
	bool raw;
	json_t *slice;	   /* what sickbay-audit said of the slice; NULL: it does not hold */
	json_t *events;	   /* the case's records of the log, in order; NULL as above */
	struct proposal p; /* with the records that could be read */
	struct check *v;
	size_t n;
	bool failed, reworded; /* by another build of ours */
};

void checking_release(struct checking *c);
/* key: an fd of a public key's file, -1: none.  <0 only when nothing can be told. */
int verify_export(struct checking *c, int fd, const char *name, int key, struct err *e);

/* ---- between the files of the check ---- */
void check_ok(struct checking *c, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void check_fail(struct checking *c, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void digest_hex(const void *data, size_t n, char out[65]);
void verify_records(struct checking *c);
void verify_policies(struct checking *c);
void verify_ledger(struct checking *c);
void verify_proof(struct checking *c);
void verify_pull_request(struct checking *c);
