/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/mode.h"
#include "agent/host/cli/cmd_service.h"
#include "agent/host/cli/session.h"
#include "agent/host/testrun/check.h"
#include "runtime/base/opt.h"

/* `sickbay service ...`: what is healed, and whether it can be. */
int service_host_load(struct service_host *h, struct err *e)
{
	const int r = host_config_load(h->config, &h->host, e);

	if (r < 0)
		return r;
	if (!h->state)
		h->state = h->host.state;
	if (!h->services)
		h->services = h->host.services;
	return 0;
}

int service_print_json(const json_t *v, struct err *e)
{
	AUTO_FREE char *text = json_dumps(v, JSON_INDENT(1));

	if (!text) {
		(void)err_set(e, ENOMEM, "out of memory");
		return CLI_FAILED;
	}
	return puts(text) < 0 ? CLI_FAILED : CLI_OK;
}

static json_int_t number(const json_t *v, const char *key)
{
	return json_integer_value(json_object_get(v, key));
}

static const char *text(const json_t *v, const char *key)
{
	const char *s = json_string_value(json_object_get(v, key));

	return s ? s : "-";
}

/* ---- check ---- */

#define NAMED_MAX 20

static void print_tests(const json_t *v)
{
	const json_t *failing = json_object_get(v, "failing");
	const json_t *measured = json_object_get(v, "measured");
	json_t *flaky = json_object_get(v, "flaky"), *how;
	const size_t n = json_array_size(failing);
	const char *id;

	(void)printf("tests     %lld found in %lld runs: %lld pass, %zu fail, %lld are skipped, "
		     "%zu flaky\n",
		     number(v, "tests"), number(v, "runs"), number(v, "passing"), n,
		     number(v, "skipped"), json_object_size(flaky));
	for (size_t i = 0; i < n && i < NAMED_MAX; i++)
		(void)printf("failing   %s\n", json_string_value(json_array_get(failing, i)));
	if (n > NAMED_MAX)
		(void)printf("failing   and %zu more: --json names them\n", n - NAMED_MAX);
	json_object_foreach(flaky, id, how)
		(void)printf("flaky     %s: %s\n", id, json_string_value(how));
	(void)printf("one run   %.1f s, %.1f cpu-s, at most %lld MiB\n",
		     (double)number(measured, "wall_us") / 1e6,
		     (double)number(measured, "cpu_us") / 1e6,
		     number(measured, "peak_memory") >> 20);
}

static void print_check(const json_t *v)
{
	const json_t *image = json_object_get(v, "image");
	const bool ready = json_is_true(json_object_get(v, "ready"));

	(void)printf("%s: %s\n", text(v, "service"), ready ? "ready" : "not ready");
	if (!ready) {
		(void)printf("missing   %s\n", text(v, "missing"));
		if (strcmp(text(v, "missing"), text(v, "why")) != 0)
			(void)printf("because   %s\n", text(v, "why"));
	}
	if (json_object_get(v, "commit"))
		(void)printf("commit    %s\n", text(v, "commit"));
	if (image)
		(void)printf("image     %s %s\n", text(image, "name"), text(image, "digest"));
	if (json_object_get(v, "runs"))
		print_tests(v);
}

static int check(int argc, char **argv, struct err *e)
{
	struct {
		struct service_host at;
		bool json;
	} c = { 0 };
	const struct opt opts[] = { OPTS_HOST(c.at), OPT_JSON(c), { 0 } };
	AUTO_JSON json_t *v = NULL;
	struct session_options o = { 0 };
	bool no_sandbox = false;
	struct session s;
	int operands, status;

	if (opt_parse(opts, false, argc, argv, &operands, e) < 0)
		return CLI_USAGE;
	if (operands != 1)
		return cli_usage(e, "service check wants one NAME or FILE");
	o = (struct session_options){ .state = c.at.state,
				      .services = c.at.services,
				      .config = c.at.config,
				      .service = argv[1] };
	status = session_open(&o, &s, e);
	if (status != CLI_OK)
		return status;
	status = cli_hold(s.state, s.service.name, s.audit, e);
	if (status == CLI_OK) {
		const struct check_input in = {
			.state = s.state, .store = s.store, .service = &s.service, .audit = s.audit
		};

		status = service_check(&in, &v, &no_sandbox, e) < 0 ? CLI_FAILED : CLI_OK;
		cli_hold_end();
	}
	session_close(&s);
	if (status != CLI_OK)
		return no_sandbox ? CLI_SANDBOX : status;
	if (c.json)
		status = service_print_json(v, e);
	else
		print_check(v);
	return status == CLI_OK && json_is_false(json_object_get(v, "ready")) ? CLI_CLOSED : status;
}

int cmd_service(int argc, char **argv, struct err *e)
{
	static const struct command table[] = {
		{ "init", service_cmd_init, "REPOSITORY [--name NAME]",
		  "draft a service file from what a repository says of itself" },
		{ "check", check, "NAME|FILE [--json]",
		  "run its suite in replicas: is it ready to be healed?" },
		{ "list", service_cmd_list, "[--json]", "all services, their modes and checks" },
		{ "show", service_cmd_show, "NAME|FILE [--json]",
		  "one service: mode, last check, cases and what people decided" },
		{ "promote", service_cmd_promote, "NAME|FILE [--yes]",
		  "what speaks for the next mode; --yes: raise it" },
		{ 0 },
	};

	return cli_dispatch(table, "service", argc, argv, e);
}
