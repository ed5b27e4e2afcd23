/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

#include "agent/host/cli/cli.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/opt.h"
#include "runtime/base/spawn.h"
#include "runtime/proto/audit.h"

/*
 * Reading the log is sickbay-audit's work: it runs under the log's own uid,
 * gets what the operator named as descriptors, and writes to our own output.
 */
struct reading {
	char *argv[8];
	const char *state, *key, *file; /* NULL: not given */
};

static int open_log(const char *state, struct err *e)
{
	AUTO_CLOSE int parent = -1;

	if (access(state, F_OK) < 0)
		return err_set(e, ENOENT, "there is no audit log in '%s' yet", state);
	parent = fd_open_dir(state, e);
	if (parent < 0)
		return parent;
	if (faccessat(parent, "audit", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, ENOENT, "there is no audit log in '%s' yet", state);
	return fd_open_beneath(parent, "audit", O_RDONLY | O_DIRECTORY, 0, e);
}

static int open_named(const char *path, int *fd, struct err *e)
{
	if (!path)
		return 0;
	*fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	return *fd < 0 ? err_sys(e, "cannot open '%s'", path) : 0;
}

static int run(struct reading *in, struct err *e)
{
	AUTO_CLOSE int dir = -1;
	AUTO_CLOSE int key = -1;
	AUTO_CLOSE int file = -1;
	const uid_t uid = geteuid() == 0 ? AUDIT_UID : 0;
	char path[PATH_MAX];
	int fds[4][2] = { { STDOUT_FILENO, STDOUT_FILENO } };
	struct spawn s = { .path = path, .argv = in->argv, .uid = uid, .gid = uid, .n_fds = 1 };
	int status;
	pid_t pid;

	if (in->state) {
		dir = open_log(in->state, e);
		if (dir < 0)
			return CLI_FAILED;
	}
	if (open_named(in->key, &key, e) < 0 || open_named(in->file, &file, e) < 0)
		return CLI_FAILED;
	const int given[][2] = { { dir, AUDIT_FD_DIR },
				 { key, AUDIT_FD_KEY },
				 { file, AUDIT_FD_FILE } };

	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
		if (given[i][0] >= 0)
			memcpy(fds[s.n_fds++], given[i], sizeof(given[i]));
	s.fds = (const int(*)[2])fds;
	(void)fflush(stdout);
	if (spawn_sibling("sickbay-audit", path, sizeof(path), e) < 0 ||
	    spawn_start(&s, &pid, e) < 0 || spawn_wait(pid, &status, e) < 0)
		return CLI_FAILED;
	if (status > 128)
		(void)err_set(e, EIO, "sickbay-audit was killed by signal %d", status - 128);
	return status == 0 ? CLI_OK : CLI_FAILED; /* it has said why */
}

/* Options, then exactly so many operands. */
static int parse(const struct opt *opts, int operands, int argc, char **argv, struct err *e)
{
	int n = 0;

	if (opt_parse(opts, false, argc, argv, &n, e) < 0)
		return CLI_USAGE;
	if (n != operands)
		return cli_usage(e, "audit %s takes %d operand%s", argv[0], operands,
				 operands == 1 ? "" : "s");
	return CLI_OK;
}

#define STATE_OPT(var)                                             \
	{                                                          \
		"state", OPT_STR, &(var), "DIR", "state directory" \
	}

static char *verb(const char *s) /* argv wants char *; nothing writes to it */
{
	return (char *)(uintptr_t)s;
}

static int audit_show(int argc, char **argv, struct err *e)
{
	struct reading in = { .state = CLI_STATE_DEFAULT,
			      .argv = { verb("sickbay-audit"), verb("show") } };
	const char *case_id = NULL;
	bool json = false;
	const struct opt opts[] = {
		{ "case", OPT_STR, &case_id, "CASE", "only what belongs to this case" },
		{ "json", OPT_FLAG, &json, NULL, "the records as they are in the log" },
		STATE_OPT(in.state),
		{ 0 },
	};
	const int status = parse(opts, 0, argc, argv, e);
	size_t n = 2;

	if (status != CLI_OK)
		return status;
	if (case_id) {
		in.argv[n++] = verb("--case");
		in.argv[n++] = verb(case_id);
	}
	if (json)
		in.argv[n++] = verb("--json");
	return run(&in, e);
}

static int audit_verify(int argc, char **argv, struct err *e)
{
	struct reading in = { .state = CLI_STATE_DEFAULT,
			      .argv = { verb("sickbay-audit"), verb("verify") } };
	bool json = false;
	const struct opt opts[] = {
		{ "key", OPT_STR, &in.key, "FILE",
		  "public key to believe instead of the log's own copy" },
		{ "from", OPT_STR, &in.file, "FILE",
		  "a checkpoint kept elsewhere that the log must contain" },
		{ "json", OPT_FLAG, &json, NULL, "print one object" },
		STATE_OPT(in.state),
		{ 0 },
	};
	const int status = parse(opts, 0, argc, argv, e);
	size_t n = 2;

	if (status != CLI_OK)
		return status;
	if (in.key)
		in.argv[n++] = verb("--key");
	if (in.file)
		in.argv[n++] = verb("--from");
	if (json)
		in.argv[n++] = verb("--json");
	return run(&in, e);
}

static int audit_prove(int argc, char **argv, struct err *e)
{
	struct reading in = { .state = CLI_STATE_DEFAULT,
			      .argv = { verb("sickbay-audit"), verb("prove") } };
	const struct opt opts[] = { STATE_OPT(in.state), { 0 } };
	const int status = parse(opts, 1, argc, argv, e);

	if (status != CLI_OK)
		return status;
	in.argv[2] = argv[1];
	return run(&in, e);
}

static int audit_check(int argc, char **argv, struct err *e)
{
	struct reading in = { .argv = { verb("sickbay-audit"), verb("check") } };
	const struct opt opts[] = {
		{ "key", OPT_STR, &in.key, "FILE",
		  "the log's public key, as 'audit key' prints it" },
		{ 0 },
	};
	const int status = parse(opts, 1, argc, argv, e);

	if (status != CLI_OK)
		return status;
	if (!in.key)
		return cli_usage(e, "audit check needs '--key FILE': a proof is worth its key");
	in.file = argv[1];
	return run(&in, e);
}

static int audit_key(int argc, char **argv, struct err *e)
{
	struct reading in = { .state = CLI_STATE_DEFAULT,
			      .argv = { verb("sickbay-audit"), verb("key") } };
	const struct opt opts[] = { STATE_OPT(in.state), { 0 } };
	const int status = parse(opts, 0, argc, argv, e);

	return status == CLI_OK ? run(&in, e) : status;
}

/* In the foreground, as a service manager wants it, until it is told to end. */
static int audit_serve(int argc, char **argv, struct err *e)
{
	const char *state = CLI_STATE_DEFAULT;
	const struct opt opts[] = { STATE_OPT(state), { 0 } };
	const int status = parse(opts, 0, argc, argv, e);
	AUTO_CLOSE int stop = -1;
	sigset_t set;

	if (status != CLI_OK)
		return status;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	stop = signalfd(-1, &set, SFD_CLOEXEC);
	if (stop < 0) {
		(void)err_sys(e, "watch for signals");
		return CLI_FAILED;
	}
	return audit_listen(state, stop, e) < 0 ? CLI_FAILED : CLI_OK;
}

int cmd_audit(int argc, char **argv, struct err *e)
{
	static const struct command table[] = {
		{ "show", audit_show, "[--case CASE] [--json]", "print the records" },
		{ "verify", audit_verify, "[--key FILE] [--from CHECKPOINT] [--json]",
		  "name the first record that was changed" },
		{ "prove", audit_prove, "SEQ", "print a proof that this record is in the log" },
		{ "check", audit_check, "--key FILE PROOF", "check such a proof, anywhere" },
		{ "key", audit_key, "", "print the log's public key" },
		{ "serve", audit_serve, "", "hold the log open for every other command" },
		{ 0 },
	};

	return cli_dispatch(table, "audit", argc, argv, e);
}
