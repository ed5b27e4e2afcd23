/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/host/case/house.h"
#include "agent/host/case/service_state.h"
#include "agent/host/cli/cli.h"
#include "agent/host/cli/core.h"
#include "agent/host/cli/report.h"
#include "agent/host/queue/group.h"
#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/opt.h"

/* incident submit, incident list: what goes into the queue, and what stands in it. */

struct submit {
	const char *state, *config, *service, *services;
	struct report_options report;
	uint64_t pid; /* of the process that crashed; 0: nobody says */
	struct host_config host;
	char dir[PATH_MAX]; /* the state directory, absolute */
};

static int open_host(struct submit *o, struct err *e)
{
	return queue_host(o->config, o->state, &o->host, o->dir, e);
}

static struct queue queue_of(const struct submit *o)
{
	return (struct queue){ .state = o->dir, .config = &o->host, .now_ns = clock_real_ns() };
}

/* The service file: the one that was named, else that of the service which the incident names. */
static int load_service(const struct submit *o, const char *name, struct service *out,
			char file[PATH_MAX], struct err *e)
{
	char path[4096];

	if (service_file_of(o->services ? o->services : o->host.services, name, path, e) < 0 ||
	    service_load(path, out, e) < 0)
		return -e->code;
	if (realpath(path, file))
		return 0;
	service_release(out);
	return err_sys(e, "resolve '%s'", path);
}

static int put(const struct submit *o, const struct service *s, const char *file,
	       struct incident *i, struct err *e)
{
	const struct queue_report r = { .service = s->name, .service_file = file, .incident = i };
	const struct queue q = queue_of(o);
	char id[GROUP_ID_LEN];

	if (!i->service || !s->name || strcmp(i->service, s->name) != 0)
		return err_set(e, EINVAL, "it is of service '%s', the service file is of '%s'",
			       i->service ? i->service : "?", s->name ? s->name : "?");
	if (report_resolve(s, i, e) < 0 || queue_enqueue(&q, &r, e) < 0)
		return -e->code;
	group_id(s->name, i->fingerprint, id);
	(void)puts(id);
	return 0;
}

static int submit_raw(const struct submit *o, struct err *e)
{
	struct service s = { 0 };
	struct incident i = { 0 };
	char file[PATH_MAX];
	int r = load_service(o, o->service, &s, file, e);

	if (r < 0)
		return r;
	r = report_convert(&o->report, &s, queue_of(o).state, &i, e);
	if (r == 0)
		r = put(o, &s, file, &i, e);
	incident_release(&i);
	service_release(&s);
	return r;
}

/* Before a byte of it is read: whose it is, and whether there is room. */
static int may_take(const struct submit *o, struct err *e)
{
	char why[256];
	int r = o->pid ? core_check(o->pid, e) : 0;

	if (r == 0)
		r = house_may_start(o->dir, &o->host, why, e);
	if (r == 0)
		return err_set(e, ENOSPC, "a core is not taken: %s", why);
	return r < 0 ? r : 0;
}

/* From a core; without a service the one whose program it is. CLI_OK, or the status to exit with.
 */
static int submit_core(const struct submit *o, struct err *e)
{
	AUTO_FREE char *found = NULL;
	struct core c = { .fd = -1 };
	struct service s = { 0 };
	struct incident i = { 0 };
	char file[PATH_MAX];
	int status = CLI_FAILED;
	int r = may_take(o, e);

	if (r < 0)
		return r == -ENOENT || r == -EPERM || r == -ENOSPC ? CLI_CLOSED : CLI_FAILED;
	r = core_take(o->dir, STDIN_FILENO, "standard input", &c, e);

	if (r == 0 && !o->service) {
		r = core_service(&c, o->services ? o->services : o->host.services, &found, e);
		status = r == -ENOENT ? CLI_CLOSED : CLI_FAILED;
	}
	if (r == 0)
		r = load_service(o, o->service ? o->service : found, &s, file, e);
	if (r == 0) {
		status = core_run(o->dir, &c, &o->report, &s, true, &i, e);
		r = status == CLI_OK ? put(o, &s, file, &i, e) : -e->code;
		status = status == CLI_OK && r < 0 ? CLI_FAILED : status;
	}
	incident_release(&i);
	service_release(&s);
	core_release(&c);
	return status;
}

static int submit_file(const struct submit *o, const char *path, struct err *e)
{
	struct service s = { 0 };
	struct incident i = { 0 };
	char file[PATH_MAX];
	int r = report_load(path, &i, e);

	if (r == 0)
		r = load_service(o, o->service ? o->service : i.service, &s, file, e);
	if (r == 0)
		r = put(o, &s, file, &i, e);
	if (r < 0)
		(void)err_wrap(e, "%s: not submitted", path);
	incident_release(&i);
	service_release(&s);
	return r;
}

int incident_submit_run(int argc, char **argv, struct err *e)
{
	struct submit o = { 0 };
	const struct opt opts[] = {
		{ "service", OPT_STR, &o.service, "NAME|FILE",
		  "the service; else the one that the incident names" },
		{ "services", OPT_STR, &o.services, "DIR", "service files" },
		{ "from", OPT_STR, &o.report.from, "FORMAT",
		  "node, python or sanitizer: a raw report on stdin; core: a core file" },
		{ "input", OPT_STR, &o.report.input, "FILE", "what made it fail (with --from)" },
		{ "deploy", OPT_STR, &o.report.deploy, "FILE",
		  "deployment metadata (with --from)" },
		{ "metrics", OPT_STR, &o.report.metrics, "FILE", "runtime metrics (with --from)" },
		{ "pid", OPT_U64, &o.pid, "PID", "the process that crashed (with core)" },
		{ "state", OPT_STR, &o.state, "DIR", "state directory" },
		{ "config", OPT_STR, &o.config, "FILE", "the host's configuration" },
		{ 0 },
	};
	bool core;
	int n, r;

	if (opt_parse(opts, false, argc, argv, &n, e) < 0)
		return CLI_USAGE;
	core = o.report.from && strcmp(o.report.from, CORE_FROM) == 0;
	if (o.report.from ? n != 0 || (!o.service && !core) : n == 0)
		return cli_usage(e, "incident submit wants FILEs of incidents, or --from FORMAT, "
				    "--service NAME|FILE and a report on standard input");
	if (o.pid && !core)
		return cli_usage(e, "incident submit takes --pid with --from core only");
	r = open_host(&o, e);
	if (r == 0 && core) {
		r = submit_core(&o, e);
		host_config_release(&o.host);
		return r;
	}
	if (r == 0 && o.report.from)
		r = submit_raw(&o, e);
	for (int i = 1; i <= n && r == 0; i++)
		r = submit_file(&o, argv[i], e);
	host_config_release(&o.host);
	return r < 0 ? CLI_FAILED : CLI_OK;
}

static json_t *row_of(const struct queue *q, const struct group *g)
{
	const char *kase;
	const int state = group_state(q, g, &kase);

	return json_pack("{s:s,s:s,s:s,s:s?,s:s?,s:s?,s:I,s:I,s:s,s:s,s:s,s:s?,s:s?,s:s?}",
			 "incident", g->id, "service", g->service, "fingerprint", g->fingerprint,
			 "type", g->type, "file", g->file, "function", g->function, "reports",
			 (json_int_t)g->reports, "count", (json_int_t)g->count, "first_seen",
			 g->first_seen, "last_seen", g->last_seen, "state", group_state_name(state),
			 "case", kase, "storm", g->storm, "resolved", g->resolved);
}

static void print_row(const json_t *row)
{
	const char *const keys[] = { "incident", "state", "type", "file", "case" };
	const char *v[5];

	for (size_t i = 0; i < 5; i++) {
		v[i] = json_string_value(json_object_get(row, keys[i]));
		v[i] = v[i] ? v[i] : "-";
	}
	(void)printf("%-32s %-12s %6lld  %s %s  %s\n", v[0], v[1],
		     (long long)json_integer_value(json_object_get(row, "reports")), v[2], v[3],
		     v[4]);
}

static int list_all(const struct submit *o, bool json, struct err *e)
{
	const struct queue q = queue_of(o);
	AUTO_JSON json_t *rows = json_array();
	struct strlist ids = { 0 };
	int r = group_list(q.state, &ids, e);

	for (size_t i = 0; i < ids.n && r == 0; i++) {
		struct group g = { 0 };
		json_t *row;

		r = group_load(q.state, ids.v[i], &g, e);
		if (r < 0)
			break;
		row = row_of(&q, &g);
		if (!json && row)
			print_row(row);
		if (json_array_append_new(rows, row) < 0)
			r = err_set(e, ENOMEM, "out of memory");
		group_release(&g);
	}
	strlist_release(&ids);
	if (r == 0 && json) {
		(void)json_dumpf(rows, stdout, JSON_INDENT(1));
		(void)fputc('\n', stdout);
	}
	return r;
}

int incident_list_run(int argc, char **argv, struct err *e)
{
	struct submit o = { 0 };
	bool json = false;
	const struct opt opts[] = {
		{ "state", OPT_STR, &o.state, "DIR", "state directory" },
		{ "config", OPT_STR, &o.config, "FILE", "the host's configuration" },
		{ "json", OPT_FLAG, &json, NULL, "print JSON" },
		{ 0 },
	};
	int n, r;

	if (opt_parse(opts, false, argc, argv, &n, e) < 0)
		return CLI_USAGE;
	if (n != 0)
		return cli_usage(e, "incident list takes no operands");
	r = open_host(&o, e);
	if (r == 0)
		r = list_all(&o, json, e);
	host_config_release(&o.host);
	return r < 0 ? CLI_FAILED : CLI_OK;
}
