/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/host_config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/jsonc.h"
#include "runtime/proto/broker_forge.h"
#include "runtime/proto/broker_registry.h"
#include "runtime/proto/model.h"

#define CONFIG_MAX	(1u << 20)
#define AT(field)	.offset = offsetof(struct host_config, field)
#define DEFAULT_WINDOW	(30 * 60 * 1000)
#define DEFAULT_SAMPLES 5
#define DEFAULT_AGE	(3600 * 1000)
#define DEFAULT_RAW	(30ull * 24 * 3600 * 1000)

/* NOLINTBEGIN(bugprone-macro-parentheses): a member's name */
#define SUB(member, field) \
	.offset = offsetof(struct host_config, member.field) - offsetof(struct host_config, member)
/* NOLINTEND(bugprone-macro-parentheses) */

/* A table reads best with one row a line. */
/* clang-format off */
static const struct jmap worker_map[] = {
	{ .name = "parallel", .kind = JMAP_U64, SUB(worker, parallel), .max = 64, .help = "cases at one time; 0: as many as processors and memory hold" },
	{ .name = "case_memory", .kind = JMAP_BYTES, SUB(worker, case_memory), .min = 16u << 20, .help = "memory that one case is reckoned with" },
	{ .name = "attempts", .kind = JMAP_U64, SUB(worker, attempts), .min = 1, .max = 100, .help = "runs of a case that fail before a person is needed" },
	{ .name = "poll", .kind = JMAP_DURATION, SUB(worker, poll_ms), .min = 1000, .help = "how often forges are asked what became of proposals" },
	{ 0 },
};
static const struct jmap storm_map[] = {
	{ .name = "fingerprints", .kind = JMAP_U64, SUB(storm, fingerprints), .min = 2, .max = 10000, .help = "new fingerprints of one service or deploy that are a storm" },
	{ .name = "window", .kind = JMAP_DURATION, SUB(storm, window_ms), .min = 1000, .help = "within which time" },
	{ 0 },
};
static const struct jmap incidents_map[] = {
	{ .name = "samples", .kind = JMAP_U64, SUB(incidents, samples), .min = 1, .max = 100, .help = "reports of one incident that are kept" },
	{ 0 },
};
static const struct jmap retention_map[] = {
	{ .name = "raw", .kind = JMAP_DURATION, SUB(retention, raw_ms), .min = 1000, .help = "how long what production said is kept (STATE/raw)" },
	{ .name = "kept", .kind = JMAP_DURATION, SUB(retention, kept_ms), .min = 1000, .help = "how long what case cancel --keep kept is kept (STATE/kept)" },
	{ 0 },
};
static const struct jmap quota_map[] = {
	{ .name = "bytes", .kind = JMAP_BYTES, SUB(quota, bytes), .min = 1u << 20, .help = "what the state directory may hold; not stated: what its file system does" },
	{ .name = "stop", .kind = JMAP_U64, SUB(quota, stop), .min = 1, .max = 100, .help = "per cent of it from which no case is begun" },
	{ .name = "collect", .kind = JMAP_U64, SUB(quota, collect), .min = 1, .max = 100, .help = "per cent of it from which derived data is collected" },
	{ .name = "age", .kind = JMAP_DURATION, SUB(quota, age_ms), .min = 1000, .help = "what is younger is not collected" },
	{ 0 },
};
static const struct jmap audit_map[] = {
	{ .name = "witness", .kind = JMAP_STR, SUB(audit, witness), .min = 2, .max = 4000, .help = "file or directory, best on another file system, that each checkpoint of the log is appended to" },
	{ .name = "bodies", .kind = JMAP_BOOL, SUB(audit, bodies), .help = "keep what models were asked and answered, by digest" },
	{ 0 },
};
#define PRICE_AT(field) .offset = offsetof(struct model_price, field)
static const struct jmap price_map[] = {
	{ .name = "name", .kind = JMAP_STR, PRICE_AT(name), .required = 1, .min = 1, .max = 200, .help = "the provider's name of the model" },
	{ .name = "input", .kind = JMAP_STR, PRICE_AT(input), .required = 1, .min = 1, .max = 20, .help = "US dollars for a million tokens read, as \"3.00\"" },
	{ .name = "output", .kind = JMAP_STR, PRICE_AT(output), .required = 1, .min = 1, .max = 20, .help = "the same for tokens written" },
	{ .name = "cached", .kind = JMAP_STR, PRICE_AT(cached), .min = 1, .max = 20, .help = "for tokens read from the provider's cache; not stated: as input" },
	{ .name = "cache_write", .kind = JMAP_STR, PRICE_AT(cache_write), .min = 1, .max = 20, .help = "for tokens written to the provider's cache; not stated: as input" },
	{ .name = "max_output", .kind = JMAP_U64, PRICE_AT(max_output), .min = 1, .max = 10000000, .help = "most tokens of one answer" },
	{ .name = "max_input", .kind = JMAP_U64, PRICE_AT(max_input), .min = 1, .max = 100000000, .help = "most tokens of one request" },
	{ 0 },
};
#define ENDPOINT_AT(field) .offset = offsetof(struct model_endpoint, field)
static const struct jmap endpoint_map[] = {
	{ .name = "name", .kind = JMAP_STR, ENDPOINT_AT(name), .required = 1, .min = 1, .max = 60, .help = "what policies and service files call it" },
	{ .name = "protocol", .kind = JMAP_ENUM, ENDPOINT_AT(protocol), .required = 1, .words = model_protocol_words, .help = "what it speaks" },
	{ .name = "url", .kind = JMAP_STR, ENDPOINT_AT(url), .required = 1, .min = 8, .max = 2000, .help = "base URL; http only to a loopback address" },
	{ .name = "credential", .kind = JMAP_STR, ENDPOINT_AT(credential), .min = 2, .max = 4000, .help = "file with its key, or credential:NAME of the unit" },
	{ .name = "ca", .kind = JMAP_STR, ENDPOINT_AT(ca), .min = 2, .max = 4000, .help = "PEM file of authorities; not stated: the system's" },
	{ .name = "proxy", .kind = JMAP_STR, ENDPOINT_AT(proxy), .min = 8, .max = 2000, .help = "HTTP proxy" },
	{ .name = "connect", .kind = JMAP_DURATION, ENDPOINT_AT(connect_ms), .min = 100, .help = "longest wait for a connection" },
	{ .name = "stall", .kind = JMAP_DURATION, ENDPOINT_AT(stall_ms), .min = 100, .help = "longest wait for a byte" },
	{ .name = "total", .kind = JMAP_DURATION, ENDPOINT_AT(total_ms), .min = 100, .help = "longest call" },
	{ .name = "retries", .kind = JMAP_U64, ENDPOINT_AT(retries), .max = 20, .present = offsetof(struct model_endpoint, retries_stated) + 1, .help = "most attempts after the first" },
	{ .name = "parallel", .kind = JMAP_U64, ENDPOINT_AT(parallel), .min = 1, .max = 256, .help = "calls at one time" },
	{ .name = "models", .kind = JMAP_LIST, ENDPOINT_AT(models), .required = 1, .min = 1, .max = 64, .sub = price_map, .size = sizeof(struct model_price), .help = "what it offers, with prices" },
	{ 0 },
};
#define FROM_AT(field) .offset = offsetof(struct intake_from, field)
static const struct jmap from_map[] = {
	{ .name = "name", .kind = JMAP_STR, FROM_AT(name), .required = 1, .min = 1, .max = 60, .help = "what the log calls it" },
	{ .name = "token_sha256", .kind = JMAP_STR, FROM_AT(token_sha256), .required = 1, .min = 64, .max = 64, .help = "digest of its token, as sickbay intake token prints it" },
	{ .name = "service", .kind = JMAP_STR, FROM_AT(service), .min = 1, .max = 60, .help = "the service that its reports are of; not stated: as a report says" },
	{ .name = "rate", .kind = JMAP_U64, FROM_AT(rate), .min = 1, .max = 1000000, .help = "reports a second" },
	{ .name = "burst", .kind = JMAP_U64, FROM_AT(burst), .min = 1, .max = 1000000, .help = "reports at once" },
	{ 0 },
};
static const struct jmap intake_map[] = {
	{ .name = "listen", .kind = JMAP_STRS, SUB(intake, listen), .max = 8, .help = "ADDRESS:PORT, or the path of a socket" },
	{ .name = "sources", .kind = JMAP_LIST, SUB(intake, sources), .max = 256, .sub = from_map, .size = sizeof(struct intake_from), .help = "who may send" },
	{ .name = "max_report", .kind = JMAP_BYTES, SUB(intake, max_report), .min = 1024, .max = 16u << 20, .help = "largest report" },
	{ .name = "max_memory", .kind = JMAP_BYTES, SUB(intake, max_memory), .min = 1u << 20, .help = "reports being received, together" },
	{ .name = "max_backlog", .kind = JMAP_BYTES, SUB(intake, max_backlog), .min = 1u << 20, .help = "reports that wait to be looked at, together" },
	{ .name = "connections", .kind = JMAP_U64, SUB(intake, connections), .min = 1, .max = 4000, .help = "clients at one time" },
	{ .name = "timeout", .kind = JMAP_DURATION, SUB(intake, timeout_ms), .min = 1000, .help = "longest wait for a client" },
	{ .name = "request_timeout", .kind = JMAP_DURATION, SUB(intake, request_ms), .min = 1000, .help = "longest time of one request" },
	{ .name = "per_address", .kind = JMAP_U64, SUB(intake, per_address), .min = 1, .max = 4000, .help = "clients at one time of one address" },
	{ .name = "rate", .kind = JMAP_U64, SUB(intake, rate), .min = 1, .max = 1000000, .help = "reports a second of one source" },
	{ .name = "burst", .kind = JMAP_U64, SUB(intake, burst), .min = 1, .max = 1000000, .help = "reports of one source at once" },
	{ 0 },
};
static const struct jmap host_map[] = {
	{ .name = "version", .kind = JMAP_U64, AT(version), .required = 1, .min = 1, .max = 1, .help = "format version" },
	{ .name = "state", .kind = JMAP_STR, AT(state), .min = 2, .max = 4000, .help = "state directory" },
	{ .name = "services", .kind = JMAP_STR, AT(services), .min = 2, .max = 4000, .help = "directory of service files" },
	{ .name = "worker", .kind = JMAP_OBJECT, AT(worker), .sub = worker_map, .help = "how much is done at one time" },
	{ .name = "storm", .kind = JMAP_OBJECT, AT(storm), .sub = storm_map, .help = "when repairs pause by themselves" },
	{ .name = "incidents", .kind = JMAP_OBJECT, AT(incidents), .sub = incidents_map, .help = "what is kept of them" },
	{ .name = "retention", .kind = JMAP_OBJECT, AT(retention), .sub = retention_map, .help = "how long things are kept" },
	{ .name = "quota", .kind = JMAP_OBJECT, AT(quota), .sub = quota_map, .help = "how full the disk may become" },
	{ .name = "audit", .kind = JMAP_OBJECT, AT(audit), .sub = audit_map, .help = "the log" },
	{ .name = "models", .kind = JMAP_LIST, AT(models), .max = 64, .sub = endpoint_map, .size = sizeof(struct model_endpoint), .help = "where models are" },
	{ .name = "intake", .kind = JMAP_OBJECT, AT(intake), .sub = intake_map, .help = "how reports come in" },
	{ .name = "forges", .kind = JMAP_LIST, AT(forges), .max = 16, .sub = forge_place_map, .size = sizeof(struct forge_place), .help = "where pull requests are opened" },
	{ .name = "notify", .kind = JMAP_OBJECT, AT(notify), .sub = notify_place_map, .help = "who is told" },
	{ .name = "registries", .kind = JMAP_LIST, AT(registries), .max = 64, .sub = registry_place_map, .size = sizeof(struct registry_place), .help = "where images are" },
	{ .name = "prometheus", .kind = JMAP_STR, AT(prometheus), .min = 2, .max = 4000, .help = "text file of the worker's figures" },
	{ 0 },
};
/* clang-format on */

static void set_default(uint64_t *field, uint64_t value)
{
	if (*field == 0)
		*field = value;
}

static int set_text(char **field, const char *value)
{
	if (!*field)
		*field = strdup(value);
	return *field ? 0 : -ENOMEM;
}

static void fill_models(struct host_config *c)
{
	struct model_endpoint *ep = c->models.v;

	for (size_t i = 0; i < c->models.n; i++) {
		struct model_price *m = ep[i].models.v;

		set_default(&ep[i].connect_ms, 10 * 1000);
		set_default(&ep[i].stall_ms, 120 * 1000);
		set_default(&ep[i].total_ms, 15 * 60 * 1000);
		set_default(&ep[i].parallel, 8);
		if (!ep[i].retries_stated)
			ep[i].retries = 4;
		for (size_t k = 0; k < ep[i].models.n; k++) {
			set_default(&m[k].max_output, 8192);
			set_default(&m[k].max_input, 200000);
		}
	}
}

static int fill_defaults(struct host_config *c, struct err *e)
{
	if (set_text(&c->state, "/var/lib/sickbay") < 0 ||
	    set_text(&c->services, "/etc/sickbay/services") < 0)
		return err_set(e, ENOMEM, "out of memory");
	set_default(&c->worker.case_memory, 2ull << 30);
	set_default(&c->worker.attempts, 3);
	set_default(&c->worker.poll_ms, 10ull * 60 * 1000);
	set_default(&c->storm.fingerprints, 3);
	set_default(&c->storm.window_ms, DEFAULT_WINDOW);
	set_default(&c->incidents.samples, DEFAULT_SAMPLES);
	set_default(&c->retention.raw_ms, DEFAULT_RAW);
	set_default(&c->retention.kept_ms, DEFAULT_RAW);
	set_default(&c->quota.stop, 80);
	set_default(&c->quota.collect, 90);
	set_default(&c->quota.age_ms, DEFAULT_AGE);
	fill_models(c);
	set_default(&c->intake.max_report, 4u << 20);
	set_default(&c->intake.max_memory, 256u << 20);
	set_default(&c->intake.max_backlog, 1ull << 30);
	set_default(&c->intake.connections, 512);
	set_default(&c->intake.timeout_ms, 30 * 1000);
	set_default(&c->intake.request_ms, 60 * 1000);
	set_default(&c->intake.per_address, 128);
	set_default(&c->intake.rate, 5000);
	set_default(&c->intake.burst, 20000);
	for (size_t i = 0; i < c->registries.n; i++)
		set_default(&((struct registry_place *)c->registries.v)[i].image,
			    REGISTRY_IMAGE_BYTES);
	return 0;
}

const struct model_endpoint *host_config_model(const struct host_config *c, const char *name,
					       const struct model_price **price, struct err *e)
{
	const struct model_endpoint *ep = c->models.v;
	const char *slash = strchr(name, '/');
	const size_t n = slash ? (size_t)(slash - name) : 0;

	for (size_t i = 0; slash && i < c->models.n; i++) {
		const struct model_price *m = ep[i].models.v;

		if (strncmp(ep[i].name, name, n) != 0 || ep[i].name[n])
			continue;
		for (size_t k = 0; k < ep[i].models.n; k++)
			if (strcmp(m[k].name, slash + 1) == 0) {
				*price = &m[k];
				return &ep[i];
			}
	}
	(void)err_set(
		e, ENOENT,
		"the model '%s' is not in this host's configuration: name its endpoint and its "
		"prices under \"models\" (sickbay-config(5))",
		name);
	return NULL;
}

/* What the table cannot say: a daemon and a person must mean the same place. */
static int check(const struct host_config *c, struct err *e)
{
	if (c->state[0] != '/')
		return err_set(e, EINVAL, "/state: '%s' is not an absolute path", c->state);
	if (c->services[0] != '/')
		return err_set(e, EINVAL, "/services: '%s' is not an absolute path", c->services);
	if (c->audit.witness && c->audit.witness[0] != '/')
		return err_set(e, EINVAL, "/audit/witness: '%s' is not an absolute path",
			       c->audit.witness);
	if (c->prometheus && c->prometheus[0] != '/')
		return err_set(e, EINVAL, "/prometheus: '%s' is not an absolute path",
			       c->prometheus);
	return host_config_check_models(c, e);
}

static int check_registries(const struct host_config *c, struct err *e)
{
	const struct registry_place *p = c->registries.v;

	for (size_t i = 0; i < c->registries.n; i++) {
		if (p[i].ca && p[i].ca[0] != '/')
			return err_set(e, EINVAL,
				       "/registries/%zu/ca: '%s' is not an absolute path", i,
				       p[i].ca);
		if (!registry_host_is_good(p[i].host))
			return err_set(e, EINVAL,
				       "/registries/%zu/host: '%s' is no HOST or HOST:PORT", i,
				       p[i].host);
		for (size_t k = 0; k < i; k++)
			if (strcmp(p[k].host, p[i].host) == 0)
				return err_set(e, EINVAL,
					       "/registries/%zu/host: '%s' stands there twice", i,
					       p[i].host);
	}
	return 0;
}

static int parse(const char *path, const struct buf *text, struct host_config *c, struct err *e)
{
	struct jsonc *j = NULL;
	int r = jsonc_parse(path, text->p, text->n, JSONC_COMMENTS, &j, e);

	if (r == 0) {
		r = jmap_read(host_map, jsonc_root(j), c, "", e);
		if (r == 0)
			r = fill_defaults(c, e);
		if (r == 0)
			r = check(c, e);
		if (r == 0)
			r = check_registries(c, e);
		if (r < 0)
			(void)jsonc_locate(j, e);
	}
	jsonc_free(j);
	return r;
}

int host_config_load(const char *path, struct host_config *out, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(CONFIG_MAX);
	struct host_config c = { 0 };
	int r;

	if (!path && access(HOST_CONFIG_DEFAULT, F_OK) < 0 && errno == ENOENT) {
		r = fill_defaults(&c, e);
	} else {
		r = file_read_at(AT_FDCWD, path ? path : HOST_CONFIG_DEFAULT, CONFIG_MAX, &text, e);
		if (r < 0)
			return err_wrap(e, "host configuration");
		r = parse(path ? path : HOST_CONFIG_DEFAULT, &text, &c, e);
	}
	if (r < 0) {
		host_config_release(&c);
		return r;
	}
	*out = c;
	return 0;
}

void host_config_release(struct host_config *c)
{
	jmap_release(host_map, c);
	*c = (struct host_config){ 0 };
}

char *host_config_service(const struct host_config *c, const char *name)
{
	char *out = NULL;

	return asprintf(&out, "%s/%s.json", c->services, name) < 0 ? NULL : out;
}
