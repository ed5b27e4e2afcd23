/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/host/case/service.h"
#include "agent/host/case/service_state.h"
#include "agent/host/cli/cli.h"
#include "agent/host/cli/core.h"
#include "agent/host/incident/convert.h"
#include "agent/host/incident/triage.h"
#include "agent/host/queue/queue.h"
#include "runtime/base/log.h"
#include "runtime/base/opt.h"

struct options {
	const char *from, *input, *deploy, *metrics, *service, *name, *state, *config;
	struct optlist maps;
};

/* What maps production's paths: from the service file, then from --map PRODUCTION=REPOSITORY. */
struct mapping {
	struct strmap paths;
	struct strlist in_app;
	char *service;
};

static void mapping_release(struct mapping *m)
{
	for (size_t i = 0; i < m->paths.n; i++) {
		free(m->paths.v[i].key);
		free(m->paths.v[i].value);
	}
	free(m->paths.v);
	strlist_release(&m->in_app);
	free(m->service);
}

static int map_add(struct strmap *m, const char *key, size_t key_len, const char *value)
{
	struct strpair *v = realloc(m->v, (m->n + 1) * sizeof(*v));

	if (!v)
		return -1;
	m->v = v;
	v[m->n] = (struct strpair){ .key = strndup(key, key_len), .value = strdup(value) };
	m->n++;
	return v[m->n - 1].key && v[m->n - 1].value ? 0 : -1;
}

static int map_service(const struct service *s, struct mapping *m)
{
	const struct service_path *p = s->paths.v;
	int r = 0;

	for (size_t i = 0; i < s->paths.n && r == 0; i++)
		r = map_add(&m->paths, p[i].production, strlen(p[i].production), p[i].repository);
	for (size_t i = 0; i < s->in_app.n && r == 0; i++)
		r = strlist_add(&m->in_app, s->in_app.v[i]);
	m->service = strdup(s->name);
	return r < 0 || !m->service ? -1 : 0;
}

static int mapping_read(const struct options *o, struct mapping *m, struct err *e)
{
	struct service s = { 0 };
	int r = 0;

	if (o->service) {
		char path[4096];

		if (service_file_of(NULL, o->service, path, e) < 0 || service_load(path, &s, e) < 0)
			return -e->code;
		r = map_service(&s, m);
		service_release(&s);
	}
	for (size_t i = 0; i < o->maps.n && r == 0; i++) {
		const char *eq = strchr(o->maps.v[i], '=');

		if (!eq || eq == o->maps.v[i])
			return err_set(e, EINVAL, "--map '%s': want PRODUCTION=REPOSITORY",
				       o->maps.v[i]);
		r = map_add(&m->paths, o->maps.v[i], (size_t)(eq - o->maps.v[i]), eq + 1);
	}
	return r < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}

static int print(const struct incident *i, struct err *e)
{
	json_t *v = incident_write(i);
	int r = v ? json_dumpf(v, stdout, JSON_INDENT(2)) : -1;

	json_decref(v);
	if (r < 0 || putchar('\n') == EOF)
		return err_set(e, EIO, "cannot write the incident");
	return 0;
}

static int convert(const struct options *o, const char *report, enum decode_format from,
		   struct err *e)
{
	const bool std = strcmp(report, "-") == 0;
	AUTO_CLOSE int fd = std ? dup(STDIN_FILENO) : open(report, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct mapping m = { 0 };
	struct incident i = { 0 };
	struct convert c = {
		.from = from,
		.report_name = std ? "standard input" : report,
		.input = o->input,
		.deploy = o->deploy,
		.metrics = o->metrics,
		.paths = { .paths = &m.paths, .in_app = &m.in_app },
	};
	int r;

	if (fd < 0)
		return err_sys(e, "open '%s'", report);
	c.report = fd;
	r = mapping_read(o, &m, e);
	c.service = o->name ? o->name : m.service;
	if (r == 0)
		r = incident_convert(&c, &i, e);
	if (r == 0) {
		r = print(&i, e);
		incident_release(&i);
	}
	mapping_release(&m);
	return r;
}

/* A core needs a replica, and that a service and the host's state. */
static int convert_core(const struct options *o, const char *path, struct err *e)
{
	const bool std = strcmp(path, "-") == 0;
	AUTO_CLOSE int fd = std ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	const struct report_options beside = { .input = o->input,
					       .deploy = o->deploy,
					       .metrics = o->metrics };
	struct host_config host = { 0 };
	struct core c = { .fd = -1 };
	struct service s = { 0 };
	struct incident i = { 0 };
	char state[PATH_MAX], file[4096];
	int status = CLI_FAILED;

	if (fd < 0) {
		(void)err_sys(e, "open '%s'", path);
	} else if (queue_host(o->config, o->state, &host, state, e) == 0 &&
		   service_file_of(host.services, o->service, file, e) == 0 &&
		   service_load(file, &s, e) == 0 &&
		   core_take(state, fd, std ? "standard input" : path, &c, e) == 0) {
		status = core_run(state, &c, &beside, &s, false, &i, e);
		if (status == CLI_OK && print(&i, e) < 0)
			status = CLI_FAILED;
	}
	incident_release(&i);
	service_release(&s);
	core_release(&c);
	host_config_release(&host);
	return status;
}

static int incident_convert_run(int argc, char **argv, struct err *e)
{
	struct options o = { 0 };
	const struct opt opts[] = {
		{ "from", OPT_STR, &o.from, "FORMAT", "node, python, sanitizer or core" },
		{ "input", OPT_STR, &o.input, "FILE", "what made it fail, as typed JSON" },
		{ "deploy", OPT_STR, &o.deploy, "FILE", "commit, previous, release, image, time" },
		{ "metrics", OPT_STR, &o.metrics, "FILE", "what the runtime measured" },
		{ "service", OPT_STR, &o.service, "NAME|FILE", "the service: name, paths, in_app" },
		{ "name", OPT_STR, &o.name, "NAME", "name of the service, where no file says it" },
		{ "map", OPT_STRS, &o.maps, "PRODUCTION=REPOSITORY", "one more path mapping" },
		{ "state", OPT_STR, &o.state, "DIR", "state directory (with core)" },
		{ "config", OPT_STR, &o.config, "FILE", "the host's configuration (with core)" },
		{ 0 },
	};
	enum decode_format from;
	int n = 0;

	if (opt_parse(opts, false, argc, argv, &n, e) < 0)
		return CLI_USAGE;
	if (!o.from)
		return cli_usage(e, "incident convert needs --from node|python|sanitizer|core");
	if (n > 1)
		return cli_usage(e,
				 "incident convert takes one REPORT ('-' or none: standard input)");
	if (strcmp(o.from, CORE_FROM) == 0 && (!o.service || o.name || o.maps.n))
		return cli_usage(e, "incident convert --from core needs --service NAME|FILE, whose "
				    "replica it is read in, and takes no --name and no --map");
	if (strcmp(o.from, CORE_FROM) == 0)
		return convert_core(&o, n ? argv[1] : "-", e);
	if (convert_format(o.from, &from, e) < 0)
		return CLI_USAGE;
	return convert(&o, n ? argv[1] : "-", from, e) < 0 ? CLI_FAILED : CLI_OK;
}

/* What a reproduction will miss; not errors. */
static void warn_missing(const struct incident *i, const char *path)
{
	if (!i->deploy.commit)
		log_warn("%s: /deploy/commit is missing: the service file's release pattern or the "
			 "image's labels must tell",
			 path);
	if (json_object_get(i->input, "http"))
		log_warn("%s: /input has a request: new_test.http of the service file says how a "
			 "test sends it",
			 path);
	else if (incident_tells(i) < 2)
		log_warn("%s: /input has no call, script or command: %s", path,
			 incident_tells(i) ? "one will be rebuilt from the variables of the "
					     "frames, where those are whole"
					   : "there is nothing to replay");
	if (!i->coordinate.file)
		log_warn("%s: the coordinate has no file: no reproduction can be exact", path);
	if (i->loss.n)
		log_warn("%s: incomplete in %zu places, see /loss", path, i->loss.n);
}

static void print_checked(const struct incident *i, const struct triage *t, const char *path)
{
	size_t n;
	json_t *one;

	(void)printf("%s: %s, %s", path, i->id,
		     i->coordinate.type ? i->coordinate.type : "no type");
	if (i->coordinate.file)
		(void)printf(" at %s:%llu in %s", i->coordinate.file,
			     (unsigned long long)i->coordinate.line,
			     i->coordinate.function ? i->coordinate.function : "?");
	(void)printf("\n%s: triage %s, rule %s: %s\n", path, triage_class_name(t->class), t->rule,
		     t->reason);
	json_array_foreach(t->evidence, n, one)
		(void)printf("%s:   %s\n", path, json_string_value(one));
}

static int print_checked_json(const struct incident *i, const struct triage *t, struct err *e)
{
	AUTO_JSON json_t *v =
		json_pack("{s:s,s:o*,s:o}", "id", i->id, "coordinate",
			  jmap_write(coordinate_map, &i->coordinate), "triage", triage_write(t));

	if (!v || json_dumpf(v, stdout, JSON_INDENT(1)) < 0 || putchar('\n') == EOF)
		return err_set(e, EIO, "cannot write what was checked");
	return 0;
}

static int incident_check_run(int argc, char **argv, struct err *e)
{
	bool json = false;
	const struct opt opts[] = { { "json", OPT_FLAG, &json, NULL, "print JSON" }, { 0 } };
	struct incident i = { 0 };
	struct triage t = { 0 };
	int n = 0, r;

	if (opt_parse(opts, false, argc, argv, &n, e) < 0)
		return CLI_USAGE;
	if (n != 1)
		return cli_usage(e, "incident check takes one FILE");
	if (incident_load_file(argv[1], &i, e) < 0)
		return CLI_FAILED;
	warn_missing(&i, argv[1]);
	r = triage_incident(&i, &t, e);
	if (r == 0 && json)
		r = print_checked_json(&i, &t, e);
	else if (r == 0)
		print_checked(&i, &t, argv[1]);
	triage_release(&t);
	incident_release(&i);
	return r < 0 ? CLI_FAILED : CLI_OK;
}

int cmd_incident(int argc, char **argv, struct err *e)
{
	static const struct command table[] = {
		{ "convert", incident_convert_run, "--from FORMAT [OPTIONS] [REPORT]",
		  "turn a raw report into an incident" },
		{ "check", incident_check_run, "FILE [--json]", "check an incident strictly" },
		{ "submit", incident_submit_run, "[OPTIONS] FILE...",
		  "put incidents into the queue, durably" },
		{ "list", incident_list_run, "[--json]",
		  "incidents, and where their repairs stand" },
		{ 0 },
	};

	return cli_dispatch(table, "incident", argc, argv, e);
}
