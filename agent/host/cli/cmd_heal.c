/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>

#include "agent/host/case/mode.h"
#include "agent/host/case/service_state.h"
#include "agent/host/cli/cli.h"
#include "agent/host/cli/session.h"
#include "agent/host/incident/convert.h"
#include "runtime/base/opt.h"

struct heal {
	struct session_options session;
	const char *from, *input, *deploy, *metrics;
	bool json;
};

static int read_incident(const char *path, struct incident *out, struct err *e)
{
	if (strcmp(path, "-") == 0)
		return incident_load(STDIN_FILENO, "standard input", out, e);
	return incident_load_file(path, out, e);
}

static int take_report(const struct heal *h, const struct service *s, struct incident *out,
		       struct err *e)
{
	struct strpair pairs[64];
	struct strmap map = { .v = pairs };
	struct convert c = { .report = STDIN_FILENO,
			     .report_name = "standard input",
			     .input = h->input,
			     .deploy = h->deploy,
			     .metrics = h->metrics,
			     .service = s->name,
			     .paths = { .paths = &map, .in_app = &s->in_app } };
	const int r = convert_format(h->from, &c.from, e);

	service_strmap(s, &map, 64);
	return r < 0 ? r : incident_convert(&c, out, e);
}

/* The report's own place names become the repository's before anything is recorded. */
static int resolve(const struct service *s, struct incident *i, struct err *e)
{
	struct strpair pairs[64];
	struct strmap map = { .v = pairs };
	const struct incident_paths paths = { .paths = &map, .in_app = &s->in_app };

	service_strmap(s, &map, 64);
	return incident_resolve(i, &paths, e);
}

static int heal(const struct heal *h, const char *path, struct session *s, struct err *e)
{
	struct incident i = { 0 };
	int r = service_checked(s->state, &s->service, e);

	if (r < 0)
		return r;
	r = h->from ? take_report(h, &s->service, &i, e) : read_incident(path, &i, e);

	if (r == 0)
		r = resolve(&s->service, &i, e);
	if (r == 0)
		r = case_create(s->state, i.id, &s->kase, e);
	if (r == 0) {
		struct err ignored = ERR_INIT;

		r = session_begin_case(s, &i, e);
		if (r < 0)
			(void)case_discard(s->state, s->kase, &ignored);
	}
	incident_release(&i);
	return r;
}

int cmd_heal(int argc, char **argv, struct err *e)
{
	struct heal h = { .session = { .state = CLI_STATE_DEFAULT } };
	const struct opt opts[] = {
		{ "service", OPT_STR, &h.session.service, "NAME|FILE", "what is healed" },
		{ "services", OPT_STR, &h.session.services, "DIR",
		  "service files (" SERVICES_DEFAULT ")" },
		{ "state", OPT_STR, &h.session.state, "DIR", "state directory" },
		{ "from", OPT_STR, &h.from, "FORMAT",
		  "node, python or sanitizer: a raw report on stdin" },
		{ "input", OPT_STR, &h.input, "FILE",
		  "typed input of the failing call (with --from)" },
		{ "deploy", OPT_STR, &h.deploy, "FILE", "deployment metadata (with --from)" },
		{ "metrics", OPT_STR, &h.metrics, "FILE", "runtime metrics (with --from)" },
		{ "json", OPT_FLAG, &h.json, NULL, "print the outcome as JSON" },
		{ 0 }
	};
	struct session s;
	int operands, status;

	if (opt_parse(opts, false, argc, argv, &operands, e) < 0)
		return CLI_USAGE;
	if (operands != (h.from ? 0 : 1))
		return cli_usage(e,
				 "heal wants one INCIDENT file, or --from FORMAT and a report on "
				 "standard input");
	if (!h.session.service)
		return cli_usage(e, "heal wants --service NAME|FILE");
	status = session_open(&h.session, &s, e);
	if (status == CLI_OK) {
		status = session_admit(&s, e);
		if (status == CLI_OK)
			status = heal(&h, argv[1], &s, e) < 0 ? CLI_FAILED
							      : session_run(&s, h.json, e);
		session_close(&s);
	}
	return status;
}
