/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/pause.h"
#include "agent/host/cli/cli.h"
#include "runtime/base/fd.h"
#include "runtime/base/opt.h"
#include "runtime/sandbox/sandbox.h"

/*
 * The stop comes first, the log after it: stopping is never refused because
 * the log cannot be written.  Going on is.
 */
struct pause_options {
	const char *state, *service, *reason;
	bool all, json;
};

static int parse(struct pause_options *o, int argc, char **argv, bool pause, struct err *e)
{
	const struct opt opts[] = { { "service", OPT_STR, &o->service, "NAME", "one service" },
				    { "all", OPT_FLAG, &o->all, NULL, "every service" },
				    { "state", OPT_STR, &o->state, "DIR", "state directory" },
				    { pause ? "reason" : NULL, OPT_STR, &o->reason, "TEXT",
				      "why, for whoever finds it paused" },
				    { "json", OPT_FLAG, &o->json, NULL, "print JSON" },
				    { 0 } };
	int operands;

	o->state = CLI_STATE_DEFAULT;
	if (opt_parse(opts, false, argc, argv, &operands, e) < 0)
		return CLI_USAGE;
	if (operands != 0)
		return cli_usage(e, "%s takes no operands; a service is named by --service NAME",
				 argv[0]);
	if (o->all && o->service)
		return cli_usage(e, "%s: --all or --service NAME, not both", argv[0]);
	return CLI_OK;
}

static const char *text_of(const json_t *v, const char *key, const char *otherwise)
{
	const char *s = json_string_value(json_object_get(v, key));

	return s ? s : otherwise;
}

static int list(const struct pause_options *o, struct err *e)
{
	AUTO_JSON json_t *all = NULL;

	if (pause_list(o->state, &all, e) < 0)
		return CLI_FAILED;
	for (size_t i = 0; !o->json && i < json_array_size(all); i++) {
		const json_t *v = json_array_get(all, i);

		(void)printf("%-24s since %s: %s%s\n", text_of(v, "service", "all"),
			     text_of(v, "since", "(unknown)"), text_of(v, "why", ""),
			     json_is_false(json_object_get(v, "owed")) ? ""
								       : " (not in the log yet)");
	}
	if (!o->json && json_array_size(all) == 0)
		(void)puts("nothing is paused");
	if (o->json) {
		(void)json_dumpf(all, stdout, JSON_INDENT(1));
		(void)fputc('\n', stdout);
	}
	return CLI_OK;
}

/* What is said depends on what could be done, the exit status only on whether it is paused. */
static void note_in_log(const struct pause_options *o)
{
	struct audit *a = NULL;
	struct err e = ERR_INIT;

	if (audit_open(o->state, &a, &e) < 0 || pause_settle(o->state, a, &e) < 0)
		(void)printf("not in the log yet (%s): it is owed, and written before anything is "
			     "started again\n",
			     e.msg);
	audit_close(a);
}

int cmd_pause(int argc, char **argv, struct err *e)
{
	struct pause_options o = { 0 };
	const int status = parse(&o, argc, argv, true, e);
	int r;

	if (status != CLI_OK)
		return status;
	if (!o.all && !o.service && !o.reason)
		return list(&o, e);
	if (!o.all && !o.service)
		return cli_usage(e, "pause wants --service NAME or --all");
	if (!o.reason || !*o.reason)
		return cli_usage(e, "pause wants --reason TEXT: whoever finds it paused reads it");
	r = pause_set(o.state, o.service, o.reason, e);
	if (r < 0)
		return CLI_FAILED;
	if (r == 1)
		(void)printf("no file could be written: everything is paused, not only %s\n",
			     o.service);
	else
		(void)printf("paused: %s\n", o.service ? o.service : "all");
	(void)fflush(stdout);
	note_in_log(&o);
	return CLI_OK;
}

int cmd_unpause(int argc, char **argv, struct err *e)
{
	struct pause_options o = { 0 };
	struct audit *a = NULL;
	int status = parse(&o, argc, argv, false, e);

	if (status != CLI_OK)
		return status;
	if (!o.all && !o.service)
		return cli_usage(e, "unpause wants --service NAME or --all");
	if (audit_open(o.state, &a, e) < 0)
		return CLI_FAILED;
	if (pause_clear(o.state, o.service, a, e) < 0)
		status = e->code == ENOENT ? CLI_CLOSED : CLI_FAILED;
	audit_close(a);
	if (status == CLI_OK)
		(void)printf("no longer paused: %s\n", o.service ? o.service : "all");
	return status;
}
