/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/case.h"
#include "agent/host/case/decide.h"
#include "agent/host/case/service_state.h"
#include "agent/host/cli/cli.h"
#include "agent/host/cli/session.h"
#include "agent/host/pipeline/pull.h"
#include "agent/host/queue/queue.h"
#include "agent/host/queue/wake.h"
#include "runtime/base/log.h"
#include "runtime/base/opt.h"

/* What concerns the forges: how proposals stand there, and what a token could do. */

struct forge_run {
	const char *state, *config_file, *services;
	bool json, woken;
	bool told; /* by a webhook, of the case that is looked at */
	struct host_config config;
	char dir[PATH_MAX];
	struct audit *audit;
	json_t *rows;
	size_t failed;
};

static int load(const struct forge_run *r, const char *name, struct service *out, struct err *e)
{
	char path[4096];

	if (service_file_of(r->services ? r->services : r->config.services, name, path, e) < 0)
		return -e->code;
	return service_load(path, out, e);
}

/* ---- doctor --forge ---- */

static void print_may(const char *what, const char *repository, const json_t *about)
{
	static const char *const rights[] = { "admin", "maintain", "push", "triage", "pull" };
	const json_t *p = json_object_get(about, "permissions");

	(void)printf("%-10s %s:", what, repository);
	for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++)
		if (json_is_true(json_object_get(p, rights[i])))
			(void)printf(" %s", rights[i]);
	if (json_object_size(p) == 0)
		(void)printf(" nothing");
	(void)putchar('\n');
}

int cli_forge_check(const char *config_file, const char *name, bool json, struct err *e)
{
	struct forge_run r = { .config_file = config_file };
	AUTO_JSON json_t *about = NULL;
	struct forge_door *d = NULL;
	struct service s = { 0 };
	char why[512] = "";
	int k = host_config_load(config_file, &r.config, e);

	if (k == 0)
		k = load(&r, name, &s, e);
	if (k == 0 && !s.forge.name)
		k = err_set(e, EINVAL, "service '%s' has no \"forge\"", s.name);
	if (k == 0)
		k = forge_open(&r.config, &s, &d, e);
	if (k == 0)
		k = forge_exposure(d, &about, why, e);
	forge_close(d);
	if (k >= 0 && json) {
		AUTO_JSON json_t *v = json_pack("{s:s,s:O,s:b,s:s}", "service", s.name, "may",
						about, "propose", k == 0, "why", why);

		(void)json_dumpf(v, stdout, JSON_INDENT(1));
		(void)putchar('\n');
	} else if (k >= 0) {
		print_may("repository", s.forge.repository, json_object_get(about, "repository"));
		print_may("fork", s.forge.fork, json_object_get(about, "fork"));
		(void)printf("%s\n", k == 0 ? "it can propose, and no more" : why);
	}
	service_release(&s);
	host_config_release(&r.config);
	return k < 0 ? CLI_FAILED : k == 1 ? CLI_CLOSED : CLI_OK;
}

/* ---- forge poll ---- */

static int decide(struct forge_run *r, struct kase *k, const struct forge_end *now, const char *oid,
		  const char *number, struct err *e)
{
	const bool merged = strcmp(now->state, "merged") == 0;
	const bool edited = merged && now->head && strcmp(now->head, oid) != 0;
	char note[300];
	const struct decision_note d = {
		.decision = edited   ? DECISION_MERGED_EDITED
			    : merged ? DECISION_MERGED
				     : DECISION_CLOSED_WRONG,
		.note = note,
		.commit = merged ? now->into : NULL,
		.source = r->told ? "webhook" : "poll",
	};

	(void)snprintf(note, sizeof(note), "at the forge: %s, pull request %s%s%s", now->state,
		       number, edited ? ", with what a person changed: its branch is " : "",
		       edited ? now->head : "");
	return case_decide(r->dir, k, &d, r->audit, e);
}

int cli_forge_pay(const struct pull_host *h, const struct kase *k, char why[512], struct err *e)
{
	struct pull_host with = *h;
	struct service s = { 0 };
	char path[4096];
	int r = session_service_of(h->state, case_id(k), path, e);

	if (r == 0)
		r = service_load(path, &s, e);
	with.service = &s;
	if (r == 0)
		r = pull_pay(&with, k, why, e);
	service_release(&s);
	return r;
}

/* What was to be closed, and could not be then. */
static int pay(struct forge_run *r, const struct kase *k, struct err *e)
{
	const struct pull_host h = { r->dir, &r->config, NULL, r->audit };
	char why[512];
	int x;

	if (!pull_is_owed(r->dir, case_id(k)))
		return 0;
	x = cli_forge_pay(&h, k, why, e);
	if (x != 1)
		return x;
	return err_set(e, EIO, "its pull request is not closed: %s", why);
}

static int look_at_pull(struct forge_run *r, struct kase *k, const struct pull *p, struct err *e)
{
	struct forge_door *d = NULL;
	struct forge_end now = { 0 };
	struct service s = { 0 };
	char why[512] = "", number[32];
	int x = load(r, p->service, &s, e);

	(void)snprintf(number, sizeof(number), "%llu", (unsigned long long)p->number);
	if (x == 0)
		x = pull_check_place(p, &s, e);
	if (x == 0)
		x = forge_open(&r->config, &s, &d, e);
	if (x == 0)
		x = forge_look(d, p->number, &now, why, e);
	if (x == 0 && strcmp(now.state ? now.state : "open", "open") != 0)
		x = decide(r, k, &now, p->commit, number, e);
	if (x == 1) {
		r->failed++;
		log_warn("case '%s': %s", case_id(k), why);
	}
	if (x >= 0)
		(void)json_array_append_new(r->rows, json_pack("{s:s,s:s,s:s}", "case", case_id(k),
							       "pull_request", number, "state",
							       x == 1	   ? "unknown"
							       : now.state ? now.state
									   : "open"));
	jmap_release(forge_end_map, &now);
	forge_close(d);
	service_release(&s);
	return x < 0 ? x : 0;
}

static int look_at(struct forge_run *r, const char *id, struct err *e)
{
	struct kase *k = NULL;
	struct pull p;
	int x = case_open(r->dir, id, false, &k, e);

	if (x == 0)
		x = pay(r, k, e);
	if (x == 0 && !case_is_decided(k) && pull_of(k, &p)) {
		x = look_at_pull(r, k, &p, e);
		pull_release(&p);
	}
	case_close(k);
	return x;
}

/* What a webhook told of is forgotten once it was looked at. */
static int look(struct forge_run *r, const char *id, struct err *e)
{
	const size_t failed = r->failed;
	int x = wake_take(r->dir, id, e);

	if (x < 0)
		return x;
	r->told = x == 1;
	x = look_at(r, id, e);
	return x == 0 && r->told && r->failed == failed ? wake_done(r->dir, id, e) : x;
}

static void look_or_say(struct forge_run *r, const char *id)
{
	struct err why = ERR_INIT;

	if (look(r, id, &why) == 0)
		return;
	r->failed++;
	log_warn("case '%s': %s", id, why.msg);
}

static int look_at_told(struct forge_run *r, struct err *e)
{
	struct strlist told = { 0 };
	const int x = wake_list(r->dir, &told, e);

	for (size_t i = 0; x == 0 && i < told.n; i++)
		look_or_say(r, told.v[i]);
	strlist_release(&told);
	return x;
}

/* Also what was told of and cannot be looked at is forgotten: the next time asks for it anyhow. */
static int look_at_all(struct forge_run *r, struct err *e)
{
	AUTO_JSON json_t *cases = NULL;
	struct strlist told = { 0 };
	size_t i;
	json_t *v;
	int x = wake_list(r->dir, &told, e);

	if (x == 0)
		x = case_list(r->dir, &cases, e);
	json_array_foreach(cases, i, v) {
		const char *id = json_is_string(v) ? json_string_value(v)
						   : json_string_value(json_object_get(v, "case"));

		if (!id)
			break;
		look_or_say(r, id);
	}
	for (i = 0; x == 0 && i < told.n; i++)
		x = wake_done(r->dir, told.v[i], e);
	strlist_release(&told);
	return x;
}

static int forge_poll(int argc, char **argv, struct err *e)
{
	struct forge_run r = { 0 };
	const struct opt opts[] = {
		{ "state", OPT_STR, &r.state, "DIR", "state directory" },
		{ "config", OPT_STR, &r.config_file, "FILE", "the host's configuration" },
		{ "services", OPT_STR, &r.services, "DIR", "service files" },
		{ "woken", OPT_FLAG, &r.woken, NULL, "only those that a webhook told of" },
		{ "json", OPT_FLAG, &r.json, NULL, "print JSON" },
		{ 0 },
	};
	size_t i;
	json_t *v;
	int n, x;

	if (opt_parse(opts, false, argc, argv, &n, e) < 0)
		return CLI_USAGE;
	if (n != 0)
		return cli_usage(e, "forge poll takes no operands");
	r.rows = json_array();
	x = queue_host(r.config_file, r.state, &r.config, r.dir, e);
	if (x == 0)
		x = audit_open(r.dir, &r.audit, e);
	if (x == 0)
		x = r.woken ? look_at_told(&r, e) : look_at_all(&r, e);
	if (x == 0 && r.json) {
		(void)json_dumpf(r.rows, stdout, JSON_INDENT(1));
		(void)putchar('\n');
	} else if (x == 0) {
		json_array_foreach(r.rows, i, v)
			(void)printf("%-32s %-8s %s\n",
				     json_string_value(json_object_get(v, "case")),
				     json_string_value(json_object_get(v, "pull_request")),
				     json_string_value(json_object_get(v, "state")));
	}
	audit_close(r.audit);
	json_decref(r.rows);
	host_config_release(&r.config);
	return x < 0 || r.failed ? CLI_FAILED : CLI_OK;
}

int cmd_forge(int argc, char **argv, struct err *e)
{
	static const struct command table[] = {
		{ "poll", forge_poll, "[--woken] [--json] [--config FILE] [--state DIR]",
		  "what became of proposals, into their cases" },
		{ 0 },
	};

	return cli_dispatch(table, "forge", argc, argv, e);
}
