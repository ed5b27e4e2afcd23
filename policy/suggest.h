/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/policy.h"

/*
 * The narrowest change of a policy's text that takes back one refusal, as an
 * operation of a JSON Patch (RFC 6902) on the document that refuses.  Only
 * files can be changed: the floor, presets and a repository's own policy are
 * not the operator's to widen, and -ENOTSUP says so.
 *
 * path: what was refused, where the rule is about a path.
 * *file: the document, as it was named when it was read; *op: new reference.
 */
int policy_remedy(const struct policy *p, const struct policy_verdict *v, const char *path,
		  char file[256], json_t **op, struct err *e);
/* Applies one operation of policy_remedy() to a document. */
int policy_remedy_apply(json_t *document, const json_t *op, struct err *e);
/* The text of a document that the policy was read from, without comments; NULL: no such source. */
json_t *policy_document(const struct policy *p, const char *file);
