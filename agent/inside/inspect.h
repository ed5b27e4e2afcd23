/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

#include "runtime/base/err.h"

/*
 * `sickbay-agent --inspect WHAT ...`: questions about source text that the
 * host asks in a fresh replica in which no agent runs.  argv[0] is WHAT
 * (mutants, variants, weakening, outline), its arguments follow; one JSON
 * document goes to `out`.  0 or -errno, with the reason in e.
 */
int inspect_run(int argc, char **argv, FILE *out, struct err *e);
