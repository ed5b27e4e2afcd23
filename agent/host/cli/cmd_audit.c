/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

#include "agent/host/cli/cli.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/opt.h"
#include "runtime/proto/audit.h"
#include "runtime/proto/audit_read.h"

/* What the verbs that read take: what the operator named, and the words for sickbay-audit. */
struct reading {
	const char *words[AUDIT_WORDS];
	size_t n;
	const char *state, *key, *file, *witness; /* NULL: not given */
};

#define STATE_OPT(var)                                             \
	{                                                          \
		"state", OPT_STR, &(var), "DIR", "state directory" \
	}

static void say(struct reading *in, const char *word)
{
	in->words[in->n++] = word;
}

static void say_if(struct reading *in, bool given, const char *word)
{
	if (given)
		say(in, word);
}

static int open_named(const char *path, int *fd, struct err *e)
{
	if (!path)
		return 0;
	*fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	return *fd < 0 ? err_sys(e, "cannot open '%s'", path) : 0;
}

/* A file of checkpoints, or the directory that has one under the name it is given there. */
static int open_witness(const char *path, int *fd, struct err *e)
{
	AUTO_CLOSE int dir = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (dir < 0)
		return open_named(path, fd, e);
	*fd = openat(dir, AUDIT_WITNESS_FILE, O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	return *fd < 0 ? err_sys(e, "cannot open '%s/%s'", path, AUDIT_WITNESS_FILE) : 0;
}

static int run_into(const struct reading *in, struct buf *out, struct err *e)
{
	AUTO_CLOSE int dir = in->state ? audit_log_dir(in->state, e) : -1;
	AUTO_CLOSE int key = -1;
	AUTO_CLOSE int file = -1;
	AUTO_CLOSE int witness = -1;
	struct audit_reading r;
	int status = 0;

	if ((in->state && dir < 0) || open_named(in->key, &key, e) < 0 ||
	    open_named(in->file, &file, e) < 0 || open_witness(in->witness, &witness, e) < 0)
		return CLI_FAILED;
	r = (struct audit_reading){ .dir = dir, .key = key, .file = file, .witness = witness };
	memcpy(r.words, in->words, sizeof(r.words));
	if (audit_read(&r, out, &status, e) < 0)
		return CLI_FAILED;
	return status == 0 ? CLI_OK : CLI_FAILED; /* it has said why */
}

static int run(const struct reading *in, struct err *e)
{
	return run_into(in, NULL, e);
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

static int audit_show(int argc, char **argv, struct err *e)
{
	struct reading in = { .state = CLI_STATE_DEFAULT };
	const char *case_id = NULL;
	bool json = false;
	const struct opt opts[] = {
		{ "case", OPT_STR, &case_id, "CASE", "only what belongs to this case" },
		{ "json", OPT_FLAG, &json, NULL, "the records as they are in the log" },
		STATE_OPT(in.state),
		{ 0 },
	};
	const int status = parse(opts, 0, argc, argv, e);

	if (status != CLI_OK)
		return status;
	say(&in, "show");
	say_if(&in, case_id, "--case");
	say_if(&in, case_id, case_id);
	say_if(&in, json, "--json");
	return run(&in, e);
}

static int audit_verify(int argc, char **argv, struct err *e)
{
	struct reading in = { .state = CLI_STATE_DEFAULT };
	bool json = false;
	const struct opt opts[] = {
		{ "key", OPT_STR, &in.key, "FILE",
		  "public key to believe instead of the log's own copy" },
		{ "from", OPT_STR, &in.file, "FILE",
		  "a checkpoint kept elsewhere that the log must contain" },
		{ "against", OPT_STR, &in.witness, "PATH",
		  "a witness: a file of checkpoints, or its directory" },
		{ "json", OPT_FLAG, &json, NULL, "print one object" },
		STATE_OPT(in.state),
		{ 0 },
	};
	const int status = parse(opts, 0, argc, argv, e);

	if (status != CLI_OK)
		return status;
	say(&in, "verify");
	say_if(&in, in.key, "--key");
	say_if(&in, in.file, "--from");
	say_if(&in, in.witness, "--against");
	say_if(&in, json, "--json");
	return run(&in, e);
}

/* Of one record that it is in the log, or of the log that it only grew since a checkpoint. */
static int audit_prove(int argc, char **argv, struct err *e)
{
	struct reading in = { .state = CLI_STATE_DEFAULT };
	const struct opt opts[] = {
		{ "since", OPT_STR, &in.file, "FILE",
		  "a checkpoint: prove that the log only grew from it" },
		STATE_OPT(in.state),
		{ 0 },
	};
	int n = 0;

	if (opt_parse(opts, false, argc, argv, &n, e) < 0)
		return CLI_USAGE;
	if (n != (in.file ? 0 : 1))
		return cli_usage(e, "audit prove takes %s",
				 in.file ? "no record beside '--since'"
					 : "1 operand: a record's number, or '--since FILE'");
	say(&in, in.file ? "slice" : "prove");
	say(&in, in.file ? "--earlier" : argv[1]);
	return run(&in, e);
}

static int audit_check(int argc, char **argv, struct err *e)
{
	struct reading in = { .n = 0 };
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
	say(&in, "check");
	return run(&in, e);
}

static int audit_key(int argc, char **argv, struct err *e)
{
	struct reading in = { .state = CLI_STATE_DEFAULT };
	bool all = false, json = false;
	const struct opt opts[] = {
		{ "all", OPT_FLAG, &all, NULL, "the keys of all epochs, and which were revoked" },
		{ "json", OPT_FLAG, &json, NULL, "the same as an array" },
		STATE_OPT(in.state),
		{ 0 },
	};
	const int status = parse(opts, 0, argc, argv, e);

	if (status != CLI_OK)
		return status;
	say(&in, all || json ? "keys" : "key");
	say_if(&in, json, "--json");
	return run(&in, e);
}

/* In the foreground, as a service manager wants it, until it is told to end. */
static int audit_serve(int argc, char **argv, struct err *e)
{
	const char *state = CLI_STATE_DEFAULT;
	const struct opt opts[] = {
		{ "config", OPT_STR, &cli_config, "FILE", "host configuration" },
		STATE_OPT(state),
		{ 0 },
	};
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
		{ "verify", audit_verify, "[--key FILE] [--from CHECKPOINT] [--against WITNESS]",
		  "name the first record that was changed" },
		{ "prove", audit_prove, "SEQ | --since CHECKPOINT",
		  "that this record is in the log, or that it only grew" },
		{ "check", audit_check, "--key FILE PROOF", "check such a proof, anywhere" },
		{ "key", audit_key, "[--all] [--json]", "print the log's public key" },
		{ "rotate-key", cmd_audit_rotate, "", "a new key, signed by the old one" },
		{ "revoke-key", cmd_audit_revoke, "EPOCH --since DATE --reason TEXT",
		  "say that a key is not to be believed, and name its cases" },
		{ "serve", audit_serve, "[--config FILE]",
		  "hold the log open for every other command" },
		{ 0 },
	};

	return cli_dispatch(table, "audit", argc, argv, e);
}
