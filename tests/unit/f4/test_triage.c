/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/incident/triage.h"

#include <fcntl.h>
#include <string.h>

#include "agent/host/incident/convert.h"
#include "tests/tap.h"

/* What real runtimes printed (tests/triage/record.sh), and the rule that decides about it. */
static const struct row {
	const char *report, *rule;
	int class;
} rows[] = {
	{ "address.node", "address", TRIAGE_OPERATIONAL },
	{ "address.python", "address", TRIAGE_OPERATIONAL },
	{ "body.node", "status", TRIAGE_EXPECTED },
	{ "called_with_none.python", "own-frame", TRIAGE_CODE },
	{ "cancelled.python", "stopped", TRIAGE_OPERATIONAL },
	{ "certificate.node", "certificate", TRIAGE_OPERATIONAL },
	{ "certificate.python", "certificate", TRIAGE_OPERATIONAL },
	{ "database.python", "peer-type", TRIAGE_OPERATIONAL },
	{ "deep.node", "own-frame", TRIAGE_CODE },
	{ "denied.node", "host-denied", TRIAGE_OPERATIONAL },
	{ "denied.python", "host-denied", TRIAGE_OPERATIONAL },
	{ "descriptors.node", "descriptors", TRIAGE_OPERATIONAL },
	{ "descriptors.python", "descriptors", TRIAGE_OPERATIONAL },
	{ "disk.node", "disk", TRIAGE_OPERATIONAL },
	{ "disk.python", "disk", TRIAGE_OPERATIONAL },
	{ "door.node", "own-frame", TRIAGE_CODE },
	{ "fetch.node", "peer-code", TRIAGE_OPERATIONAL },
	{ "forbidden.node", "permission", TRIAGE_EXPECTED },
	{ "forbidden.python", "permission", TRIAGE_EXPECTED },
	{ "fork.python", "memory-code", TRIAGE_OPERATIONAL },
	{ "huge.python", "memory-type", TRIAGE_OPERATIONAL },
	{ "logged.node", "peer-code", TRIAGE_OPERATIONAL },
	{ "memory.python", "memory-type", TRIAGE_OPERATIONAL },
	{ "memory.sanitizer", "memory-type", TRIAGE_OPERATIONAL },
	{ "missing.node", "own-frame", TRIAGE_CODE },
	{ "nowhere.node", "no-own-frame", TRIAGE_UNKNOWN },
	{ "overflow.sanitizer", "own-frame", TRIAGE_CODE },
	{ "own.node", "own-frame", TRIAGE_CODE },
	{ "own.python", "own-frame", TRIAGE_CODE },
	{ "package.node", "inside-package", TRIAGE_DEPENDENCY },
	{ "package.python", "inside-package", TRIAGE_DEPENDENCY },
	{ "parse.node", "own-frame", TRIAGE_CODE },
	{ "parse.python", "own-frame", TRIAGE_CODE },
	{ "peer.node", "peer-code", TRIAGE_OPERATIONAL },
	{ "peer.python", "peer-code", TRIAGE_OPERATIONAL },
	{ "peerFailed.node", "peer-failed", TRIAGE_OPERATIONAL },
	{ "peerRefused.node", "peer-refused", TRIAGE_CODE },
	{ "peer_denied.python", "peer-denied", TRIAGE_OPERATIONAL },
	{ "peer_failed.python", "peer-failed", TRIAGE_OPERATIONAL },
	{ "peer_refused.python", "peer-refused", TRIAGE_CODE },
	{ "permission.python", "permission", TRIAGE_EXPECTED },
	{ "redis.python", "peer-type", TRIAGE_OPERATIONAL },
	{ "refused_at_the_door.python", "own-frame", TRIAGE_CODE },
	{ "requests.python", "peer-type", TRIAGE_OPERATIONAL },
	{ "reset.python", "peer-type", TRIAGE_OPERATIONAL },
	{ "resolver.node", "resolver", TRIAGE_OPERATIONAL },
	{ "resolver.python", "resolver", TRIAGE_OPERATIONAL },
	{ "status.node", "refusal", TRIAGE_EXPECTED },
	{ "status.python", "status", TRIAGE_EXPECTED },
	{ "stopped.python", "stopped", TRIAGE_OPERATIONAL },
	{ "timeout.node", "timeout-code", TRIAGE_OPERATIONAL },
	{ "timeout.python", "timeout-code", TRIAGE_OPERATIONAL },
	{ "urlopen.python", "peer-code", TRIAGE_OPERATIONAL },
	{ "validation.node", "validation", TRIAGE_EXPECTED },
	{ "validation.python", "validation", TRIAGE_EXPECTED },
	{ "waited.python", "timeout-type", TRIAGE_OPERATIONAL },
	{ "worker.node", "memory-code", TRIAGE_OPERATIONAL },
	{ "wrapped.node", "peer-code", TRIAGE_OPERATIONAL },
	{ "wrapped.python", "peer-code", TRIAGE_OPERATIONAL },
};

/* What has no trace to record, as those who watch processes report it; and axes of one report. */
static const struct {
	const char *what, *incident, *rule;
	int class;
} incidents[] = {
	{ "the kernel killed it",
	  "\"kind\":\"crash\",\"signal\":{\"name\":\"SIGKILL\"},\"chain\":[{\"type\":\"SIGKILL\"}]",
	  "killed", TRIAGE_OPERATIONAL },
	{ "only the type names the signal", "\"kind\":\"crash\",\"chain\":[{\"type\":\"SIGTERM\"}]",
	  "killed", TRIAGE_OPERATIONAL },
	{ "it aborted with its memory at the limit",
	  "\"kind\":\"crash\",\"signal\":{\"name\":\"SIGABRT\"},\"metrics\":[{\"name\":"
	  "\"memory_used\",\"during\":1000,\"limit\":1024}],\"chain\":[{\"type\":\"Abort\","
	  "\"frames\":[{\"file\":\"a.c\",\"line\":3}]}]",
	  "memory-at-limit", TRIAGE_OPERATIONAL },
	{ "the same with memory free is a bug",
	  "\"kind\":\"crash\",\"signal\":{\"name\":\"SIGABRT\"},\"metrics\":[{\"name\":"
	  "\"memory_used\",\"during\":100,\"limit\":1024}],\"chain\":[{\"type\":\"Abort\","
	  "\"frames\":[{\"file\":\"a.c\",\"line\":3}]}]",
	  "own-frame", TRIAGE_CODE },
	{ "no memory while most of it was free: what was asked for is the bug",
	  "\"kind\":\"exception\",\"metrics\":[{\"name\":\"memory_used_ratio\",\"during\":0.4}],"
	  "\"chain\":[{\"type\":\"MemoryError\",\"frames\":[{\"file\":\"a.py\",\"line\":3}]}]",
	  "own-frame", TRIAGE_CODE },
	{ "a fault of own code stays one, however full the memory is",
	  "\"kind\":\"exception\",\"metrics\":[{\"name\":\"memory_used_ratio\",\"during\":0.99}],"
	  "\"chain\":[{\"type\":\"TypeError\",\"frames\":[{\"file\":\"a.js\",\"line\":3}]}]",
	  "own-frame", TRIAGE_CODE },
	{ "a crash of own code",
	  "\"kind\":\"crash\",\"signal\":{\"name\":\"SIGSEGV\"},\"chain\":"
	  "[{\"type\":\"SIGSEGV\",\"frames\":[{\"file\":\"a.c\",\"line\":3}]}]",
	  "own-frame", TRIAGE_CODE },
	{ "slow, and nobody knows where", "\"kind\":\"latency\"", "no-trace", TRIAGE_UNKNOWN },
	{ "a package was entered and refused at its door",
	  "\"kind\":\"exception\",\"chain\":[{\"type\":\"TypeError\",\"frames\":[{\"file\":"
	  "\"/srv/x/node_modules/q/a.js\",\"line\":1},{\"file\":\"a.js\",\"line\":3}]}]",
	  "own-frame", TRIAGE_CODE },
	{ "a package failed within itself",
	  "\"kind\":\"exception\",\"chain\":[{\"type\":\"TypeError\",\"frames\":[{\"file\":"
	  "\"/srv/x/node_modules/@s/q/a.js\",\"line\":1},{\"function\":\"Array.map\"},{\"file\":"
	  "\"/srv/x/node_modules/@s/q/b.js\",\"line\":1},{\"file\":\"a.js\",\"line\":3}]}]",
	  "inside-package", TRIAGE_DEPENDENCY },
	{ "it was handed a null",
	  "\"kind\":\"exception\",\"chain\":[{\"type\":\"TypeError\",\"frames\":[{\"file\":"
	  "\"/srv/x/node_modules/q/a.js\",\"line\":1},{\"file\":\"/srv/x/node_modules/q/b.js\","
	  "\"line\":1},{\"file\":\"a.js\",\"line\":3,\"vars\":{\"order\":null}}]}]",
	  "own-frame", TRIAGE_CODE },
	{ "it called back into own code",
	  "\"kind\":\"exception\",\"chain\":[{\"type\":\"TypeError\",\"frames\":[{\"file\":"
	  "\"a.js\",\"line\":9},{\"file\":\"/srv/x/node_modules/q/a.js\",\"line\":1},{\"file\":"
	  "\"/srv/x/node_modules/q/b.js\",\"line\":1},{\"file\":\"a.js\",\"line\":3}]}]",
	  "own-frame", TRIAGE_CODE },
	{ "a module that is not there is not something that was not found",
	  "\"kind\":\"exception\",\"chain\":[{\"type\":\"ModuleNotFoundError\",\"frames\":"
	  "[{\"file\":\"a.py\",\"line\":3}]}]",
	  "own-frame", TRIAGE_CODE },
};

static bool used(const char *rule)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].rule, rule) == 0)
			return true;
	for (size_t i = 0; i < sizeof(incidents) / sizeof(incidents[0]); i++)
		if (strcmp(incidents[i].rule, rule) == 0)
			return true;
	return false;
}

static void each_rule_has_a_report(void)
{
	const char *name;
	int class;

	for (size_t i = 0; (name = triage_rule(i, &class)); i++)
		CHECK_STR(used(name) ? name : "without a report", name);
}

static void judged(const struct incident *i, const char *what, const char *rule, int class)
{
	AUTO_JSON json_t *record = NULL;
	struct triage t = { 0 };
	struct err e = ERR_INIT;

	CHECK_INT(triage_incident(i, &t, &e), 0);
	if (strcmp(t.rule, rule) != 0 || t.class != class)
		CHECK_STR(t.rule, what);
	CHECK(*t.reason != '\0');
	CHECK(json_array_size(t.evidence) > 0 || i->chain.n == 0);
	record = triage_write(&t);
	CHECK_STR(json_string_value(json_object_get(record, "class")), triage_class_name(class));
	triage_release(&t);
}

static int convert(const char *path, const struct incident_paths *paths, struct incident *out,
		   struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct convert c = {
		.report = fd, .report_name = path, .service = "shop", .paths = *paths
	};
	const int r = convert_format(strrchr(path, '.') + 1, &c.from, e);

	return r < 0 ? r : incident_convert(&c, out, e);
}

static void reports_of_real_runtimes_are_judged(void)
{
	struct strpair pair = { (char[]){ "/srv/shop/" }, (char[]){ "" } };
	const struct strmap mapped = { .v = &pair, .n = 1 };
	const struct incident_paths paths = { .paths = &mapped };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct incident inc = { 0 };
		struct err e = ERR_INIT;
		char path[128];

		(void)snprintf(path, sizeof(path), "tests/triage/reports/%s", rows[i].report);
		CHECK_INT(convert(path, &paths, &inc, &e), 0);
		CHECK_STR(e.msg, "");
		if (e.code)
			continue;
		judged(&inc, rows[i].report, rows[i].rule, rows[i].class);
		incident_release(&inc);
	}
}

static void what_no_trace_shows_is_judged_and_so_are_deviations(void)
{
	for (size_t i = 0; i < sizeof(incidents) / sizeof(incidents[0]); i++) {
		AUTO_JSON json_t *v = NULL;
		struct incident inc = { 0 };
		struct err e = ERR_INIT;
		char text[2048];

		(void)snprintf(
			text, sizeof(text),
			"{\"schema\":\"sickbay.incident/1\",\"id\":\"x\",\"service\":\"s\",%s}",
			incidents[i].incident);
		v = json_loads(text, 0, NULL);
		CHECK_INT(incident_read(v, &inc, &e), 0);
		CHECK_INT(incident_resolve(&inc, NULL, &e), 0);
		CHECK_STR(e.msg, "");
		judged(&inc, incidents[i].what, incidents[i].rule, incidents[i].class);
		incident_release(&inc);
	}
}

/* A message may say anything: it is not evidence. */
static void messages_are_not_read(void)
{
	static const char text[] =
		"{\"schema\":\"sickbay.incident/1\",\"id\":\"x\",\"service\":\"s\","
		"\"kind\":\"exception\",\"chain\":[{\"type\":\"Error\",\"message\":"
		"\"ENOSPC: no space left on device, card 4111\",\"frames\":[{\"file\":\"a.js\","
		"\"line\":3}]}]}";
	AUTO_JSON json_t *v = json_loads(text, 0, NULL);
	AUTO_JSON json_t *record = NULL;
	AUTO_FREE char *said = NULL;
	struct incident inc = { 0 };
	struct triage t = { 0 };
	struct err e = ERR_INIT;

	CHECK_INT(incident_read(v, &inc, &e), 0);
	CHECK_INT(incident_resolve(&inc, NULL, &e), 0);
	CHECK_INT(triage_incident(&inc, &t, &e), 0);
	CHECK_INT(t.class, TRIAGE_CODE);
	record = triage_write(&t);
	said = json_dumps(record, 0);
	CHECK(said && !strstr(said, "4111"));
	triage_release(&t);
	incident_release(&inc);
}

TAP_MAIN(TEST(each_rule_has_a_report), TEST(reports_of_real_runtimes_are_judged),
	 TEST(what_no_trace_shows_is_judged_and_so_are_deviations), TEST(messages_are_not_read))
