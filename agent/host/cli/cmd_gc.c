/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/host/case/house_collect.h"
#include "agent/host/cli/cli.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/opt.h"

/* `sickbay gc`: removes what is needed no more. Never a case, never the log. */
struct gc_options {
	const char *state, *config, *age;
	bool dry, json;
};

static void print_text(const json_t *rows, bool dry)
{
	const json_t *row;
	json_int_t sum = 0;
	size_t i, n = 0;

	json_array_foreach(rows, i, row) {
		const bool removed = json_is_true(json_object_get(row, "removed"));

		(void)printf("%-24s %10lld KiB  %s%s\n",
			     json_string_value(json_object_get(row, "what")),
			     (long long)json_integer_value(json_object_get(row, "bytes")) / 1024,
			     json_string_value(json_object_get(row, "path")),
			     dry || removed ? "" : "  (in use by now: stays)");
		if (!dry && !removed)
			continue;
		n++;
		sum += json_integer_value(json_object_get(row, "bytes"));
	}
	(void)printf("%zu thing%s, %lld KiB%s\n", n, n == 1 ? "" : "s", (long long)sum / 1024,
		     dry ? " would go; nothing was removed" : " removed");
}

static int gc(const struct gc_options *o, const struct host_config *config, struct err *e)
{
	struct house_collection c = { .state = o->state ? o->state : config->state,
				      .config = config,
				      .age_ms = config->quota.age_ms };
	AUTO_JSON json_t *rows = NULL;
	int r = 0;

	if (o->age && parse_duration(o->age, &c.age_ms) < 0)
		return cli_usage(e, "gc: '%.32s' is no time such as \"1h\"", o->age);
	if (access(c.state, F_OK) < 0)
		return err_sys(e, "state directory '%s'", c.state), CLI_FAILED;
	if (!o->dry)
		r = audit_open(c.state, &c.audit, e);
	if (r == 0)
		r = house_collect(&c, &rows, e);
	audit_close(c.audit);
	if (r < 0)
		return CLI_FAILED;
	if (!o->json)
		print_text(rows, o->dry);
	else if (json_dumpf(rows, stdout, JSON_INDENT(1)) < 0 || putchar('\n') == EOF)
		return CLI_FAILED;
	return CLI_OK;
}

int cmd_gc(int argc, char **argv, struct err *e)
{
	struct gc_options o = { 0 };
	const struct opt opts[] = {
		{ "dry-run", OPT_FLAG, &o.dry, NULL, "say what would go, remove nothing" },
		{ "age", OPT_STR, &o.age, "TIME",
		  "leave alone what is younger (quota.age of the configuration)" },
		{ "state", OPT_STR, &o.state, "DIR",
		  "state directory (default: the configuration's)" },
		{ "config", OPT_STR, &o.config, "FILE", "host configuration" },
		{ "json", OPT_FLAG, &o.json, NULL, "print JSON" },
		{ 0 },
	};
	struct host_config c = { 0 };
	int n = 0, status;

	if (opt_parse(opts, false, argc, argv, &n, e) < 0)
		return CLI_USAGE;
	if (n != 0)
		return cli_usage(e, "gc takes no operands");
	if (host_config_load(o.config, &c, e) < 0)
		return CLI_FAILED;
	status = gc(&o, &c, e);
	host_config_release(&c);
	return status;
}
