/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/mman.h>

#include "agent/host/incident/convert.h"
#include "runtime/base/fd.h"
#include "tests/tap.h"

static const char good[] =
	"{\n"
	" \"schema\": \"sickbay.incident/1\", \"id\": \"shop-1\", \"service\": \"shop\",\n"
	" \"kind\": \"exception\", \"count\": 3, \"first_seen\": \"2026-11-22T06:41:00Z\",\n"
	" \"deploy\": {\"commit\": \"0123456789012345678901234567890123456789\"},\n"
	" \"chain\": [{\"type\": \"TypeError\", \"frames\": [{\"file\": \"a.js\", \"line\": "
	"3}]}],\n"
	" \"input\": {\"call\": {\"export\": \"f\", \"args\": [null]}},\n"
	" \"personal\": [\"/call/args/0\"]\n"
	"}\n";

static int load(const char *text, struct incident *out, struct err *e)
{
	AUTO_CLOSE int fd = memfd_create("incident", MFD_CLOEXEC);

	CHECK_INT(fd_write_all(fd, text, strlen(text), "memfd", e), 0);
	CHECK_INT(lseek(fd, 0, SEEK_SET), 0);
	return incident_load(fd, "i.json", out, e);
}

static void a_record_is_read_and_written_back_the_same(void)
{
	struct incident i = { 0 }, again = { 0 };
	AUTO_JSON json_t *once = NULL;
	AUTO_JSON json_t *twice = NULL;
	struct err e = ERR_INIT;

	CHECK_INT(load(good, &i, &e), 0);
	CHECK_STR(e.msg, "");
	CHECK_INT((long long)i.count, 3);
	CHECK_STR(i.deploy.commit, "0123456789012345678901234567890123456789");
	once = incident_write(&i);
	CHECK_INT(incident_read(once, &again, &e), 0);
	CHECK_STR(e.msg, "");
	twice = incident_write(&again);
	CHECK(json_equal(once, twice));
	incident_release(&i);
	incident_release(&again);
}

/* The good record with one piece of text replaced. */
static void replaced(const char *old, const char *new, char *out, size_t n)
{
	const char *at = strstr(good, old);

	CHECK(at != NULL);
	if (!at)
		return;
	(void)snprintf(out, n, "%.*s%s%s", (int)(at - good), good, new, at + strlen(old));
}

static void each_wrong_member_is_named_with_its_place(void)
{
	static const struct {
		const char *old, *new, *want;
	} rows[] = {
		{ "incident/1", "incident/2", "i.json:2:2: 'schema' is not" },
		{ "\"shop-1\"", "\"../x\"", "i.json:2:34: '../x' cannot be a name" },
		{ "\"exception\"", "\"explosion\"",
		  "i.json:3:2: 'explosion' is not a known value" },
		{ "06:41:00Z", "late", "i.json:3:35: '2026-11-22Tlate' is not a time" },
		{ "0123456789\"", "abc\"",
		  "i.json:4:13: '012345678901234567890123456789abc' is not a commit" },
		{ "\"TypeError\"", "7", "i.json:5:13: want a string" },
		{ "\"line\"", "\"lien\"", "i.json:5:" },
		{ "\"call\"", "\"cal\"", "i.json:6:12: unknown; want one of call, command" },
		{ "[null]", "null", "i.json:6:12: want an array \"args\", and \"export\" as" },
		{ "\"count\": 3", "\"count\": -3", "i.json:3:" },
		{ " \"chain\": [", " \"metrics\": [], \"loss\": [", "i.json:5:" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct incident inc = { 0 };
		struct err e = ERR_INIT;
		char text[2048] = "";

		replaced(rows[i].old, rows[i].new, text, sizeof(text));
		CHECK(load(text, &inc, &e) < 0);
		CHECK(inc.id == NULL);
		if (strncmp(e.msg, rows[i].want, strlen(rows[i].want)) != 0)
			CHECK_STR(e.msg, rows[i].want);
	}
}

static void check_path(const struct incident_paths *where, const char *file, const char *want,
		       bool in_app)
{
	AUTO_JSON json_t *v = json_pack("[{s:s, s:[{s:s, s:i}]}]", "type", "T", "frames", "file",
					file, "line", 1);
	struct objlist chain = { 0 };
	struct err e = ERR_INIT;
	const struct frame *f;

	CHECK_INT(chain_read(v, &chain, &e), 0);
	CHECK_INT(chain_resolve(&chain, where, &e), 0);
	f = ((const struct exception *)chain.v)->frames.v;
	CHECK_STR(f->file, want);
	CHECK_STR(f->in_app ? "in app" : file, in_app ? "in app" : file);
	CHECK_INT(chain_resolve(&chain, where, &e), 0); /* again: nothing changes */
	CHECK_STR(f->file, want);
	chain_release(&chain);
}

static void production_paths_become_repository_paths(void)
{
	struct strpair pairs[] = {
		{ (char[]){ "/srv/app" }, (char[]){ "" } },
		{ (char[]){ "/srv/app/node_modules/qs/" }, (char[]){ "" } },
		{ (char[]){ "/usr/lib/python3/dist-packages/jinja2" }, (char[]){ "src/jinja2" } },
	};
	const struct strmap paths = { .v = pairs, .n = 3 };
	const struct incident_paths where = { .paths = &paths };
	static const struct {
		const char *file, *want;
		bool in_app;
	} rows[] = {
		{ "/srv/app/server.js", "server.js", true },
		{ "/srv/app/node_modules/qs/lib/utils.js", "lib/utils.js", true },
		{ "/srv/app/node_modules/qs/node_modules/side/index.js",
		  "node_modules/side/index.js", false },
		{ "/srv/app/node_modules/other/x.js", "node_modules/other/x.js", false },
		{ "/srv/apple/x.js", "/srv/apple/x.js", false },
		{ "/srv/app/lib/../server.js", "server.js", true },
		{ "/srv/app/../../etc/passwd", "/etc/passwd", false },
		{ "/usr/lib/python3/dist-packages/jinja2/filters.py", "src/jinja2/filters.py",
		  true },
		{ "/usr/lib/python3.11/json/__init__.py", "/usr/lib/python3.11/json/__init__.py",
		  false },
		{ "./src/x.c", "src/x.c", true },
		{ "../sysdeps/strlen.S", "../sysdeps/strlen.S", false },
		{ "node:fs", "node:fs", false },
		{ "<string>", "<string>", false },
		{ "webpack://app/x.js", "webpack://app/x.js", false },
		{ "/srv/app/.git/hooks/x", "/srv/app/.git/hooks/x", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_path(&where, rows[i].file, rows[i].want, rows[i].in_app);
}

static void an_incident_without_a_chain_has_no_coordinate_but_resolves(void)
{
	struct incident i = { .kind = INCIDENT_TIMEOUT };
	struct err e = ERR_INIT;

	CHECK_INT(incident_resolve(&i, NULL, &e), 0);
	CHECK(i.coordinate.type == NULL);
	incident_release(&i);
}

static int convert(enum decode_format from, const char *report, const struct convert *base,
		   struct incident *out, struct err *e)
{
	AUTO_CLOSE int fd = open(report, O_RDONLY | O_CLOEXEC);
	struct convert c = *base;

	c.from = from;
	c.report = fd;
	c.report_name = report;
	return incident_convert(&c, out, e);
}

struct report_row {
	enum decode_format from;
	const char *report, *type, *file, *function;
	unsigned line;
	enum incident_kind kind;
};

static void check_report(const struct convert *base, const struct report_row *row)
{
	struct incident inc = { 0 };
	struct err e = ERR_INIT;
	char path[128];

	(void)snprintf(path, sizeof(path), "tests/fuzz/corpus/%s", row->report);
	(void)convert(row->from, path, base, &inc, &e);
	CHECK_STR(e.msg, "");
	if (e.code)
		return;
	CHECK_INT(inc.kind, row->kind);
	CHECK_STR(inc.coordinate.type, row->type);
	CHECK_STR(inc.coordinate.file, row->file);
	CHECK_STR(inc.coordinate.function, row->function);
	CHECK_INT((long long)inc.coordinate.line, row->line);
	CHECK(strncmp(inc.id, "shop-1-", 7) == 0 && strlen(inc.id) == 15);
	incident_release(&inc);
}

static void reports_become_incidents_with_a_coordinate(void)
{
	static const struct report_row rows[] = {
		{ DECODE_NODE, "node/line.txt", "TypeError", "a.js", "price", 2,
		  INCIDENT_EXCEPTION },
		{ DECODE_NODE, "node/cause.txt", "TypeError", "a.js", "price", 2,
		  INCIDENT_EXCEPTION },
		{ DECODE_NODE, "node/internal.txt", "Error", "a.js", "Object.<anonymous>", 16,
		  INCIDENT_EXCEPTION },
		{ DECODE_PYTHON, "python/cause.txt", "TypeError", "p.py", "price", 2,
		  INCIDENT_EXCEPTION },
		{ DECODE_PYTHON, "python/handling.txt", "ValueError", "p.py", "handler", 8,
		  INCIDENT_EXCEPTION },
		{ DECODE_SANITIZER, "sanitizer/segv.txt", "AddressSanitizer: SEGV", "s.c", "seg", 8,
		  INCIDENT_CRASH },
		{ DECODE_SANITIZER, "sanitizer/assertion.txt", "Assertion", "s.c", "main", 14,
		  INCIDENT_CRASH },
	};
	struct strpair pair = { (char[]){ "/srv/shop" }, (char[]){ "" } };
	const struct strmap mapped = { .v = &pair, .n = 1 };
	struct convert base = { .service = "Shop 1" };

	base.paths.paths = &mapped;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_report(&base, &rows[i]);
}

static void the_logged_call_becomes_the_input(void)
{
	const struct convert base = { 0 };
	struct incident inc = { 0 };
	struct err e = ERR_INIT;
	const json_t *call;

	CHECK_INT(convert(DECODE_NODE, "tests/fuzz/corpus/node/line.txt", &base, &inc, &e), 0);
	call = json_object_get(inc.input, "call");
	CHECK_STR(json_string_value(json_object_get(call, "export")), "encode");
	CHECK_STR(inc.service, "shop");
	CHECK_STR(inc.deploy.release, "1.2.3");
	CHECK(inc.first_seen != NULL);
	incident_release(&inc);
}

static void fingerprints_ignore_lines_and_messages(void)
{
	static const char *const chains[] = {
		"[{\"type\":\"T\",\"message\":\"a\",\"frames\":[{\"file\":\"x.c\",\"function\":"
		"\"f\",\"line\":1}]}]",
		"[{\"type\":\"T\",\"message\":\"b\",\"frames\":[{\"file\":\"x.c\",\"function\":"
		"\"f\",\"line\":9}]}]",
		"[{\"type\":\"T\",\"message\":\"a\",\"frames\":[{\"file\":\"x.c\",\"function\":"
		"\"g\",\"line\":1}]}]",
	};
	char print[3][72];

	for (size_t i = 0; i < 3; i++) {
		AUTO_JSON json_t *v = json_loads(chains[i], 0, NULL);
		struct incident inc = { 0 };
		struct err e = ERR_INIT;

		CHECK_INT(chain_read(v, &inc.chain, &e), 0);
		CHECK_INT(incident_resolve(&inc, NULL, &e), 0);
		incident_fingerprint(&inc, print[i]);
		incident_release(&inc);
	}
	CHECK_STR(print[0], print[1]);
	CHECK(strcmp(print[0], print[2]) != 0);
	CHECK_INT((long long)strlen(print[0]), 71);
}

TAP_MAIN(TEST(a_record_is_read_and_written_back_the_same),
	 TEST(each_wrong_member_is_named_with_its_place),
	 TEST(production_paths_become_repository_paths),
	 TEST(an_incident_without_a_chain_has_no_coordinate_but_resolves),
	 TEST(reports_become_incidents_with_a_coordinate), TEST(the_logged_call_becomes_the_input),
	 TEST(fingerprints_ignore_lines_and_messages))
