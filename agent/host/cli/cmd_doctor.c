/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "agent/host/case/service_models.h"
#include "agent/host/case/service_state.h"
#include "agent/host/cli/cli.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/opt.h"
#include "runtime/base/spawn.h"
#include "runtime/proto/broker.h"
#include "runtime/sandbox/sandbox.h"

/*
 * `sickbay doctor`: what this host can and cannot do.  Nothing is guessed from
 * version numbers: sandbox_probe() builds the parts of a replica and says what
 * came of it; here each fact gets the sentence that follows from it.  Only what
 * a replica cannot be built without counts for the exit status.
 */
enum verdict { FINE, NOTE, PROBLEM };

struct doctor {
	const char *state, *config;
	bool json;
	json_t *findings;
	bool broken, lost; /* no replica can be built; no memory to say so */
	size_t unready;	   /* services that ask for models that they cannot have */
};

static const char *const verdict_names[] = { "ok", "note", "problem" };

static void find(struct doctor *d, enum verdict v, const char *name, const char *value,
		 const char *follows)
{
	json_t *row = json_pack("{s:s, s:s, s:s, s:s}", "name", name, "verdict", verdict_names[v],
				"value", value, "follows", follows);

	if (!row || json_array_append_new(d->findings, row) < 0)
		d->lost = true;
	d->broken = d->broken || v == PROBLEM;
}

/* ---- the sandbox's variants, and what follows from each ---- */

struct meaning {
	const char *fact, *name; /* of the probe; as it is printed */
	const char *value;
	enum verdict verdict;
	const char *follows;
};

static const struct meaning meanings[] = {
	{ "recipe", "replica roots", "idmapped", FINE,
	  "layers and what is written over them keep their ids; any id range can use them" },
	{ "recipe", "replica roots", "idmapped, by mount(2)", FINE,
	  "as idmapped; layers are handed to the kernel by name, which older kernels need" },
	{ "recipe", "replica roots", "chowned", NOTE,
	  "what a replica writes in memory is owned by its id range, so it cannot be frozen; "
	  "uppers to be frozen lie on disk" },
	{ "recipe", "replica roots", "chowned, by mount(2)", NOTE,
	  "what a replica writes in memory is owned by its id range, so it cannot be frozen; "
	  "uppers to be frozen lie on disk" },
	{ "freeze_in_memory", "freezing", "true", FINE,
	  "a replica's memory-backed upper can become a layer" },
	{ "freeze_in_memory", "freezing", "false", NOTE,
	  "a replica that will be frozen writes to disk: its start is slower" },
	{ "cgroup", "control groups", "v2", FINE, "limits, freezing and killing on one hierarchy" },
	{ "cgroup", "control groups", "hybrid", FINE,
	  "limits by the legacy controllers, freezing and killing by the unified hierarchy" },
	{ "cgroup", "control groups", "v1", FINE,
	  "limits and freezing by legacy controllers; killing freezes first, so that none is "
	  "missed" },
	{ "landlock_abi", "Landlock", "0", NOTE,
	  "no second line: what a replica may touch is held by its mounts alone" },
	{ "landlock_abi", "Landlock", NULL, FINE,
	  "a second line behind the mounts, by the kernel's ABI of that number" },
	{ "filter_instructions", "call filter", NULL, FINE,
	  "the allow-list of system calls compiles to that many instructions" },
	{ "open_files", "open files", NULL, FINE,
	  "the ceiling on what one run holds open: layers, replicas, pipes" },
	{ "cpus", "processors", NULL, FINE,
	  "evaluations beyond that number at a time wait for each other" },
	{ "kernel", "kernel", NULL, FINE, "what every answer below was tried on" },
};

/* What the probe says as text; NULL: it says nothing of it. */
static char *fact_text(const json_t *facts, const char *key)
{
	const json_t *v = json_object_get(facts, key);
	char *out = NULL;

	if (json_is_string(v))
		return strdup(json_string_value(v));
	if (json_is_boolean(v))
		return strdup(json_is_true(v) ? "true" : "false");
	if (!json_is_integer(v) ||
	    asprintf(&out, "%" JSON_INTEGER_FORMAT, json_integer_value(v)) < 0)
		return NULL;
	return out;
}

static void report_fact(struct doctor *d, const json_t *facts, const char *key)
{
	AUTO_FREE char *text = fact_text(facts, key);

	for (size_t i = 0; text && i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		const struct meaning *m = &meanings[i];

		if (strcmp(m->fact, key) != 0 || (m->value && strcmp(m->value, text) != 0))
			continue;
		find(d, m->verdict, m->name, text, m->follows);
		return;
	}
}

static int check_sandbox(struct doctor *d, struct err *e)
{
	static const char *const keys[] = { "kernel",		"cpus",
					    "recipe",		"cgroup",
					    "freeze_in_memory", "filter_instructions",
					    "landlock_abi",	"open_files" };
	AUTO_JSON json_t *facts = sandbox_probe(d->state, e);
	const json_t *problem;
	size_t i;

	if (!facts)
		return CLI_FAILED;
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		report_fact(d, facts, keys[i]);
	json_array_foreach(json_object_get(facts, "problems"), i, problem)
		find(d, PROBLEM, "replicas", json_string_value(problem),
		     "no replica can be built on this host until this is mended");
	return CLI_OK;
}

/* ---- programs ---- */

static void check_helpers(struct doctor *d)
{
	static const struct {
		const char *name, *without;
	} helpers[] = {
		{ "sickbay-init", "no replica starts without its pid 1" },
		{ "sickbay-decode", "nothing untrusted is read without it" },
		{ "sickbay-agent", "nothing is reproduced or patched without it" },
		{ "sickbay-audit", "without the log nothing is done" },
		{ "sickbay-broker", "no model is asked without it" },
		{ "sickbay-symbols", "no core file becomes an incident without it" },
		{ "sickbay-front", "no agent program of others is answered without it" },
	};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(helpers) / sizeof(helpers[0]); i++) {
		struct err e = ERR_INIT;

		if (spawn_sibling(helpers[i].name, path, sizeof(path), &e) == 0 &&
		    access(path, X_OK) == 0)
			find(d, FINE, helpers[i].name, path, "the program that this one starts");
		else
			find(d, PROBLEM, helpers[i].name, e.code ? e.msg : "not executable",
			     helpers[i].without);
	}
}

#define IMAGE_PATH                                                                    \
	"/usr/local/bin:/usr/bin:/bin" /* what a replica of the image 'host' searches \
					*/

static bool in_path(const char *dirs, const char *name, char out[PATH_MAX])
{
	AUTO_FREE char *copy = strdup(dirs ? dirs : IMAGE_PATH);
	char *rest = copy, *dir;

	while (copy && (dir = strsep(&rest, ":"))) {
		(void)snprintf(out, PATH_MAX, "%s/%s", *dir ? dir : ".", name);
		if (access(out, X_OK) == 0)
			return true;
	}
	return false;
}

static void check_programs(struct doctor *d)
{
	static const struct {
		const char *name, *with, *without;
		bool in_image;
	} programs[] = {
		{ "git", "repositories can be read and branches made",
		  "`sickbay heal` cannot read a repository", false },
		{ "npm", "recipes may name npm packages",
		  "`sickbay image prepare` refuses recipes with npm packages", false },
		{ "apt-get", "recipes may name Debian packages",
		  "`sickbay image prepare` refuses recipes with Debian packages", false },
		{ "node", "the image 'host' can run JavaScript",
		  "JavaScript services need an imported image that has it", true },
		{ "python3", "the image 'host' can run Python",
		  "Python services need an imported image that has it", true },
		{ "cc", "the image 'host' can build C",
		  "C services need an imported image that has it", true },
	};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		const char *dirs = programs[i].in_image ? IMAGE_PATH : getenv("PATH");

		if (in_path(dirs, programs[i].name, path))
			find(d, FINE, programs[i].name, path, programs[i].with);
		else
			find(d, NOTE, programs[i].name, "not found", programs[i].without);
	}
}

/* ---- where cases, layers and the log lie ---- */

/* The directory itself, or the nearest one above it that exists. */
static bool existing(const char *path, char out[PATH_MAX])
{
	char *slash;

	(void)snprintf(out, PATH_MAX, "%s", path);
	if (access(out, F_OK) == 0)
		return true;
	while ((slash = strrchr(out, '/')) && slash != out) {
		*slash = '\0';
		if (access(out, F_OK) == 0)
			return false;
	}
	(void)snprintf(out, PATH_MAX, "%s", out[0] == '/' ? "/" : ".");
	return false;
}

static void check_state(struct doctor *d)
{
	char at[PATH_MAX], value[PATH_MAX + 64];
	const bool there = existing(d->state, at);
	struct statvfs fs;
	struct stat st;

	(void)snprintf(value, sizeof(value), "%s", d->state);
	if (stat(at, &st) < 0 || !S_ISDIR(st.st_mode)) {
		find(d, PROBLEM, "state", value, "it is not a directory: name another by --state");
		return;
	}
	if (access(at, W_OK) < 0) {
		find(d, PROBLEM, "state", value, "it cannot be written");
		return;
	}
	if (there && (st.st_uid != geteuid() || (st.st_mode & 022))) {
		find(d, PROBLEM, "state", value,
		     "it belongs to, or can be written by, somebody else: records in it prove "
		     "nothing");
		return;
	}
	if (statvfs(at, &fs) == 0)
		(void)snprintf(value, sizeof(value), "%s, %" PRIu64 " MiB free", d->state,
			       (uint64_t)fs.f_bavail * fs.f_frsize >> 20);
	find(d, FINE, "state", value,
	     there ? "cases, layers and the log lie there" : "it will be made when first used");
}

/* ---- models, and the services that ask for them ---- */

/* Whether sickbay-broker will take the key file, without a look into it; NULL: it will. */
static const char *refuses_key(const char *said, char why[300])
{
	AUTO_FREE char *path = NULL;
	struct err e = ERR_INIT;
	struct stat st;

	if (broker_credential(said, &path, &e) < 0)
		(void)snprintf(why, 300, "%.290s", e.msg);
	else if (stat(path, &st) < 0)
		(void)snprintf(why, 300, "key file '%.200s': %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		(void)snprintf(why, 300, "key file '%.200s' is not a regular file", path);
	else if (st.st_uid != 0 && st.st_uid != geteuid())
		(void)snprintf(why, 300, "key file '%.200s' belongs to user %u: make it root's",
			       path, (unsigned)st.st_uid);
	else if (st.st_mode & 0177)
		(void)snprintf(why, 300,
			       "key file '%.200s' has mode %04o: others could read it; chmod 600",
			       path, (unsigned)st.st_mode & 07777);
	else
		return NULL;
	return why;
}

static void check_endpoint(struct doctor *d, const struct model_endpoint *ep)
{
	char value[PATH_MAX + 128], why[300];
	const char *refused = ep->credential ? refuses_key(ep->credential, why) : NULL;

	(void)snprintf(value, sizeof(value), "%s, %zu model%s at %s", ep->name, ep->models.n,
		       ep->models.n == 1 ? "" : "s", ep->url);
	if (refused) {
		(void)snprintf(value, sizeof(value), "%s: %s", ep->name, refused);
		find(d, NOTE, "models", value, "no model of it can be asked");
		return;
	}
	find(d, FINE, "models", value,
	     ep->credential ? "its key file is one that sickbay-broker takes"
			    : "it is asked without a key");
}

static void check_service(struct doctor *d, const struct host_config *c, const char *name)
{
	AUTO_FREE char *path = host_config_service(c, name);
	struct service s = { 0 };
	struct err e = ERR_INIT;

	if (path && service_load(path, &s, &e) == 0 && service_check_models(&s, c, &e) < 0) {
		d->unready++;
		find(d, NOTE, "service", e.msg, "it is refused until this is mended");
	}
	service_release(&s);
}

static int check_models(struct doctor *d, struct err *e)
{
	struct host_config c = { 0 };
	struct strlist names = { 0 };
	const struct model_endpoint *ep;
	struct err none = ERR_INIT;

	if (host_config_load(d->config, &c, e) < 0)
		return CLI_FAILED;
	ep = c.models.v;
	for (size_t i = 0; i < c.models.n; i++)
		check_endpoint(d, &ep[i]);
	if (service_names(c.services, &names, &none) == 0)
		for (size_t i = 0; i < names.n; i++)
			check_service(d, &c, names.v[i]);
	strlist_release(&names);
	host_config_release(&c);
	return CLI_OK;
}

/* ---- the answer ---- */

static const char *summary(const struct doctor *d)
{
	if (!d->broken && d->unready)
		return "replicas can be built on this host, but a service asks for models that it "
		       "cannot have";
	return d->broken ? "replicas cannot be built on this host"
			 : "replicas can be built on this host";
}

static void print_text(const struct doctor *d)
{
	const json_t *row;
	size_t i;

	json_array_foreach(d->findings, i, row)
		(void)printf("%-7s  %-14s  %s\n%-25s%s\n",
			     json_string_value(json_object_get(row, "verdict")),
			     json_string_value(json_object_get(row, "name")),
			     json_string_value(json_object_get(row, "value")), "",
			     json_string_value(json_object_get(row, "follows")));
	(void)puts(summary(d));
}

static int print(struct doctor *d, struct err *e)
{
	AUTO_JSON json_t *all = json_pack("{s:b, s:s, s:O}", "replicas", !d->broken, "summary",
					  summary(d), "findings", d->findings);

	if (!all || d->lost) {
		(void)err_set(e, ENOMEM, "doctor: out of memory");
		return CLI_FAILED;
	}
	if (d->json && (json_dumpf(all, stdout, JSON_INDENT(1)) < 0 || putchar('\n') == EOF))
		return CLI_FAILED;
	if (!d->json)
		print_text(d);
	return d->broken || d->unready ? CLI_FAILED : CLI_OK;
}

int cmd_doctor(int argc, char **argv, struct err *e)
{
	struct doctor d = { .state = CLI_STATE_DEFAULT };
	const char *forge = NULL;
	const struct opt opts[] = {
		{ "state", OPT_STR, &d.state, "DIR", "state directory (" CLI_STATE_DEFAULT ")" },
		{ "config", OPT_STR, &d.config, "FILE", "the host's configuration" },
		{ "forge", OPT_STR, &forge, "SERVICE",
		  "instead: what the token of its forge could do" },
		{ "json", OPT_FLAG, &d.json, NULL, "print JSON" },
		{ 0 },
	};
	int n = 0, status;

	if (opt_parse(opts, false, argc, argv, &n, e) < 0)
		return CLI_USAGE;
	if (n)
		return cli_usage(e, "doctor takes no operands");
	if (forge)
		return cli_forge_check(d.config, forge, d.json, e);
	d.findings = json_array();
	status = check_sandbox(&d, e);
	if (status == CLI_OK) {
		check_helpers(&d);
		check_state(&d);
		check_programs(&d);
		status = check_models(&d, e);
	}
	if (status == CLI_OK)
		status = print(&d, e);
	json_decref(d.findings);
	return status;
}
