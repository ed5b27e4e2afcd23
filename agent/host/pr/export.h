/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/bundle.h"
#include "agent/host/case/case.h"

/*
 * A case as one archive that is checked far from here (export) and the check
 * (verify).  Its files:
 *
 *     export.json                  {"schema","case","raw"}
 *     records/N-STAGE.json         the records, byte for byte
 *     records/ledger.ndjson        what was spent
 *     policies/ROLE.json           the effective policy of each role
 *     pr.md fix.patch              the pull request, where there is one
 *     audit/slice                  runtime/audit/slice.h
 *     raw/SHA256                   raw reports, only where they were asked for
 */
#define EXPORT_SCHEMA "sickbay.export/1"
#define EXPORT_HEAD   "export.json"
#define EXPORT_SLICE  "audit/slice"
#define EXPORT_RAW    "raw/"

/* The text of export.json. */
char *export_head(const char *case_id, bool raw);
/* The name of a record in the archive. */
void export_record_name(int stage, char out[64]);
/* The seconds that the archive's files are given: when the case began. */
int export_mtime(const json_t *incident_record, uint64_t *out, struct err *e);
/* Everything but the slice of the log. */
int export_case(const char *state, const struct kase *k, bool raw, struct bundle *out,
		uint64_t *mtime, struct err *e);
