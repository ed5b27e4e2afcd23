/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "runtime/base/err.h"

/*
 * Command-line options as one table per command: parsing, usage and the test
 * that compares them with the manual read the same rows.  Long options only,
 * "--name VALUE" or "--name=VALUE"; "--" ends them; an unknown one is refused
 * with the nearest known name.
 */
enum opt_kind { OPT_FLAG, OPT_STR, OPT_U64, OPT_STRS };

struct opt {
	const char *name; /* without the dashes */
	enum opt_kind kind;
	void *out;	 /* bool *, const char **, uint64_t *, struct optlist * */
	const char *arg; /* "FILE", shown in usage; NULL for a flag */
	const char *help;
};

#define OPT_LIST_MAX 32
struct optlist {
	const char *v[OPT_LIST_MAX];
	size_t n;
};

/*
 * Parses argv[1..]; operands keep their order in argv[1..*n_operands].
 * stop_at_operand: the first operand ends the options (run -- CMD).
 * -EINVAL with the reason in e; -ECANCELED when "--help" was given and the options were printed.
 */
int opt_parse(const struct opt *opts, bool stop_at_operand, int argc, char **argv, int *n_operands,
	      struct err *e);
void opt_usage(const struct opt *opts, FILE *to);
