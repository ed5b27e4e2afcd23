/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/inside/exec.h"
#include "agent/inside/inspect.h"
#include "agent/inside/loop.h"
#include "agent/inside/mcp.h"
#include "agent/inside/member.h"
#include "agent/inside/stub.h"
#include "runtime/proto/gate.h"
#include "runtime/proto/member.h"

/*
 * sickbay-agent: the program that runs inside replicas.  Without arguments an
 * agent that speaks to the gate; with --inspect one question about source text;
 * with --member the keeper of a backing service; with --stub such a service;
 * with --mcp the gate's tools for clients that start their servers.
 */
static int run(int argc, char **argv, int *status, struct err *e)
{
	if (argc == 1)
		return agent_loop(GATE_FD, e);
	if (argc > 2 && strcmp(argv[1], "--inspect") == 0)
		return inspect_run(argc - 2, argv + 2, stdout, e);
	if (argc == 2 && strcmp(argv[1], "--member") == 0)
		return member_loop(MEMBER_FD, status, e);
	if (argc == 5 && strcmp(argv[1], "--stub") == 0)
		return stub_run(argv[2], argv[3], argv[4], e);
	if (argc > 3 && strcmp(argv[1], "--exec") == 0)
		return exec_run(argv[2], argv + 3, status, e);
	if (argc == 3 && strcmp(argv[1], "--mcp") == 0)
		return mcp_bridge(argv[2], STDIN_FILENO, STDOUT_FILENO, e);
	*status = 2;
	return err_set(e, EINVAL,
		       "usage: sickbay-agent [--inspect WHAT [ARG...] | --member | --stub ADDRESS "
		       "PORT FILE | --exec DIR PROGRAM [ARG...] | --mcp URL]");
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	int status = 0;

	if (run(argc, argv, &status, &e) < 0) {
		(void)fprintf(stderr, "sickbay-agent: %s\n", e.msg);
		return status ? status : 1;
	}
	return status;
}
