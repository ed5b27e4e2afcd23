/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "agent/host/cli/cli.h"
#include "agent/host/queue/storm.h"
#include "runtime/base/clock.h"
#include "runtime/base/opt.h"

struct storm_options {
	const char *state, *config, *reason;
	bool json, all;
};

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "-";
}

static int parse(struct storm_options *o, const struct opt *verb, int argc, char **argv, int want,
		 struct err *e)
{
	struct opt opts[6] = { { "state", OPT_STR, &o->state, "DIR", "state directory" },
			       { "config", OPT_STR, &o->config, "FILE",
				 "the host's configuration" } };
	int n = 2;

	for (; verb->name; verb++)
		opts[n++] = *verb;
	if (opt_parse(opts, false, argc, argv, &n, e) < 0)
		return CLI_USAGE;
	if (n != want)
		return cli_usage(
			e, want ? "storm %s wants one storm's id" : "storm %s takes no operands",
			argv[0]);
	return CLI_OK;
}

static int list(int argc, char **argv, struct err *e)
{
	struct storm_options o = { 0 };
	struct host_config c = { 0 };
	AUTO_JSON json_t *all = NULL;
	const struct opt own[] = {
		{ "all", OPT_FLAG, &o.all, NULL, "also those that were resumed" },
		{ "json", OPT_FLAG, &o.json, NULL, "print JSON" },
		{ 0 },
	};
	const int status = parse(&o, own, argc, argv, 0, e);
	const json_t *one;
	size_t at;
	int r;

	if (status != CLI_OK)
		return status;
	r = host_config_load(o.config, &c, e);
	if (r == 0)
		r = storm_list(o.state ? o.state : c.state, !o.all, &all, e);
	host_config_release(&c);
	if (r < 0)
		return CLI_FAILED;
	if (o.json) {
		(void)json_dumpf(all, stdout, JSON_INDENT(1));
		(void)fputc('\n', stdout);
		return CLI_OK;
	}
	json_array_foreach(all, at, one)
		(void)printf("%-40s %-8s %-24s %3zu incidents  %s\n", text(one, "id"),
			     text(one, "scope"), text(one, "of"),
			     json_array_size(json_object_get(one, "incidents")),
			     json_object_get(one, "resumed") ? text(one, "reason") : "open");
	return CLI_OK;
}

static int resume(int argc, char **argv, struct err *e)
{
	struct storm_options o = { 0 };
	struct host_config c = { 0 };
	struct queue q = { .config = &c, .now_ns = clock_real_ns() };
	struct audit *audit = NULL;
	const struct opt own[] = {
		{ "reason", OPT_STR, &o.reason, "TEXT", "why, for the log" },
		{ 0 },
	};
	const int status = parse(&o, own, argc, argv, 1, e);
	int r;

	if (status != CLI_OK)
		return status;
	if (!o.reason)
		return cli_usage(e, "storm resume wants --reason TEXT: it stands in the log");
	r = host_config_load(o.config, &c, e);
	q.state = o.state ? o.state : c.state;
	if (r == 0)
		r = audit_open(q.state, &audit, e);
	q.audit = audit;
	if (r == 0)
		r = storm_resume(&q, argv[1], o.reason, e);
	audit_close(audit);
	host_config_release(&c);
	return r < 0 ? CLI_FAILED : CLI_OK;
}

int cmd_storm(int argc, char **argv, struct err *e)
{
	static const struct command table[] = {
		{ "list", list, "[--all] [--json] [--state DIR]",
		  "storms: many new incidents at one time" },
		{ "resume", resume, "ID --reason TEXT [--state DIR]",
		  "let the repairs that a storm holds begin" },
		{ 0 },
	};

	return cli_dispatch(table, "storm", argc, argv, e);
}
