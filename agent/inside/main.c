/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "agent/inside/inspect.h"
#include "agent/inside/loop.h"
#include "runtime/proto/gate.h"

/*
 * sickbay-agent: the program that runs inside replicas.  Without arguments an
 * agent that speaks to the gate; with --inspect one question about source text.
 */
int main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	int r;

	if (argc == 1) {
		r = agent_loop(GATE_FD, &e);
	} else if (argc > 2 && strcmp(argv[1], "--inspect") == 0) {
		r = inspect_run(argc - 2, argv + 2, stdout, &e);
	} else {
		(void)fprintf(stderr, "usage: sickbay-agent [--inspect WHAT [ARG...]]\n");
		return 2;
	}
	if (r < 0)
		(void)fprintf(stderr, "sickbay-agent: %s\n", e.msg);
	return r < 0;
}
