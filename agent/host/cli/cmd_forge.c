/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/case.h"
#include "agent/host/case/decide.h"
#include "agent/host/case/service_state.h"
#include "agent/host/cli/cli.h"
#include "agent/host/pipeline/forge.h"
#include "agent/host/queue/queue.h"
#include "runtime/base/log.h"
#include "runtime/base/opt.h"

/* What concerns the forges: how proposals stand there, and what a token could do. */

struct forge_run {
	const char *state, *config_file, *services;
	bool json;
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

/* The pull request of a case: its place in 6-pullreq.json; NULL: it has none. New reference. */
static json_t *pull_of(const struct kase *k, json_t **service, char oid[65])
{
	AUTO_JSON json_t *record = NULL;
	AUTO_JSON json_t *first = NULL;
	struct err none = ERR_INIT;
	const json_t *measured;
	const char *commit;

	if (case_record(k, STAGE_PULLREQ, &record, &none) < 0 ||
	    case_record(k, STAGE_INCIDENT, &first, &none) < 0)
		return NULL;
	measured = json_object_get(record, "measured");
	commit = json_string_value(json_object_get(measured, "commit"));
	(void)snprintf(oid, 65, "%s", commit ? commit : "");
	*service = json_incref(json_object_get(json_object_get(first, "incident"), "service"));
	return json_incref(json_object_get(measured, "pull_request"));
}

static bool is_decided(const struct kase *k)
{
	AUTO_JSON json_t *all = NULL;
	struct err none = ERR_INIT;
	size_t i;
	json_t *v;

	if (case_decisions(k, &all, &none) < 0)
		return true; /* not ours to add to */
	json_array_foreach(all, i, v) {
		const char *word = json_string_value(json_object_get(v, "decision"));
		const int d = word ? decision_from_name(word) : -1;

		if (d >= 0 && decision_judges(d))
			return true;
	}
	return false;
}

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
	};

	(void)snprintf(note, sizeof(note), "at the forge: %s, pull request %s%s%s", now->state,
		       number, edited ? ", with what a person changed: its branch is " : "",
		       edited ? now->head : "");
	return case_decide(r->dir, k, &d, r->audit, e);
}

/* A number means something in one repository of one forge only. */
static int check_place(const struct service *s, const json_t *pull, struct err *e)
{
	const char *forge = json_string_value(json_object_get(pull, "forge"));
	const char *repository = json_string_value(json_object_get(pull, "repository"));

	if (s->forge.name && forge && repository && strcmp(s->forge.name, forge) == 0 &&
	    strcmp(s->forge.repository, repository) == 0)
		return 0;
	return err_set(e, EINVAL,
		       "its pull request is in '%s' of forge '%s', which service '%s' names no "
		       "longer: decide it with 'sickbay case decide'",
		       repository ? repository : "?", forge ? forge : "?", s->name);
}

static int look_at(struct forge_run *r, const char *id, struct err *e)
{
	AUTO_JSON json_t *service = NULL;
	AUTO_JSON json_t *pull = NULL;
	struct forge_door *d = NULL;
	struct forge_end now = { 0 };
	struct service s = { 0 };
	struct kase *k = NULL;
	char oid[65] = "", why[512] = "", number[32];
	uint64_t which;
	int x = case_open(r->dir, id, false, &k, e);

	if (x < 0)
		return x;
	pull = pull_of(k, &service, oid);
	which = (uint64_t)json_integer_value(json_object_get(pull, "number"));
	if (!which || !json_is_string(service) || is_decided(k)) {
		case_close(k);
		return 0;
	}
	(void)snprintf(number, sizeof(number), "%llu", (unsigned long long)which);
	x = load(r, json_string_value(service), &s, e);
	if (x == 0)
		x = check_place(&s, pull, e);
	if (x == 0)
		x = forge_open(&r->config, &s, &d, e);
	if (x == 0)
		x = forge_look(d, which, &now, why, e);
	if (x == 0 && strcmp(now.state ? now.state : "open", "open") != 0)
		x = decide(r, k, &now, oid, number, e);
	if (x == 1) {
		r->failed++;
		log_warn("case '%s': %s", id, why);
	}
	if (x >= 0)
		(void)json_array_append_new(r->rows, json_pack("{s:s,s:s,s:s}", "case", id,
							       "pull_request", number, "state",
							       x == 1	   ? "unknown"
							       : now.state ? now.state
									   : "open"));
	jmap_release(forge_end_map, &now);
	forge_close(d);
	service_release(&s);
	case_close(k);
	return x < 0 ? x : 0;
}

static int look_at_all(struct forge_run *r, struct err *e)
{
	AUTO_JSON json_t *cases = NULL;
	size_t i;
	json_t *v;
	int x = case_list(r->dir, &cases, e);

	json_array_foreach(cases, i, v) {
		const char *id = json_is_string(v) ? json_string_value(v)
						   : json_string_value(json_object_get(v, "case"));
		struct err why = ERR_INIT;

		if (x < 0 || !id)
			break;
		if (look_at(r, id, &why) < 0) {
			r->failed++;
			log_warn("case '%s': %s", id, why.msg);
		}
	}
	return x;
}

static int forge_poll(int argc, char **argv, struct err *e)
{
	struct forge_run r = { 0 };
	const struct opt opts[] = {
		{ "state", OPT_STR, &r.state, "DIR", "state directory" },
		{ "config", OPT_STR, &r.config_file, "FILE", "the host's configuration" },
		{ "services", OPT_STR, &r.services, "DIR", "service files" },
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
		x = look_at_all(&r, e);
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
		{ "poll", forge_poll, "[--json] [--config FILE] [--state DIR]",
		  "what became of proposals, into their cases" },
		{ 0 },
	};

	return cli_dispatch(table, "forge", argc, argv, e);
}
