/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/cli/cli.h"
#include "agent/host/queue/status.h"
#include "runtime/base/clock.h"
#include "runtime/base/opt.h"

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "-";
}

static long long number(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

static void print_counts(const char *title, const json_t *o)
{
	const char *key, *between = "";
	json_t *v;

	(void)printf("%-10s", title);
	json_object_foreach((json_t *)(uintptr_t)o, key, v) {
		if (json_integer_value(v) == 0)
			continue;
		(void)printf("%s%lld %s", between, (long long)json_integer_value(v), key);
		between = ", ";
	}
	(void)puts(*between ? "" : "none");
}

static void print_paused(const json_t *list)
{
	const json_t *one;
	size_t at;

	if (json_array_size(list) == 0)
		(void)puts("paused    no");
	json_array_foreach((json_t *)(uintptr_t)list, at, one) {
		const char *service = json_string_value(json_object_get(one, "service"));

		(void)printf("paused    %s: %s\n", service ? service : "all", text(one, "why"));
	}
}

static void print_intake(const json_t *st)
{
	const json_t *in = json_object_get(st, "intake"), *one;
	size_t at;

	(void)printf("intake    %s, %lld bytes wait\n",
		     json_is_true(json_object_get(in, "serves")) ? "serves" : "none",
		     number(in, "backlog_bytes"));
	json_array_foreach(json_object_get(st, "rates"), at, one)
		if (json_is_true(json_object_get(one, "spike")))
			(void)printf("spike     %s: %lld reports in the last minute, usually %.1f, "
				     "since %s\n",
				     text(one, "service"), number(one, "last_minute"),
				     json_number_value(json_object_get(one, "usual")),
				     text(one, "since"));
}

static void print_lists(const json_t *st)
{
	const json_t *one;
	size_t at;

	json_array_foreach(json_object_get(st, "storms"), at, one)
		(void)printf("storm     %s: %zu incidents of one %s\n", text(one, "id"),
			     json_array_size(json_object_get(one, "incidents")),
			     text(one, "scope"));
	json_array_foreach(json_object_get(st, "live"), at, one)
		(void)printf("live      %s: %s\n", text(one, "case"), text(one, "stage"));
	json_array_foreach(json_object_get(st, "held"), at, one)
		(void)printf("held      %s: %s\n", text(one, "incident"), text(one, "why"));
}

static void print(const json_t *st)
{
	const json_t *disk = json_object_get(st, "disk"), *spent = json_object_get(st, "spent");
	const double all = (double)number(disk, "bytes");

	(void)printf("worker    %s\n",
		     json_is_true(json_object_get(st, "worker")) ? "at work" : "none");
	print_paused(json_object_get(st, "paused"));
	print_intake(st);
	(void)printf("spool     %lld reports\n", number(st, "reports"));
	print_counts("incidents", json_object_get(st, "incidents"));
	(void)printf("cases     %lld, %zu live, %lld open pull requests\n", number(st, "cases"),
		     json_array_size(json_object_get(st, "live")), number(st, "open"));
	print_counts("outcomes", json_object_get(st, "outcomes"));
	(void)printf("spent     %lld evaluations, %lld replicas, %.1f cpu-s, %.1f s wall\n",
		     number(spent, "evaluations"), number(spent, "replicas"),
		     (double)number(spent, "cpu_us") / 1e6, (double)number(spent, "wall_us") / 1e6);
	(void)printf("disk      %.0f %% of %.1f GiB used\n",
		     all > 0 ? 100 - 100 * (double)number(disk, "free_bytes") / all : 0,
		     all / (1u << 30));
	print_lists(st);
}

int cmd_status(int argc, char **argv, struct err *e)
{
	const char *state = NULL, *config = NULL, *prometheus = NULL;
	bool json = false;
	const struct opt opts[] = {
		{ "state", OPT_STR, &state, "DIR", "state directory" },
		{ "config", OPT_STR, &config, "FILE", "the host's configuration" },
		{ "prometheus", OPT_STR, &prometheus, "FILE",
		  "write the figures there instead, for Prometheus" },
		{ "json", OPT_FLAG, &json, NULL, "print JSON" },
		{ 0 },
	};
	struct host_config c = { 0 };
	struct queue q = { .config = &c, .now_ns = clock_real_ns() };
	AUTO_JSON json_t *st = NULL;
	char dir[PATH_MAX];
	int n, r;

	if (opt_parse(opts, false, argc, argv, &n, e) < 0)
		return CLI_USAGE;
	if (n != 0)
		return cli_usage(e, "status takes no operands");
	r = host_config_load(config, &c, e);
	q.state = dir;
	if (r == 0 && !realpath(state ? state : c.state, dir))
		r = err_sys(e, "state directory '%s'", state ? state : c.state);
	if (r == 0)
		r = status_collect(&q, &st, e);
	host_config_release(&c);
	if (r == 0 && prometheus)
		return status_write(st, prometheus, e) < 0 ? CLI_FAILED : CLI_OK;
	if (r < 0)
		return CLI_FAILED;
	if (json) {
		(void)json_dumpf(st, stdout, JSON_INDENT(1));
		(void)fputc('\n', stdout);
	} else {
		print(st);
	}
	return CLI_OK;
}
