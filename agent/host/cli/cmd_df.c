/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/house.h"
#include "agent/host/case/house_collect.h"
#include "agent/host/cli/cli.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/opt.h"

/* `sickbay df`: what takes the space, and what of it `sickbay gc` would give back. */
static const struct part {
	const char *name, *path, *what;
} parts[] = {
	{ "cases", "cases", "records and attempts; never collected" },
	{ "log", "audit", "the audit log; never collected" },
	{ "layers", "images/layers", "what replicas are made of" },
	{ "repos", "repos", "sickbay's own clones" },
	{ "raw", "raw", "what production said; see sickbay raw" },
	{ "bodies", "bodies", "what models were asked and answered" },
	{ "incidents", "incidents", "groups of reports" },
	{ "spool", "spool", "reports that wait" },
	{ "kept", "kept", "what replicas of cancelled cases wrote" },
	{ "scratch", "tmp", "changes of cases that run" },
};

#define PARTS (sizeof(parts) / sizeof(parts[0]))

static int measure_parts(const char *state, json_t *out, uint64_t *all, struct err *e)
{
	uint64_t sum = 0, files;

	for (size_t i = 0; i < PARTS; i++) {
		AUTO_FREE char *path = NULL;
		uint64_t bytes;

		if (asprintf(&path, "%s/%s", state, parts[i].path) < 0)
			return err_set(e, ENOMEM, "out of memory");
		if (house_size(path, &bytes, &files, e) < 0)
			return -e->code;
		sum += bytes;
		if (json_object_set_new(out, parts[i].name,
					json_pack("{s:I,s:I}", "bytes", (json_int_t)bytes, "files",
						  (json_int_t)files)) < 0)
			return err_set(e, ENOMEM, "out of memory");
	}
	if (house_size(state, all, &files, e) < 0)
		return -e->code;
	return json_object_set_new(
		       out, "other",
		       json_pack("{s:I}", "bytes", (json_int_t)(*all > sum ? *all - sum : 0))) < 0
		       ? err_set(e, ENOMEM, "out of memory")
		       : 0;
}

static json_int_t sum_of(const json_t *rows)
{
	const json_t *row;
	json_int_t sum = 0;
	size_t i;

	json_array_foreach(rows, i, row)
		sum += json_integer_value(json_object_get(row, "bytes"));
	return sum;
}

static double mib(json_int_t bytes)
{
	return (double)bytes / (1024 * 1024);
}

static void print_text(const json_t *v)
{
	const json_t *const measured = json_object_get(v, "parts");

	for (size_t i = 0; i < PARTS; i++)
		(void)printf("%-10s %12.1f MiB  %s\n", parts[i].name,
			     mib(json_integer_value(json_object_get(
				     json_object_get(measured, parts[i].name), "bytes"))),
			     parts[i].what);
	(void)printf("%-10s %12.1f MiB\n", "other",
		     mib(json_integer_value(
			     json_object_get(json_object_get(measured, "other"), "bytes"))));
	(void)printf("%-10s %12.1f MiB  of this sickbay gc would give back\n", "derived",
		     mib(json_integer_value(json_object_get(v, "derived"))));
	(void)printf("full       %12lld %%    (inodes %lld %%); no case is begun from %lld %%\n",
		     (long long)json_integer_value(json_object_get(v, "percent")),
		     (long long)json_integer_value(json_object_get(v, "inode_percent")),
		     (long long)json_integer_value(json_object_get(v, "stop")));
}

static int df(const char *state, const struct host_config *c, bool json, struct err *e)
{
	const struct house_collection dry = { .state = state,
					      .config = c,
					      .age_ms = c->quota.age_ms };
	AUTO_JSON json_t *measured = json_object();
	AUTO_JSON json_t *rows = NULL;
	AUTO_JSON json_t *v = NULL;
	struct house_level at;
	uint64_t all = 0;

	if (!measured || house_measure(state, c, &at, e) < 0 ||
	    measure_parts(state, measured, &all, e) < 0 || house_collect(&dry, &rows, e) < 0)
		return CLI_FAILED;
	v = json_pack("{s:s,s:s,s:O,s:I,s:I,s:I,s:I,s:i,s:i,s:I,s:I}", "schema", "sickbay.df/1",
		      "state", state, "parts", measured, "bytes", (json_int_t)all, "derived",
		      sum_of(rows), "used", (json_int_t)at.used, "of", (json_int_t)at.of, "percent",
		      (int)at.percent, "inode_percent", (int)at.inode_percent, "stop",
		      (json_int_t)c->quota.stop, "collect", (json_int_t)c->quota.collect);
	if (!v)
		return err_set(e, ENOMEM, "out of memory"), CLI_FAILED;
	if (!json)
		print_text(v);
	else if (json_dumpf(v, stdout, JSON_INDENT(1)) < 0 || putchar('\n') == EOF)
		return CLI_FAILED;
	return CLI_OK;
}

int cmd_df(int argc, char **argv, struct err *e)
{
	const char *state = NULL, *config = NULL;
	bool json = false;
	const struct opt opts[] = {
		{ "state", OPT_STR, &state, "DIR",
		  "state directory (default: the configuration's)" },
		{ "config", OPT_STR, &config, "FILE", "host configuration" },
		{ "json", OPT_FLAG, &json, NULL, "print JSON" },
		{ 0 },
	};
	struct host_config c = { 0 };
	int n = 0, status;

	if (opt_parse(opts, false, argc, argv, &n, e) < 0)
		return CLI_USAGE;
	if (n != 0)
		return cli_usage(e, "df takes no operands");
	if (host_config_load(config, &c, e) < 0)
		return CLI_FAILED;
	status = df(state ? state : c.state, &c, json, e);
	host_config_release(&c);
	return status;
}
