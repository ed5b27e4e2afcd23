/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>

#include "agent/host/cli/cli.h"
#include "agent/host/cli/rerun.h"
#include "agent/host/pr/verify.h"
#include "runtime/base/fd.h"
#include "runtime/base/opt.h"

struct verifying {
	const char *file, *key, *state, *service;
	bool json, rerun;
};

/* The key that the archive brought, for the operator to compare. */
static const char *own_key(const struct checking *c)
{
	const json_t *keys = json_object_get(c->slice, "keys");
	const char *key = json_string_value(json_array_get(keys, json_array_size(keys) - 1));

	return key ? key : "";
}

static int print_json(const struct checking *c, const struct verifying *x, struct err *e)
{
	AUTO_JSON json_t *rows = json_array();
	AUTO_JSON json_t *o = NULL;

	for (size_t i = 0; i < c->n; i++)
		(void)json_array_append_new(rows, json_pack("{s:s,s:b,s:s?}", "check", c->v[i].name,
							    "holds", (int)c->v[i].holds, "says",
							    c->v[i].says));
	o = json_pack(
		"{s:s?,s:b,s:s,s:s,s:O,s:O*}", "case", c->case_id, "holds", (int)!c->failed,
		"trust", x->key ? "key" : "first-use", "key", own_key(c), "checks", rows, "replica",
		c->p.record[STAGE_REPLICA] ? json_object_get(c->p.record[STAGE_REPLICA], "host")
					   : NULL);
	if (!o)
		return err_set(e, ENOMEM, "out of memory");
	(void)json_dumpf(o, stdout, JSON_INDENT(1));
	(void)putchar('\n');
	return 0;
}

/* What the case was made with: nothing here can check it, but a reader wants to know. */
static void print_made_with(const struct checking *c)
{
	const json_t *r = c->p.record[STAGE_REPLICA], *host = json_object_get(r, "host");
	const json_t *image = json_object_get(r, "image");
	json_t *v;
	const char *name;

	if (!r)
		return;
	(void)printf("made with: image %s %s\n           toolchain %s\n           reporters %s\n",
		     pr_str(image, "name"), pr_str(image, "digest"), pr_str(r, "toolchain"),
		     pr_str(r, "reporters"));
	(void)printf("           kernel %s %s, sickbay %s\n", pr_str(host, "kernel"),
		     pr_str(host, "machine"), pr_str(host, "version"));
	json_object_foreach(json_object_get(host, "programs"), name, v)
		(void)printf("           %s %s\n", name, json_string_value(v));
	json_object_foreach(json_object_get(host, "grammars"), name, v)
		(void)printf("           %s %s sha512:%.16s...\n", name, pr_str(v, "version"),
			     pr_str(v, "sha512"));
}

static void print_text(const struct checking *c, const struct verifying *x)
{
	for (size_t i = 0; i < c->n; i++)
		(void)printf("%-6s %s: %s\n", c->v[i].holds ? "ok" : "FAILED", c->v[i].name,
			     c->v[i].says ? c->v[i].says : "");
	if (!c->failed)
		print_made_with(c);
	if (!x->key && c->slice)
		(void)printf(
			"\nNO KEY WAS GIVEN. The archive was only compared with itself: whoever "
			"made "
			"it chose the key\n    %s\nAsk whoever runs the repair host for the key of "
			"its log ('sickbay audit key'), on another way than\nthis archive came, "
			"and "
			"give it with '--key FILE'.\n",
			own_key(c));
	(void)printf("%s: %s\n", x->file,
		     c->failed ? "DOES NOT HOLD"
		     : x->key  ? "holds"
			       : "agrees with itself");
}

static int run(const struct verifying *x, struct err *e)
{
	CLEANUP(checking_release) struct checking c = { 0 };
	AUTO_CLOSE int fd = open(x->file, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	AUTO_CLOSE int key = -1;
	int status = CLI_OK;

	if (fd < 0) {
		(void)err_sys(e, "cannot open '%s'", x->file);
		return CLI_FAILED;
	}
	if (x->key) {
		key = open(x->key, O_RDONLY | O_NOCTTY | O_CLOEXEC);
		if (key < 0) {
			(void)err_sys(e, "cannot open '%s'", x->key);
			return CLI_FAILED;
		}
	}
	if (verify_export(&c, fd, x->file, key, e) < 0)
		return CLI_FAILED;
	if (x->rerun && !c.failed)
		status = case_rerun(&c, x->state, x->service, e);
	if (status != CLI_OK)
		return status;
	if (!x->json)
		print_text(&c, x);
	else if (print_json(&c, x, e) < 0)
		return CLI_FAILED;
	return c.failed ? CLI_CLOSED : CLI_OK;
}

int cmd_case_verify(int argc, char **argv, struct err *e)
{
	struct verifying x = { 0 };
	const struct opt opts[] = {
		{ "key", OPT_STR, &x.key, "FILE",
		  "the public key of the log, as 'audit key' prints it on the repair host" },
		{ "re-run", OPT_FLAG, &x.rerun, NULL,
		  "then repeat the proof here, in fresh replicas (needs root)" },
		{ "service", OPT_STR, &x.service, "NAME|FILE", "with --re-run: the service" },
		{ "state", OPT_STR, &x.state, "DIR", "with --re-run: state directory" },
		{ "json", OPT_FLAG, &x.json, NULL, "print one object" },
		{ 0 },
	};
	int operands;

	if (opt_parse(opts, false, argc, argv, &operands, e) < 0)
		return CLI_USAGE;
	if (operands != 1)
		return cli_usage(e, "case verify wants one exported case");
	if (x.rerun != (x.service != NULL))
		return cli_usage(e, x.rerun ? "--re-run needs '--service NAME|FILE'"
					    : "'--service' goes with '--re-run'");
	x.file = argv[1];
	return run(&x, e);
}
