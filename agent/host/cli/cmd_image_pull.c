/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/host_config.h"
#include "agent/host/case/house.h"
#include "agent/host/cli/cli.h"
#include "images/pull.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/opt.h"
#include "runtime/proto/audit.h"
#include "runtime/proto/broker_registry.h"

/* `sickbay image pull`: an image from a registry, by way of sickbay-broker. */
struct pull_options {
	const char *state, *config, *name;
	bool json;
};

DEFINE_CLEANUP(struct store, store_close);
#define AUTO_STORE CLEANUP(cleanup_store_close)
DEFINE_CLEANUP(struct audit, audit_close);
#define AUTO_AUDIT CLEANUP(cleanup_audit_close)

/* As the broker wants them: each credential a path. */
static int list_registries(const struct host_config *c, json_t **out, struct err *e)
{
	AUTO_JSON json_t *list = json_array();
	const struct registry_place *p = c->registries.v;

	for (size_t i = 0; i < c->registries.n; i++) {
		struct registry_place one = p[i];
		AUTO_FREE char *credential = NULL;

		if (one.credential && broker_credential(one.credential, &credential, e) < 0)
			return err_wrap(e, "registry '%s'", one.host);
		one.credential = credential;
		if (json_array_append_new(list, jmap_write(registry_place_map, &one)) < 0)
			return err_set(e, ENOMEM, "out of memory");
	}
	if (!list)
		return err_set(e, ENOMEM, "out of memory");
	*out = take_ptr(list);
	return 0;
}

static uint64_t most_of(const struct host_config *c, const char *host)
{
	const struct registry_place *p = c->registries.v;

	for (size_t i = 0; i < c->registries.n; i++)
		if (strcmp(p[i].host, host) == 0)
			return p[i].image;
	return REGISTRY_IMAGE_BYTES;
}

/* What is on the way counts against what the state directory may hold. */
static int find_room(const char *state, const struct host_config *c, uint64_t *out, struct err *e)
{
	struct house_level at;

	if (house_measure(state, c, &at, e) < 0)
		return -e->code;
	*out = at.used < at.of ? at.of - at.used : 0;
	return 0;
}

static int print_pulled(const struct image *i, const struct image_pulled *did, bool json)
{
	AUTO_JSON json_t *v = NULL;

	if (!json)
		return printf("%s %s\n", i->name, i->from) < 0 ? CLI_FAILED : CLI_OK;
	v = json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I}", "name", i->name, "from", i->from,
		      "digest", did->digest, "manifest", did->manifest, "layers",
		      (json_int_t)did->layers, "present", (json_int_t)did->present, "bytes",
		      (json_int_t)did->bytes, "fetched", (json_int_t)did->fetched);
	if (!v || json_dumpf(v, stdout, JSON_INDENT(2)) < 0 || putchar('\n') == EOF)
		return CLI_FAILED;
	return CLI_OK;
}

static int pull(const struct pull_options *o, const struct host_config *c, const char *text,
		struct err *e)
{
	const char *state = o->state ? o->state : c->state;
	struct image_pull p = { .ref = text, .name = o->name };
	AUTO_STORE struct store *s = NULL;
	AUTO_AUDIT struct audit *log = NULL;
	AUTO_JSON json_t *registries = NULL;
	struct registry_ref ref;
	struct image_pulled did;
	struct image i;
	int status;

	if (registry_ref_parse(text, &ref, e) < 0)
		return CLI_USAGE;
	p.most = most_of(c, ref.host);
	if (list_registries(c, &registries, e) < 0 || store_open(state, &s, e) < 0 ||
	    find_room(state, c, &p.room, e) < 0 || audit_open(state, &log, e) < 0)
		return CLI_FAILED;
	p.registries = registries;
	p.audit = log;
	if (image_pull(s, &p, &i, &did, e) < 0)
		return CLI_FAILED;
	status = print_pulled(&i, &did, o->json);
	image_release(&i);
	return status;
}

int cmd_image_pull(int argc, char **argv, struct err *e)
{
	struct pull_options o = { 0 };
	const struct opt opts[] = {
		{ "name", OPT_STR, &o.name, "NAME",
		  "what the image is called here (default: the repository's last part)" },
		{ "state", OPT_STR, &o.state, "DIR",
		  "state directory (default: the configuration's)" },
		{ "config", OPT_STR, &o.config, "FILE", "host configuration" },
		{ "json", OPT_FLAG, &o.json, NULL, "print JSON" },
		{ 0 },
	};
	struct host_config c = { 0 };
	int n = 0, status;

	if (opt_parse(opts, false, argc, argv, &n, e) < 0)
		return CLI_USAGE;
	if (n != 1)
		return cli_usage(e, "image pull: name one image: HOST/REPOSITORY:TAG or "
				    "HOST/REPOSITORY@sha256:HEX");
	cli_config = o.config;
	if (host_config_load(o.config, &c, e) < 0)
		return CLI_FAILED;
	status = pull(&o, &c, argv[1], e);
	host_config_release(&c);
	return status;
}
