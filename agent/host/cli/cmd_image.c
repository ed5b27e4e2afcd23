/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/cli/cli.h"
#include "images/store.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/log.h"
#include "runtime/base/opt.h"
#include "runtime/proto/audit.h"

/* `sickbay image ...`: what replicas are made of. */
DEFINE_CLEANUP(struct store, store_close);
#define AUTO_STORE CLEANUP(cleanup_store_close)
DEFINE_CLEANUP(struct audit, audit_close);
#define AUTO_AUDIT CLEANUP(cleanup_audit_close)

struct call {
	const char *state, *name;
	bool json;
	struct store *store;
};

#define OPT_STATE(c)                                                                           \
	{                                                                                      \
		"state", OPT_STR, &(c).state, "DIR", "state directory (" CLI_STATE_DEFAULT ")" \
	}
#define OPT_JSON(c)                                             \
	{                                                       \
		"json", OPT_FLAG, &(c).json, NULL, "print JSON" \
	}

/* Parses, wants exactly `operands` of them, and opens the store. */
static int begin(struct call *c, const struct opt *opts, int operands, int argc, char **argv,
		 struct err *e)
{
	int n = 0;

	if (opt_parse(opts, false, argc, argv, &n, e) < 0)
		return CLI_USAGE;
	if (n < operands)
		return cli_usage(e, "image %s: an operand is missing", argv[0]);
	if (n > operands)
		return cli_usage(e, "image %s: '%s' is one operand too many", argv[0],
				 argv[operands + 1]);
	return store_open(c->state, &c->store, e) < 0 ? CLI_FAILED : CLI_OK;
}

/* What changes the store is in the log before it happens. */
static int announce(struct audit *a, const char *type, json_t *fields, struct err *e)
{
	return audit_commit(a, type, fields, e) < 0 ? CLI_FAILED : CLI_OK;
}

static int print_json(const json_t *v, struct err *e)
{
	char AUTO_FREE *text = json_dumps(v, JSON_INDENT(2));

	if (!text) {
		(void)err_set(e, ENOMEM, "image: out of memory");
		return CLI_FAILED;
	}
	return puts(text) < 0 ? CLI_FAILED : CLI_OK;
}

static const char *member(const json_t *v, const char *key)
{
	const char *s = json_string_value(json_object_get(v, key));

	return s ? s : "-";
}

static int image_cmd_import(int argc, char **argv, struct err *e)
{
	struct call c = { .state = CLI_STATE_DEFAULT };
	const struct opt opts[] = {
		{ "name", OPT_STR, &c.name, "NAME", "what the image is called here" },
		OPT_STATE(c),
		OPT_JSON(c),
		{ 0 },
	};
	int status = begin(&c, opts, 1, argc, argv, e);
	struct store AUTO_STORE *s = c.store;
	struct audit AUTO_AUDIT *log = NULL;
	json_t AUTO_JSON *v = NULL;
	struct image i = { 0 };

	if (status != CLI_OK)
		return status;
	if (!c.name)
		return cli_usage(e, "image import: --name NAME is missing");
	if (audit_open(c.state, &log, e) < 0 ||
	    announce(log, "image.import", json_pack("{s:s,s:s}", "name", c.name, "from", argv[1]),
		     e) != CLI_OK ||
	    image_import(s, argv[1], c.name, &i, e) < 0)
		return CLI_FAILED;
	if (!c.json)
		status = printf("%s %s\n", i.name, i.digest) < 0 ? CLI_FAILED : CLI_OK;
	else if (image_inspect(s, i.name, &v, e) < 0)
		status = CLI_FAILED;
	else
		status = print_json(v, e);
	image_release(&i);
	return status;
}

static void print_list(const json_t *images, const json_t *prepared)
{
	const json_t *v;
	size_t i;

	json_array_foreach(images, i, v) {
		const size_t n = json_array_size(json_object_get(v, "layers"));

		(void)printf("%-24s %s %zu layer%s\n", member(v, "name"), member(v, "digest"), n,
			     n == 1 ? "" : "s");
	}
	json_array_foreach(prepared, i, v)
		(void)printf("%-24s %s prepared for %s\n", member(v, "name"), member(v, "layer"),
			     member(v, "image"));
}

static int image_cmd_list(int argc, char **argv, struct err *e)
{
	struct call c = { .state = CLI_STATE_DEFAULT };
	const struct opt opts[] = { OPT_STATE(c), OPT_JSON(c), { 0 } };
	const int status = begin(&c, opts, 0, argc, argv, e);
	struct store AUTO_STORE *s = c.store;
	json_t AUTO_JSON *images = NULL, AUTO_JSON *prepared = NULL, AUTO_JSON *both = NULL;

	if (status != CLI_OK)
		return status;
	if (image_list(s, &images, e) < 0 || toolchain_list(s, &prepared, e) < 0)
		return CLI_FAILED;
	if (!c.json) {
		print_list(images, prepared);
		return CLI_OK;
	}
	both = json_pack("{s:O, s:O}", "images", images, "prepared", prepared);
	return print_json(both, e);
}

static int image_cmd_inspect(int argc, char **argv, struct err *e)
{
	struct call c = { .state = CLI_STATE_DEFAULT };
	const struct opt opts[] = { OPT_STATE(c), { 0 } };
	const int status = begin(&c, opts, 1, argc, argv, e);
	struct store AUTO_STORE *s = c.store;
	json_t AUTO_JSON *v = NULL;

	if (status != CLI_OK)
		return status;
	if (strncmp(argv[1], "sha256-", 7) == 0) {
		if (toolchain_inspect(s, argv[1], &v, e) < 0)
			return CLI_FAILED;
	} else if (image_inspect(s, argv[1], &v, e) < 0) {
		return CLI_FAILED;
	}
	return print_json(v, e);
}

static int image_cmd_remove(int argc, char **argv, struct err *e)
{
	struct call c = { .state = CLI_STATE_DEFAULT };
	const struct opt opts[] = { OPT_STATE(c), { 0 } };
	const int status = begin(&c, opts, 1, argc, argv, e);
	struct store AUTO_STORE *s = c.store;
	struct audit AUTO_AUDIT *log = NULL;

	if (status != CLI_OK)
		return status;
	if (audit_open(c.state, &log, e) < 0 ||
	    announce(log, "image.remove", json_pack("{s:s}", "name", argv[1]), e) != CLI_OK)
		return CLI_FAILED;
	return image_remove(s, argv[1], e) < 0 ? CLI_FAILED : CLI_OK;
}

static int image_cmd_prepare(int argc, char **argv, struct err *e)
{
	struct call c = { .state = CLI_STATE_DEFAULT };
	const struct opt opts[] = { OPT_STATE(c), OPT_JSON(c), { 0 } };
	const int status = begin(&c, opts, 1, argc, argv, e);
	struct store AUTO_STORE *s = c.store;
	struct audit AUTO_AUDIT *log = NULL;
	json_t AUTO_JSON *record = NULL;
	char id[80];
	int held;

	if (status != CLI_OK)
		return status;
	if (audit_open(c.state, &log, e) < 0)
		return CLI_FAILED;
	held = cli_hold(c.state, NULL, log, e);
	if (held != CLI_OK)
		return held;
	held = toolchain_prepare(s, log, argv[1], id, e) < 0 ? CLI_FAILED : CLI_OK;
	cli_hold_end();
	if (held != CLI_OK)
		return held;
	if (!c.json)
		return puts(id) < 0 ? CLI_FAILED : CLI_OK;
	if (toolchain_inspect(s, id, &record, e) < 0)
		return CLI_FAILED;
	return print_json(record, e);
}

static const struct command image_commands[] = {
	{ "import", image_cmd_import, "PATH --name NAME [--json]",
	  "import a directory, tar, docker archive or OCI layout" },
	{ "pull", cmd_image_pull, "HOST/REPOSITORY[:TAG][@DIGEST] [--name NAME] [--json]",
	  "fetch an image from a registry and import it" },
	{ "list", image_cmd_list, "[--json]", "list images and prepared layers" },
	{ "inspect", image_cmd_inspect, "NAME|LAYER",
	  "print the record of an image or a prepared layer" },
	{ "prepare", image_cmd_prepare, "RECIPE [--json]",
	  "make the toolchain layer of a recipe, and print its id" },
	{ "remove", image_cmd_remove, "NAME|LAYER", "remove an image, or a prepared layer" },
	{ 0 },
};

int cmd_image(int argc, char **argv, struct err *e)
{
	return cli_dispatch(image_commands, "image", argc, argv, e);
}
