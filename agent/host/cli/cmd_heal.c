/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/host/case/mode.h"
#include "agent/host/case/service_state.h"
#include "agent/host/cli/cli.h"
#include "agent/host/cli/core.h"
#include "agent/host/cli/report.h"
#include "agent/host/cli/session.h"
#include "agent/host/queue/admit.h"
#include "runtime/base/opt.h"

struct heal {
	struct session_options session;
	struct report_options report;
	const char *incident; /* that is queued; NULL: an operand or standard input brings one */
	bool json;
};

static int take_core(const struct heal *h, const struct session *s, struct incident *out,
		     struct err *e)
{
	const struct core_host host = { .state = s->state, .store = s->store, .audit = s->audit };
	struct core c = { .fd = -1 };
	int r = core_take(s->state, STDIN_FILENO, "standard input", &c, e);

	if (r == 0)
		r = core_convert(&host, &c, &h->report, &s->service, true, out, e);
	core_release(&c);
	return r;
}

/* What was queued, or what a person brings. */
static int take_incident(const struct heal *h, const char *path, const struct session *s,
			 struct incident *out, struct err *e)
{
	struct group g = { 0 };
	int r;

	if (h->report.from && strcmp(h->report.from, CORE_FROM) == 0)
		return take_core(h, s, out, e);
	if (h->report.from)
		return report_convert(&h->report, &s->service, s->state, out, e);
	if (!h->incident)
		return report_load(path, out, e);
	r = group_load(s->state, h->incident, &g, e);
	if (r == 0)
		r = group_incident(s->state, &g, out, e);
	group_release(&g);
	return r;
}

static int begin(const struct heal *h, struct session *s, const struct incident *i, struct err *e)
{
	char file[PATH_MAX];
	const struct queue_report report = { .service = s->service.name,
					     .service_file = file,
					     .incident = i };
	const struct queue_ask ask = { .service = &s->service,
				       .id = h->incident,
				       .report = &report };

	if (!realpath(s->service.file, file))
		return err_sys(e, "resolve '%s'", s->service.file);
	return session_take(s, &ask, i, e);
}

static int heal(const struct heal *h, const char *path, struct session *s, struct err *e)
{
	struct incident i = { 0 };
	int r = service_checked(s->state, &s->service, e);

	if (r == 0)
		r = take_incident(h, path, s, &i, e);
	if (r == 0)
		r = report_resolve(&s->service, &i, e);
	if (r == 0)
		r = begin(h, s, &i, e);
	incident_release(&i);
	if (r == QUEUE_GO)
		return session_run(s, h->json, e);
	return r < 0 ? CLI_FAILED : CLI_CLOSED;
}

/* The service file that the reports of a queued incident came with. */
static int service_of(const struct heal *h, char path[PATH_MAX], struct err *e)
{
	struct host_config c = { 0 };
	struct group g = { 0 };
	int r = host_config_load(h->session.config, &c, e);

	if (r == 0)
		r = group_load(h->session.state ? h->session.state : c.state, h->incident, &g, e);
	if (r == 0)
		(void)snprintf(path, PATH_MAX, "%s", g.service_file);
	group_release(&g);
	host_config_release(&c);
	return r;
}

static int run(const struct heal *h, const char *path, struct err *e)
{
	struct session_options o = h->session;
	char file[PATH_MAX];
	struct session s;
	int status;

	if (h->incident && !o.service) {
		if (service_of(h, file, e) < 0)
			return CLI_FAILED;
		o.service = file;
	}
	status = session_open(&o, &s, e);
	if (status == CLI_OK) {
		status = session_admit(&s, e);
		if (status == CLI_OK)
			status = heal(h, path, &s, e);
		session_close(&s);
	}
	return status;
}

int cmd_heal(int argc, char **argv, struct err *e)
{
	struct heal h = { 0 };
	const struct opt opts[] = {
		{ "service", OPT_STR, &h.session.service, "NAME|FILE", "what is healed" },
		{ "services", OPT_STR, &h.session.services, "DIR",
		  "service files (" SERVICES_DEFAULT ")" },
		{ "incident", OPT_STR, &h.incident, "ID", "an incident that is queued" },
		{ "state", OPT_STR, &h.session.state, "DIR", "state directory" },
		{ "config", OPT_STR, &h.session.config, "FILE", "the host's configuration" },
		{ "from", OPT_STR, &h.report.from, "FORMAT",
		  "node, python or sanitizer: a raw report on stdin; core: a core file" },
		{ "input", OPT_STR, &h.report.input, "FILE",
		  "typed input of the failing call (with --from)" },
		{ "deploy", OPT_STR, &h.report.deploy, "FILE",
		  "deployment metadata (with --from)" },
		{ "metrics", OPT_STR, &h.report.metrics, "FILE", "runtime metrics (with --from)" },
		{ "json", OPT_FLAG, &h.json, NULL, "print the outcome as JSON" },
		{ 0 }
	};
	int operands;

	if (opt_parse(opts, false, argc, argv, &operands, e) < 0)
		return CLI_USAGE;
	if (operands != (h.report.from || h.incident ? 0 : 1) || (h.report.from && h.incident))
		return cli_usage(e,
				 "heal wants one INCIDENT file, or --from FORMAT and a report on "
				 "standard input, or --incident ID");
	if (!h.session.service && !h.incident)
		return cli_usage(e, "heal wants --service NAME|FILE");
	return run(&h, argv[1], e);
}
