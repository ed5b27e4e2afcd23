/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "agent/host/case/host_config.h"
#include "agent/host/case/raw.h"
#include "agent/host/cli/cli.h"
#include "runtime/base/opt.h"

/* What production said, kept apart from the cases (agent/host/case/raw.h). */

struct raw_options {
	const char *state, *reason, *config;
	bool json;
};

#define STATE_OPTION(o)                                                \
	{                                                              \
		"state", OPT_STR, &(o).state, "DIR", "state directory" \
	}
#define JSON_OPTION(o)                                          \
	{                                                       \
		"json", OPT_FLAG, &(o).json, NULL, "print JSON" \
	}

static int parse(const struct opt *opts, int argc, char **argv, int want, struct err *e)
{
	int operands;

	if (opt_parse(opts, false, argc, argv, &operands, e) < 0)
		return CLI_USAGE;
	if (operands != want)
		return cli_usage(e, want ? "raw %s wants one digest" : "raw %s takes no operands",
				 argv[0]);
	return CLI_OK;
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "-";
}

static int list(int argc, char **argv, struct err *e)
{
	struct raw_options o = { .state = CLI_STATE_DEFAULT };
	const struct opt opts[] = { STATE_OPTION(o), JSON_OPTION(o), { 0 } };
	AUTO_JSON json_t *rows = NULL;
	const int status = parse(opts, argc, argv, 0, e);
	json_t *row;
	size_t i;

	if (status != CLI_OK)
		return status;
	if (raw_list(o.state, &rows, e) < 0)
		return CLI_FAILED;
	if (o.json) {
		(void)json_dumpf(rows, stdout, JSON_INDENT(1));
		(void)fputc('\n', stdout);
		return CLI_OK;
	}
	json_array_foreach(rows, i, row) {
		(void)printf("%s  %-7s %9lld  %.19s  %s", text_of(row, "digest"),
			     text_of(row, "kind"),
			     (long long)json_integer_value(json_object_get(row, "bytes")),
			     text_of(row, "received"), text_of(row, "owner"));
		if (json_object_get(row, "erased"))
			(void)printf("  erased %.19s: %s", text_of(row, "erased"),
				     text_of(row, "reason"));
		(void)fputc('\n', stdout);
	}
	return CLI_OK;
}

/* Reading is in the log as well: it is the operator who looks at what users said. */
static int show(int argc, char **argv, struct err *e)
{
	AUTO_BUF struct buf piece = BUF_INIT(RAW_MAX);
	struct raw_options o = { .state = CLI_STATE_DEFAULT };
	const struct opt opts[] = { STATE_OPTION(o), { 0 } };
	struct audit *a = NULL;
	int status = parse(opts, argc, argv, 1, e);

	if (status != CLI_OK)
		return status;
	if (audit_open(o.state, &a, e) < 0)
		return CLI_FAILED;
	if (raw_get(o.state, argv[1], &piece, e) < 0 ||
	    audit_commit(a, "raw.show", json_pack("{s:s}", "digest", argv[1]), e) < 0)
		status = CLI_FAILED;
	else if (piece.n && fwrite(piece.p, 1, piece.n, stdout) != piece.n)
		status = err_sys(e, "cannot write the piece") < 0 ? CLI_FAILED : CLI_OK;
	audit_close(a);
	return status;
}

static int erase(int argc, char **argv, struct err *e)
{
	struct raw_options o = { .state = CLI_STATE_DEFAULT };
	const struct opt opts[] = { STATE_OPTION(o),
				    { "reason", OPT_STR, &o.reason, "TEXT",
				      "why: it stays in the tombstone and the log" },
				    { 0 } };
	struct audit *a = NULL;
	int status = parse(opts, argc, argv, 1, e);

	if (status != CLI_OK)
		return status;
	if (!o.reason || !*o.reason)
		return cli_usage(e, "raw erase wants --reason TEXT: it stays, in the tombstone and "
				    "in the log");
	if (audit_open(o.state, &a, e) < 0)
		return CLI_FAILED;
	if (raw_erase(o.state, a, argv[1], o.reason, e) < 0)
		status = CLI_FAILED;
	else
		(void)printf("%s: erased\n", argv[1]);
	audit_close(a);
	return status;
}

static int expire(int argc, char **argv, struct err *e)
{
	struct raw_options o = { .state = CLI_STATE_DEFAULT };
	const struct opt opts[] = { STATE_OPTION(o),
				    JSON_OPTION(o),
				    { "config", OPT_STR, &o.config, "FILE", "host configuration" },
				    { 0 } };
	struct host_config c = { 0 };
	struct audit *a = NULL;
	size_t n = 0;
	int status = parse(opts, argc, argv, 0, e);

	if (status != CLI_OK)
		return status;
	if (host_config_load(o.config, &c, e) < 0)
		return CLI_FAILED;
	if (audit_open(o.state, &a, e) < 0 || raw_expire(o.state, a, c.retention.raw_ms, &n, e) < 0)
		status = CLI_FAILED;
	else if (o.json)
		(void)printf("{\"erased\": %zu}\n", n);
	else
		(void)printf("%zu erased\n", n);
	audit_close(a);
	host_config_release(&c);
	return status;
}

int cmd_raw(int argc, char **argv, struct err *e)
{
	static const struct command table[] = {
		{ "list", list, "[--json] [--state DIR]", "what is kept, and what was erased" },
		{ "show", show, "DIGEST [--state DIR]", "one piece, as it came" },
		{ "erase", erase, "DIGEST --reason TEXT [--state DIR]",
		  "erase one piece; a tombstone stays" },
		{ "expire", expire, "[--config FILE] [--state DIR]",
		  "erase what is older than the host keeps it" },
		{ 0 },
	};

	return cli_dispatch(table, "raw", argc, argv, e);
}
