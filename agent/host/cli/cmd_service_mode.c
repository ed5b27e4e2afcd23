/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/evidence.h"
#include "agent/host/case/mode.h"
#include "agent/host/cli/cmd_service.h"
#include "runtime/base/log.h"
#include "runtime/base/opt.h"
#include "runtime/proto/audit.h"

/* `sickbay service list|show|promote`: how far sickbay goes for a service, and on what evidence. */
struct look {
	struct service_host at;
	bool json, yes;
	char real[PATH_MAX]; /* the state directory */
};

static int find_state(struct look *l, struct err *e)
{
	if (service_host_load(&l->at, e) < 0)
		return -e->code;
	return realpath(l->at.state, l->real) ? 0 : err_sys(e, "state directory '%s'", l->at.state);
}

/* NULL where there was none. */
static json_t *last_check(const struct look *l, const struct service *s)
{
	struct err none = ERR_INIT;
	json_t *v = NULL;

	return service_state_read(l->real, s->name, CHECK_FILE, &v, &none) == 0 ? v : NULL;
}

/* {"service","file","language","mode","ceiling","check"} */
static json_t *summary(const struct look *l, const struct service *s, struct err *e)
{
	AUTO_JSON json_t *check = last_check(l, s);
	const json_t *checked = json_object_get(json_object_get(check, "measured"), "checked");
	int mode = 0;

	if (service_mode_now(l->real, s, &mode, e) < 0)
		return NULL;
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:O*}", "service", s->name, "file", s->file,
			 "language", s->language, "mode", service_mode_name(mode), "ceiling",
			 service_mode_name(s->mode), "check",
			 !check						 ? "never"
			 : json_is_true(json_object_get(check, "ready")) ? "ready"
									 : "not ready",
			 "checked", checked);
}

static const char *text(const json_t *v, const char *key)
{
	const char *s = json_string_value(json_object_get(v, key));

	return s ? s : "-";
}

static json_int_t number(const json_t *v, const char *key)
{
	return json_integer_value(json_object_get(v, key));
}

/* A file that does not load is one line of the list, and no reason to leave out the others. */
static void list_one(const struct look *l, const char *name, json_t *all)
{
	struct service s = { 0 };
	struct err e = ERR_INIT;
	char path[4096];
	json_t *v = NULL;

	if (service_file_of(l->at.services, name, path, &e) == 0 && service_load(path, &s, &e) == 0)
		v = summary(l, &s, &e);
	service_release(&s);
	if (!v)
		v = json_pack("{s:s,s:s}", "service", name, "error", e.msg);
	if (!l->json && json_object_get(v, "error"))
		(void)printf("%-24s %s\n", name, text(v, "error"));
	else if (!l->json)
		(void)printf("%-24s %-11s %-10s %-10s %s\n", name, text(v, "language"),
			     text(v, "mode"), text(v, "check"), text(v, "file"));
	(void)json_array_append_new(all, v);
}

int service_cmd_list(int argc, char **argv, struct err *e)
{
	struct look l = { 0 };
	const struct opt opts[] = { OPTS_HOST(l.at), OPT_JSON(l), { 0 } };
	AUTO_JSON json_t *all = json_array();
	struct strlist names = { 0 };
	int operands;

	if (opt_parse(opts, false, argc, argv, &operands, e) < 0)
		return CLI_USAGE;
	if (operands)
		return cli_usage(e, "service list takes no operands");
	if (find_state(&l, e) < 0 || service_names(l.at.services, &names, e) < 0)
		return CLI_FAILED;
	for (size_t i = 0; i < names.n; i++)
		list_one(&l, names.v[i], all);
	strlist_release(&names);
	host_config_release(&l.at.host);
	return l.json ? service_print_json(all, e) : CLI_OK;
}

static void print_counts(const char *what, const json_t *counts)
{
	const char *key, *between = "";
	json_t *n;

	(void)printf("%-10s", what);
	json_object_foreach((json_t *)(uintptr_t)counts, key, n) {
		(void)printf("%s%lld %s", between, json_integer_value(n), key);
		between = ", ";
	}
	(void)puts(*between ? "" : "none");
}

static void print_evidence(const json_t *v)
{
	const json_int_t right = number(v, "right"), wrong = number(v, "wrong");
	const json_t *id;
	size_t i;

	(void)printf("cases     %lld, of which %lld go on\n", number(v, "cases"),
		     number(v, "running"));
	print_counts("outcomes", json_object_get(v, "outcomes"));
	print_counts("decisions", json_object_get(v, "decisions"));
	if (right + wrong)
		(void)printf("precision %lld of %lld that people decided on were right\n", right,
			     right + wrong);
	else
		(void)puts("precision unknown: nobody has decided on a case (sickbay case decide)");
	json_array_foreach(json_object_get(v, "latest"), i, id)
		(void)printf("latest    sickbay case show %s\n", json_string_value(id));
}

static void print_summary(const json_t *v)
{
	const json_t *check = json_object_get(v, "record");

	(void)printf("service   %s\nfile      %s\nlanguage  %s\nmode      %s", text(v, "service"),
		     text(v, "file"), text(v, "language"), text(v, "mode"));
	if (strcmp(text(v, "mode"), text(v, "ceiling")) != 0)
		(void)printf(" (the file allows %s)", text(v, "ceiling"));
	(void)printf("\ncheck     %s%s%s\n", text(v, "check"),
		     json_object_get(v, "checked") ? ", " : "",
		     json_object_get(v, "checked") ? text(v, "checked") : "");
	if (json_object_get(check, "missing"))
		(void)printf("missing   %s\n", text(check, "missing"));
}

/* Opens what NAME|FILE says; the summary, the last check and the evidence as one object. */
static int gather(struct look *l, const char *name, struct service *s, json_t **out, struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	json_t *evidence = NULL, *check;
	char path[4096];
	int r = find_state(l, e);

	if (r == 0)
		r = service_file_of(l->at.services, name, path, e);
	if (r == 0)
		r = service_load(path, s, e);
	if (r < 0)
		return r;
	v = summary(l, s, e);
	r = v ? service_evidence(l->real, s->name, &evidence, e) : -e->code;
	if (r < 0)
		return r;
	(void)json_object_set_new(v, "evidence", evidence);
	check = last_check(l, s);
	if (check)
		(void)json_object_set_new(v, "record", check);
	*out = take_ptr(v);
	return 0;
}

static int parse(struct look *l, bool promote, int argc, char **argv, struct err *e)
{
	const struct opt opts[] = { OPTS_HOST(l->at),
				    OPT_JSON(*l),
				    { promote ? "yes" : NULL, OPT_FLAG, &l->yes, NULL, "raise it" },
				    { 0 } };
	int operands;

	if (opt_parse(opts, false, argc, argv, &operands, e) < 0)
		return CLI_USAGE;
	if (operands != 1)
		return cli_usage(e, "service %s wants one NAME or FILE", argv[0]);
	return CLI_OK;
}

int service_cmd_show(int argc, char **argv, struct err *e)
{
	struct look l = { 0 };
	AUTO_JSON json_t *v = NULL;
	struct service s = { 0 };
	int status = parse(&l, false, argc, argv, e);

	if (status != CLI_OK)
		return status;
	if (gather(&l, argv[1], &s, &v, e) < 0) {
		status = CLI_FAILED;
	} else if (l.json) {
		status = service_print_json(v, e);
	} else {
		print_summary(v);
		print_evidence(json_object_get(v, "evidence"));
	}
	service_release(&s);
	host_config_release(&l.at.host);
	return status;
}

/* ---- promote ---- */

static int raise_to(const struct look *l, const struct service *s, int from, struct err *e)
{
	struct audit *a = NULL;
	int r = service_checked(l->real, s, e);

	if (r == 0)
		r = audit_open(l->real, &a, e);
	if (r == 0)
		r = audit_commit(a, "service.promote",
				 json_pack("{s:s,s:s,s:s}", "service", s->name, "from",
					   service_mode_name(from), "to",
					   service_mode_name(from + 1)),
				 e);
	if (r == 0)
		r = service_set_rung(l->real, s->name, from + 1, "promoted by an operator", e);
	audit_close(a);
	return r;
}

/* What it says last, and the exit status: 3 where it cannot be raised as things are. */
static int answer(const struct look *l, const struct service *s, struct err *e)
{
	int mode = 0;

	if (service_mode_now(l->real, s, &mode, e) < 0)
		return CLI_FAILED;
	if (mode == MODE_PROPOSE) {
		log_info("'%s' is at propose: there is no further mode", s->name);
		return CLI_OK;
	}
	if (mode == s->mode) {
		(void)err_set(
			e, EPERM,
			"'%s' is at %s, and its file allows no more: write \"mode\": \"%s\" in "
			"'%s'",
			s->name, service_mode_name(mode), service_mode_name(mode + 1), s->file);
		return CLI_CLOSED;
	}
	if (!l->yes) {
		log_info("'%s' is at %s: --yes raises it to %s", s->name, service_mode_name(mode),
			 service_mode_name(mode + 1));
		return CLI_OK;
	}
	if (raise_to(l, s, mode, e) < 0)
		return CLI_FAILED;
	log_info("'%s' was at %s and is at %s now", s->name, service_mode_name(mode),
		 service_mode_name(mode + 1));
	return CLI_OK;
}

int service_cmd_promote(int argc, char **argv, struct err *e)
{
	struct look l = { 0 };
	AUTO_JSON json_t *v = NULL;
	struct service s = { 0 };
	int status = parse(&l, true, argc, argv, e);

	if (status != CLI_OK)
		return status;
	if (gather(&l, argv[1], &s, &v, e) < 0) {
		status = CLI_FAILED;
	} else {
		if (l.json) {
			status = service_print_json(v, e);
		} else {
			print_summary(v);
			print_evidence(json_object_get(v, "evidence"));
		}
		if (status == CLI_OK && fflush(stdout) == 0)
			status = answer(&l, &s, e);
	}
	service_release(&s);
	host_config_release(&l.at.host);
	return status;
}
