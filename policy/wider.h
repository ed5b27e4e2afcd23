/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/policy.h"

/*
 * Whether one policy allows what another does not.  Exact for paths, commands,
 * system calls and numbers: each kind of question is decided for every
 * possible argument, and each row names one that B allows and A refuses (or
 * records).  An expression of filesystem.mask or environment.redact that A
 * has and B does not count as wider: two expressions are not compared.
 * environment.set states values, no permission, and is not looked at.
 *
 * *rows: [{"what","witness","a","b"}], new reference; empty: B is the same or narrower.
 */
int policy_wider(const struct policy *a, const struct policy *b, json_t **rows, struct err *e);
