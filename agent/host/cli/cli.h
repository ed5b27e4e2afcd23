/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "runtime/base/err.h"

/*
 * The command line: one file a command, one row a command in main.c.  A
 * command gets argv[0] = its own name, returns its exit status, and prints
 * nothing about a failure itself: it fills e and main() prints it.
 */
enum cli_status {
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_CLOSED = 3,	   /* the case ended without reaching its goal; the outcome says how */
	CLI_SCOPE = 4,	   /* needs-scope, or a policy was refused at load */
	CLI_SANDBOX = 125, /* the sandbox could not be built */
};

#define CLI_STATE_DEFAULT "/var/lib/sickbay"

struct kase;
struct pull_host;

struct command {
	const char *name;
	int (*run)(int argc, char **argv, struct err *e);
	const char *args, *help;
};

/* Rows that end with one without a name; used by the groups ("image", "case", ...) too. */
int cli_dispatch(const struct command *table, const char *group, int argc, char **argv,
		 struct err *e);
/* Fills e with a usage error and returns CLI_USAGE. */
int cli_usage(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

extern const char *cli_config; /* the host configuration that was named; NULL: the default */
/* Where the host configuration wants the log's checkpoints kept; an audit_witness_fn. */
int cli_witness(char **path, struct err *e);

int cmd_audit_rotate(int argc, char **argv, struct err *e);
int cmd_audit_revoke(int argc, char **argv, struct err *e);
/*
 * For what starts replicas and is no case: refuses while all, or the service (may be NULL), is
 * paused, and then freezes with the rest until cli_hold_end(). CLI_OK, or the status to exit with.
 */
struct audit;
int cli_hold(const char *state, const char *service, struct audit *audit, struct err *e);
void cli_hold_end(void);

int cmd_audit(int argc, char **argv, struct err *e);
int cmd_image_pull(int argc, char **argv, struct err *e);
/* `doctor --forge`. */
int cli_forge_check(const char *config_file, const char *name, bool json, struct err *e);
/* Closes the pull request of a case where that is owed (pull_pay()); `service` of h is read here.
 */
int cli_forge_pay(const struct pull_host *h, const struct kase *k, char why[512], struct err *e);
int cmd_forge(int argc, char **argv, struct err *e);
int cmd_notify(int argc, char **argv, struct err *e);
int cmd_image(int argc, char **argv, struct err *e);
int cmd_incident(int argc, char **argv, struct err *e);
int cmd_intake(int argc, char **argv, struct err *e);
int cmd_intake_read(int argc, char **argv, struct err *e);
int cmd_run(int argc, char **argv, struct err *e);
int cmd_policy(int argc, char **argv, struct err *e);
int cmd_heal(int argc, char **argv, struct err *e);
int cmd_pause(int argc, char **argv, struct err *e);
int cmd_unpause(int argc, char **argv, struct err *e);
int cmd_stats(int argc, char **argv, struct err *e);
int cmd_case_decide(int argc, char **argv, struct err *e);
int cmd_case_audit(int argc, char **argv, struct err *e);
int cmd_case(int argc, char **argv, struct err *e);
int cmd_service(int argc, char **argv, struct err *e);
int cmd_raw(int argc, char **argv, struct err *e);
int cmd_case_export(int argc, char **argv, struct err *e);
int cmd_case_verify(int argc, char **argv, struct err *e);
int cmd_worker(int argc, char **argv, struct err *e);
int cmd_storm(int argc, char **argv, struct err *e);
int cmd_status(int argc, char **argv, struct err *e);
int incident_submit_run(int argc, char **argv, struct err *e);
int incident_list_run(int argc, char **argv, struct err *e);
int cmd_case_refresh(int argc, char **argv, struct err *e);
int cmd_df(int argc, char **argv, struct err *e);
int cmd_gc(int argc, char **argv, struct err *e);
int cmd_doctor(int argc, char **argv, struct err *e);
int cmd_version(int argc, char **argv, struct err *e);
