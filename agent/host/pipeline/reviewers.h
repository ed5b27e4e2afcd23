/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/pipeline/stages.h"
#include "agent/host/pr/proposal.h"

/*
 * Who the repository's CODEOWNERS at the base commit names for what the patch
 * touches; none where the service file names reviewers.  A file that cannot be read is a warning.
 */
int reviewers_find(struct work *w, const struct proposal *p, struct strlist *out, struct err *e);
