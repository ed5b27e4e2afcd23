/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/host_config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/jsonc.h"

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

static int fill_defaults(struct host_config *c, struct err *e)
{
	if (set_text(&c->state, "/var/lib/sickbay") < 0 ||
	    set_text(&c->services, "/etc/sickbay/services") < 0)
		return err_set(e, ENOMEM, "out of memory");
	set_default(&c->worker.case_memory, 2ull << 30);
	set_default(&c->worker.attempts, 3);
	set_default(&c->storm.fingerprints, 3);
	set_default(&c->storm.window_ms, DEFAULT_WINDOW);
	set_default(&c->incidents.samples, DEFAULT_SAMPLES);
	set_default(&c->retention.raw_ms, DEFAULT_RAW);
	set_default(&c->retention.kept_ms, DEFAULT_RAW);
	set_default(&c->quota.stop, 80);
	set_default(&c->quota.collect, 90);
	set_default(&c->quota.age_ms, DEFAULT_AGE);
	return 0;
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
