/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/host/cli/cli.h"
#include "runtime/base/buf.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/clock.h"
#include "runtime/base/log.h"
#include "runtime/base/opt.h"
#include "runtime/proto/audit.h"
#include "runtime/proto/audit_read.h"

/* The keys of the log: a new one, and one that is not to be believed any more. */

#define CASES_TEXT_MAX (16u << 20)

int cmd_audit_rotate(int argc, char **argv, struct err *e)
{
	struct audit_checkpoint first = { 0 };
	const char *state = CLI_STATE_DEFAULT;
	const struct opt opts[] = { { "state", OPT_STR, &state, "DIR", "state directory" }, { 0 } };
	struct audit *log = NULL;
	int n = 0, r;

	if (opt_parse(opts, false, argc, argv, &n, e) < 0)
		return CLI_USAGE;
	if (n != 0)
		return cli_usage(e, "audit rotate-key takes no operands");
	r = audit_open(state, &log, e);
	if (r == 0)
		r = audit_rotate(log, &first, e);
	audit_close(log);
	if (r < 0)
		return CLI_FAILED;
	if (first.unwitnessed)
		log_warn("the witness has not the new key's first checkpoint: %s",
			 first.unwitnessed);
	(void)printf("key epoch %zu begins behind record %llu; hand out what 'sickbay audit key' "
		     "prints now\n",
		     first.epoch, (unsigned long long)first.size - 2);
	audit_checkpoint_release(&first);
	return CLI_OK;
}

struct revoking {
	const char *state, *since, *reason, *epoch;
	uint64_t number, since_ns;
};

/* A date, or a date and time. */
static int read_since(struct revoking *x, struct err *e)
{
	AUTO_FREE char *midnight = NULL;

	if (clock_parse_rfc3339(x->since, &x->since_ns) == 0)
		return CLI_OK;
	if (asprintf(&midnight, "%sT00:00:00Z", x->since) < 0) {
		midnight = NULL;
		(void)err_set(e, ENOMEM, "out of memory");
		return CLI_FAILED;
	}
	if (clock_parse_rfc3339(midnight, &x->since_ns) == 0)
		return CLI_OK;
	return cli_usage(e, "--since: '%s' is neither YYYY-MM-DD nor a time as RFC 3339 has it",
			 x->since);
}

static int signed_cases(const struct revoking *x, struct buf *out, struct err *e)
{
	AUTO_CLOSE int dir = audit_log_dir(x->state, e);
	char since[32];
	const struct audit_reading r = { .words = { "cases", "--epoch", x->epoch, "--since",
						    since },
					 .dir = dir,
					 .key = -1,
					 .file = -1,
					 .witness = -1 };
	int status = 0;

	(void)snprintf(since, sizeof(since), "%llu", (unsigned long long)x->since_ns);
	if (dir < 0 || audit_read(&r, out, &status, e) < 0)
		return CLI_FAILED;
	return status == 0 ? CLI_OK : CLI_FAILED; /* it has said why */
}

static size_t count_lines(const struct buf *text)
{
	size_t n = 0;

	for (size_t i = 0; i < text->n; i++)
		n += text->p[i] == '\n';
	return n;
}

static int revoke_key(const struct revoking *x, struct err *e)
{
	AUTO_BUF struct buf cases = BUF_INIT(CASES_TEXT_MAX);
	struct audit *log = NULL;
	int status = signed_cases(x, &cases, e);

	if (status != CLI_OK)
		return status;
	if (audit_open(x->state, &log, e) < 0 ||
	    audit_commit(log, "log.key-revoked",
			 json_pack("{s:I,s:s,s:s,s:I}", "epoch", (json_int_t)x->number, "since",
				   x->since, "reason", x->reason, "cases",
				   (json_int_t)count_lines(&cases)),
			 e) < 0)
		status = CLI_FAILED;
	audit_close(log);
	if (status != CLI_OK)
		return status;
	(void)printf("key epoch %s is revoked since %s: it signed for %zu case%s\n%s", x->epoch,
		     x->since, count_lines(&cases), count_lines(&cases) == 1 ? "" : "s",
		     cases.p ? cases.p : "");
	return CLI_OK;
}

int cmd_audit_revoke(int argc, char **argv, struct err *e)
{
	struct revoking x = { .state = CLI_STATE_DEFAULT };
	const struct opt opts[] = {
		{ "since", OPT_STR, &x.since, "DATE",
		  "from when on it may have been in other hands" },
		{ "reason", OPT_STR, &x.reason, "TEXT", "why, for the log" },
		{ "state", OPT_STR, &x.state, "DIR", "state directory" },
		{ 0 },
	};
	char *end;
	int n = 0, status;

	if (opt_parse(opts, false, argc, argv, &n, e) < 0)
		return CLI_USAGE;
	if (n != 1 || !x.since || !x.reason || !*x.reason)
		return cli_usage(e, "audit revoke-key wants an epoch, '--since DATE' and "
				    "'--reason TEXT'");
	x.epoch = argv[1];
	x.number = strtoull(x.epoch, &end, 10);
	if (end == x.epoch || *end)
		return cli_usage(e, "'%s' is no key epoch: 'sickbay audit key --all' lists them",
				 x.epoch);
	status = read_since(&x, e);
	return status == CLI_OK ? revoke_key(&x, e) : status;
}
