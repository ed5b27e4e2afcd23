/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/cli/session.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/bodies.h"
#include "agent/host/case/house.h"
#include "agent/host/case/mode.h"
#include "agent/host/case/pause.h"
#include "agent/host/case/raw.h"
#include "agent/host/case/service_models.h"
#include "agent/host/case/service_state.h"
#include "agent/host/cli/cli.h"
#include "agent/host/pipeline/report.h"
#include "agent/host/queue/admit.h"
#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/sandbox/sandbox.h"

/* A policy that is refused at load is 4, as scripts expect; anything else that fails is 1. */
static int check_policies(const struct service *s, struct err *e)
{
	const char *const names[] = { s->policy.reproduce, s->policy.patch, s->policy.verify };

	for (size_t i = 0; i < 3; i++) {
		AUTO_FREE char *path = service_path(s, names[i]);
		struct policy *p = NULL;

		if (!path || policy_load(path, &p, e) < 0)
			return -1;
		policy_free(p);
	}
	return 0;
}

/* Absolute: helpers are started in other directories. */
static int find_state(const char *state, struct session *s, struct err *e)
{
	if (dir_make(state, 0700, e) < 0)
		return -e->code;
	s->state = realpath(state, NULL);
	return s->state ? 0 : err_sys(e, "state directory '%s'", state);
}

int session_open(const struct session_options *o, struct session *out, struct err *e)
{
	struct session s = { 0 };
	int r, status = CLI_FAILED;
	char path[4096];

	if (o->config)
		cli_config = o->config;
	if (host_config_load(o->config, &s.config, e) < 0)
		return CLI_FAILED;
	if (service_file_of(o->services ? o->services : s.config.services, o->service, path, e) <
		    0 ||
	    service_load(path, &s.service, e) < 0)
		status = CLI_FAILED;
	else if (check_policies(&s.service, e) < 0)
		status = CLI_SCOPE;
	else if ((r = service_check_models(&s.service, &s.config, e)) < 0)
		status = r == -EPERM ? CLI_SCOPE : CLI_FAILED;
	else if (find_state(o->state ? o->state : s.config.state, &s, e) == 0 &&
		 sandbox_sweep(s.state, e) >= 0 && world_sweep(s.state, e) == 0 &&
		 store_open(s.state, &s.store, e) == 0 && audit_open(s.state, &s.audit, e) == 0 &&
		 pause_settle(s.state, s.audit, e) == 0)
		status = CLI_OK;
	if (status != CLI_OK) {
		session_close(&s);
		return status;
	}
	*out = s;
	return CLI_OK;
}

void session_close(struct session *s)
{
	case_close(s->kase);
	queue_release(s->claim);
	audit_close(s->audit);
	store_close(s->store);
	service_release(&s->service);
	host_config_release(&s->config);
	free(s->state);
	*s = (struct session){ 0 };
}

int session_admit(const struct session *s, struct err *e)
{
	char why[PAUSE_WHY];
	const int r = pause_active(s->state, s->service.name, why, e);

	if (r < 0)
		return CLI_FAILED;
	if (r == 0)
		return CLI_OK;
	(void)err_set(e, EBUSY, "paused (%s): nothing is started until 'sickbay unpause'", why);
	return CLI_CLOSED;
}

static struct pipeline pipeline_of(struct session *s)
{
	return (struct pipeline){ .state = s->state,
				  .service = &s->service,
				  .store = s->store,
				  .config = &s->config,
				  .audit = s->audit,
				  .refreshes = s->refreshes,
				  .kase = s->kase,
				  .claim = s->claim };
}

struct queue session_queue(const struct session *s)
{
	return (struct queue){ .state = s->state,
			       .config = &s->config,
			       .audit = s->audit,
			       .now_ns = clock_real_ns() };
}

int session_reclaim(struct session *s, struct err *e)
{
	const struct queue q = session_queue(s);

	if (case_stage(s->kase) == STAGE_N)
		return 0; /* nobody repairs it */
	return queue_reclaim(&q, s->kase, &s->service, &s->claim, e);
}

/* The case has ended: its incident and paths are free. */
static int let_go(struct session *s, struct err *e)
{
	return s->claim ? queue_complete(s->claim, e) : 0;
}

/* The case remembers where its service file is, so that resume needs no option. */
int session_begin_case(struct session *s, const struct incident *i, struct err *e)
{
	const struct pipeline p = pipeline_of(s);
	char real[PATH_MAX];
	size_t expired;
	int r;

	if (raw_expire(s->state, s->audit, s->config.retention.raw_ms, &expired, e) < 0)
		return err_wrap(e, "erase what is kept too long");
	if (bodies_expire(s->state, s->config.retention.raw_ms, &expired, e) < 0)
		return err_wrap(e, "remove what is kept too long");
	audit_set_case(s->audit, case_id(s->kase));
	if (service_note_ceiling(s->state, &s->service, e) < 0 ||
	    service_mode_now(s->state, &s->service, &s->service.mode, e) < 0)
		return -e->code;
	if (!realpath(s->service.file, real))
		return err_sys(e, "resolve '%s'", s->service.file);
	r = case_write(s->kase, "service", real, strlen(real), e);
	return r < 0 ? r : pipeline_begin(&p, i, e);
}

int session_take(struct session *s, const struct queue_ask *ask, const struct incident *i,
		 struct err *e)
{
	const struct queue q = session_queue(s);
	char why[QUEUE_WHY] = "";
	struct admission a = ADMISSION_INIT;
	struct err late = ERR_INIT;
	int r;

	r = queue_admit(&q, ask, &a, why, e);
	if (r > 0)
		(void)err_set(e, EBUSY, "not begun: %s", why);
	if (r != QUEUE_GO)
		return r;
	s->claim = a.claim;
	r = case_create(s->state, i->id, &s->kase, e);
	if (r == 0)
		r = admission_case(&q, &a, case_id(s->kase), e);
	if (r == 0)
		r = session_begin_case(s, i, e);
	if (r < 0 && s->kase)
		(void)case_discard(s->state, s->kase, &late);
	if (r < 0)
		(void)queue_complete(s->claim, &late);
	admission_close(&a);
	return r;
}

int session_service_of(const char *state, const char *id, char path[4096], struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(4095);
	struct kase *k = NULL;
	int r = case_open(state, id, false, &k, e);

	if (r < 0)
		return r;
	r = file_read_at(case_dir(k), "service", 4095, &text, e);
	case_close(k);
	if (r < 0)
		return err_wrap(e, "case '%s'", id);
	(void)snprintf(path, 4096, "%s", text.p);
	return 0;
}

/* What a person is to read of it: nothing where the case ended without. */
static bool print_text(const struct session *s, int outcome)
{
	const char *const name = outcome == OUTCOME_PROPOSED ? "pr.md"
				 : outcome == OUTCOME_REPRODUCED || outcome == OUTCOME_OBSERVED
					 ? REPORT_FILE
					 : NULL;
	AUTO_BUF struct buf text = BUF_INIT(1u << 20);
	struct err none = ERR_INIT;

	if (!name || file_read_at(case_dir(s->kase), name, 1u << 20, &text, &none) < 0)
		return false;
	(void)fwrite(text.p, 1, text.n, stdout);
	return true;
}

static void print_end(const struct session *s, const struct pipeline_end *end, bool json)
{
	AUTO_JSON json_t *o = NULL;

	if (!json) {
		const bool printed = print_text(s, end->outcome);

		(void)printf("%s%s: %s: %s\n", printed ? "\n" : "", case_id(s->kase),
			     outcome_name(end->outcome), end->reason);
		(void)printf("%s: %s\n", case_id(s->kase), case_path(s->kase));
		return;
	}
	o = json_pack("{s:s,s:s,s:s,s:b,s:s}", "case", case_id(s->kase), "outcome",
		      outcome_name(end->outcome), "reason", end->reason, "goal", end->goal,
		      "directory", case_path(s->kase));
	if (o)
		(void)json_dumpf(o, stdout, JSON_INDENT(1));
	(void)fputc('\n', stdout);
}

/* The log keeps room for this one line, so that who comes later knows why nothing went on. */
static void say_full(struct session *s, struct err *e)
{
	char why[sizeof(e->msg)];
	struct err late = ERR_INIT;

	if (!house_is_full(s->state, e->code))
		return;
	(void)snprintf(why, sizeof(why), "%s", e->msg);
	if (audit_commit(s->audit, "case.stopped",
			 json_pack("{s:s,s:s}", "reason", "disk full", "what", why), &late) < 0)
		log_warn("%s", late.msg);
	(void)err_set(
		e, e->code,
		"stopped: disk full: %.250s; see 'sickbay df' and 'sickbay gc', then 'sickbay "
		"case resume %s'",
		why, case_id(s->kase));
}

int session_run(struct session *s, bool json, struct err *e)
{
	const struct pipeline p = pipeline_of(s);
	struct pipeline_end end = { 0 };

	if (service_mode_now(s->state, &s->service, &s->service.mode, e) < 0)
		return CLI_FAILED;
	if (pipeline_run(&p, &end, e) < 0) {
		say_full(s, e);
		return end.no_sandbox ? CLI_SANDBOX : CLI_FAILED;
	}
	if (let_go(s, e) < 0)
		return CLI_FAILED;
	print_end(s, &end, json);
	if (end.goal)
		return CLI_OK;
	return end.outcome == OUTCOME_NEEDS_SCOPE ? CLI_SCOPE : CLI_CLOSED;
}
