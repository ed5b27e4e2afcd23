/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/host/cli/cli.h"
#include "runtime/base/jmap.h"
#include "runtime/base/log.h"
#include "runtime/proto/audit.h"

static const struct command commands[] = {
	{ "audit", cmd_audit, "show|verify|prove|check|key|rotate-key ...",
	  "the tamper-evident log" },
	{ "forge", cmd_forge, "poll ...", "how proposals stand where they were made" },
	{ "notify", cmd_notify, "send ...", "tells the webhook what waits to be told" },
	{ "image", cmd_image, "import|list|inspect|prepare|remove ...",
	  "what replicas are made of" },
	{ "incident", cmd_incident, "convert|check|submit|list ...", "what production reported" },
	{ "intake", cmd_intake, "serve|token ...", "take reports in from services and monitors" },
	{ "run", cmd_run, "--image NAME [OPTION...] -- CMD...", "run one program in a replica" },
	{ "service", cmd_service, "init|check|list|show|promote ...",
	  "what is healed, and whether it can be" },
	{ "policy", cmd_policy, "check|explain|diff|suggest ...", "what an agent may do" },
	{ "heal", cmd_heal, "INCIDENT --service NAME|FILE",
	  "from an incident to a proven pull request" },
	{ "case", cmd_case, "list|show|resume|cancel", "cases and their records" },
	{ "raw", cmd_raw, "list|show|erase|expire ...", "what production said, kept apart" },
	{ "stats", cmd_stats, "[--service NAME] [--since WHEN]",
	  "how often it was right, and what it cost" },
	{ "pause", cmd_pause, "[--service NAME | --all --reason TEXT]",
	  "stop repairs now; without options: what is paused" },
	{ "unpause", cmd_unpause, "--service NAME | --all", "go on" },
	{ "worker", cmd_worker, "[--once|--drain] [--parallel N]",
	  "takes what is queued and repairs it" },
	{ "storm", cmd_storm, "list|resume ...", "many new incidents at one time" },
	{ "status", cmd_status, "[--json|--prometheus FILE]", "how this host stands" },
	{ "df", cmd_df, "[--json] [--state DIR]", "what takes the space" },
	{ "gc", cmd_gc, "[--dry-run] [--json] [--state DIR]", "remove what is needed no more" },
	{ "doctor", cmd_doctor, "[--json] [--state DIR]", "what this host can and cannot do" },
	{ "version", cmd_version, "", "print the version" },
	{ 0 },
};

int cmd_version(int argc, char **argv, struct err *e)
{
	(void)argv;
	if (argc > 1)
		return cli_usage(e, "version takes no arguments");
	(void)puts("sickbay " SICKBAY_VERSION);
	return CLI_OK;
}

int cli_usage(struct err *e, const char *fmt, ...)
{
	char msg[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	(void)err_set(e, EINVAL, "%s", msg);
	return CLI_USAGE;
}

static void print_table(const struct command *table, const char *group, FILE *to)
{
	(void)fprintf(to, "usage: sickbay %s%sCOMMAND ...\n\n", group, *group ? " " : "");
	for (; table->name; table++)
		(void)fprintf(to, "  %s%s%-11s %-44s %s\n", group, *group ? " " : "", table->name,
			      table->args, table->help);
}

static int unknown_command(const struct command *table, const char *group, const char *name,
			   struct err *e)
{
	const char *words[32], *near;
	size_t n = 0;

	for (; n < 32 && table[n].name; n++)
		words[n] = table[n].name;
	near = word_nearest(name, words, n);
	if (near)
		return cli_usage(e, "unknown command '%s%s%s'; did you mean '%s'?", group,
				 *group ? " " : "", name, near);
	return cli_usage(e, "unknown command '%s%s%s'", group, *group ? " " : "", name);
}

int cli_dispatch(const struct command *table, const char *group, int argc, char **argv,
		 struct err *e)
{
	if (argc < 2) {
		print_table(table, group, stderr);
		return CLI_USAGE;
	}
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0) {
		print_table(table, group, stdout);
		return CLI_OK;
	}
	for (const struct command *c = table; c->name; c++)
		if (strcmp(c->name, argv[1]) == 0)
			return c->run(argc - 1, argv + 1, e);
	return unknown_command(table, group, argv[1], e);
}

/* The kernel starts a handler of cores with standard input alone: what is opened next must not
 * become where messages are written. */
static void open_standard(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			_exit(CLI_FAILED);
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	int status;

	open_standard();
	(void)signal(SIGPIPE, SIG_IGN);
	log_set("sickbay", LOG_INFO);
	audit_witness_by(cli_witness);
	status = cli_dispatch(commands, "", argc, argv, &e);
	log_progress_end();
	if (e.code == ECANCELED && status == CLI_USAGE) /* help was asked for, and printed */
		e.code = status = CLI_OK;
	if (e.code)
		(void)fprintf(stderr, "sickbay: %s\n", e.msg);
	if (fflush(stdout) != 0 && status == CLI_OK) {
		(void)fprintf(stderr, "sickbay: cannot write the output\n");
		status = CLI_FAILED;
	}
	return status;
}
