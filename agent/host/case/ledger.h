/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/case.h"
#include "agent/host/case/money.h"

/*
 * ledger.ndjson, line by line.  A line that a crash cut short was never
 * acknowledged to anybody and counts for nothing.
 *
 * Lines are flat: what is cut cannot end as a whole one does.
 * A call to a model takes two lines.  Before it is sent
 *     {"what":"model.reserve","call":ID,"role","model","request",
 *      "most_input":N,"most_output":N,"most_usd":TEXT}
 * and once it has ended
 *     {"what":"model","call":ID,"role","model","kind","usd":TEXT,"estimated":bool,
 *      "tokens":N,"input_tokens":N,"output_tokens":N,"turns":0|1}
 */
#define LEDGER_RESERVE "model.reserve"
#define LEDGER_MODEL   "model"

typedef int ledger_fn(void *ctx, const json_t *line, struct err *e);

int ledger_each(const struct kase *k, ledger_fn *f, void *ctx, struct err *e);
/* case_spend(), on the disk when it returns. The line stays the caller's. */
int ledger_commit(const struct kase *k, const json_t *line, struct err *e);
/* key: "usd" or "most_usd". -EBADMSG: it is no amount. */
int ledger_usd(const json_t *line, const char *key, money *out, struct err *e);
const char *ledger_text(const json_t *line, const char *key); /* "" where there is none */
