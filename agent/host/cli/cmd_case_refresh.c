/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/host/case/mode.h"
#include "agent/host/cli/cli.h"
#include "agent/host/cli/session.h"
#include "agent/host/pipeline/pull.h"
#include "runtime/base/opt.h"

/* `sickbay case refresh ID`: the same incident at the target's head as it is now. */
struct refresh {
	struct session_options session;
	bool json;
};

/* What can be begun again: an ended case with a test, of another head. */
static int check_old(const struct kase *old, const char *head, const char *target, struct err *e)
{
	AUTO_JSON json_t *replica = NULL;
	AUTO_JSON json_t *match = NULL;
	const char *was;
	struct err none = ERR_INIT;

	if (case_stage(old) != STAGE_N)
		return err_set(e, EBUSY,
			       "case '%s' has not ended: 'sickbay case resume %s' goes on with it",
			       case_id(old), case_id(old));
	if (case_record(old, STAGE_MATCH, &match, &none) < 0 || !json_object_get(match, "test"))
		return err_set(e, ENODATA,
			       "case '%s' has no test that could be used again: heal its incident",
			       case_id(old));
	if (case_record(old, STAGE_REPLICA, &replica, e) < 0)
		return -e->code;
	was = json_string_value(json_object_get(replica, "head"));
	if (was && strcmp(was, head) == 0)
		return err_set(
			e, EALREADY,
			"the head of %s is %.12s as it was for case '%s': nothing to refresh",
			target, head, case_id(old));
	return 0;
}

/* Whether its pull request can be brought up to date: asked again when there is something to push.
 * 1: it cannot, e says why. */
static int check_pull(const struct session *s, const struct kase *old, struct err *e)
{
	const struct pull_host h = { s->state, &s->config, &s->service, s->audit };
	struct pull_at at;
	char why[512];
	int r = s->service.forge.name ? pull_standing(&h, old, &at, why, e) : 0;

	if (r == 0 && s->service.forge.name && pull_is_edited(&at)) {
		(void)snprintf(
			why, sizeof(why),
			"somebody pushed to pull request %llu of case '%s' (it is at %.12s): "
			"it is theirs to bring up to date",
			(unsigned long long)at.number, case_id(old), at.head);
		r = 1;
	}
	if (r == 1)
		(void)err_set(e, EPERM, "%s", why);
	return r;
}

static int head_of(const struct session *s, char head[65], struct err *e)
{
	struct git *g = NULL;
	int r = git_open(s->state, s->service.name, s->service.repository.url, &g, e);

	if (r == 0)
		r = git_resolve(g, s->service.repository.target, head, e);
	git_close(g);
	return r;
}

static int begin(struct session *s, const struct kase *old, struct err *e)
{
	const struct pipeline p = { .state = s->state, .service = &s->service, .audit = s->audit };
	char id[GROUP_ID_LEN];
	const struct queue_ask ask = { .service = &s->service, .id = id, .replaces = case_id(old) };
	struct incident i = { 0 };
	int r = pipeline_incident_of(&p, old, &i, e);

	if (r < 0)
		return r;
	group_id(s->service.name, i.fingerprint ? i.fingerprint : case_id(old), id);
	s->refreshes = case_id(old);
	r = session_take(s, &ask, &i, e);
	incident_release(&i);
	return r;
}

static int refresh(const struct refresh *o, const char *id, struct session *s, struct err *e)
{
	struct kase *old = NULL;
	char head[65];
	int r = service_checked(s->state, &s->service, e);

	if (r == 0)
		r = case_open(s->state, id, false, &old, e);
	if (r == 0)
		r = head_of(s, head, e);
	if (r == 0)
		r = check_old(old, head, s->service.repository.target, e);
	if (r == 0)
		r = check_pull(s, old, e);
	if (r == 0)
		r = begin(s, old, e);
	case_close(old);
	s->refreshes = NULL;
	if (r == QUEUE_GO)
		return session_run(s, o->json, e);
	return r == -EALREADY || r > 0 ? CLI_CLOSED : CLI_FAILED;
}

int cmd_case_refresh(int argc, char **argv, struct err *e)
{
	struct refresh o = { .session = { .state = CLI_STATE_DEFAULT } };
	const struct opt opts[] = {
		{ "service", OPT_STR, &o.session.service, "FILE",
		  "service file (default: the case's own)" },
		{ "state", OPT_STR, &o.session.state, "DIR", "state directory" },
		{ "config", OPT_STR, &o.session.config, "FILE", "the host's configuration" },
		{ "json", OPT_FLAG, &o.json, NULL, "print the outcome as JSON" },
		{ 0 }
	};
	char path[4096];
	struct session s;
	int operands, status;

	if (opt_parse(opts, false, argc, argv, &operands, e) < 0)
		return CLI_USAGE;
	if (operands != 1)
		return cli_usage(e, "case refresh wants one case id");
	if (!o.session.service && session_service_of(o.session.state, argv[1], path, e) < 0)
		return CLI_FAILED;
	if (!o.session.service)
		o.session.service = path;
	status = session_open(&o.session, &s, e);
	if (status != CLI_OK)
		return status;
	status = session_admit(&s, e);
	if (status == CLI_OK)
		status = refresh(&o, argv[1], &s, e);
	session_close(&s);
	return status;
}
