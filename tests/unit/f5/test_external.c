/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/gate/external.h"

#include <string.h>

#include "agent/host/gate/collect.h"
#include "agent/host/gate/model_impl.h"
#include "runtime/base/cleanup.h"
#include "runtime/proto/model.h"
#include "tests/tap.h"

static const char *expanded(const char *text, const char *model)
{
	static char out[512];
	struct strlist l = { 0 };
	struct err e = ERR_INIT;

	CHECK_INT(external_expand(text, model, &l, &e), 0);
	(void)snprintf(out, sizeof(out), "%s", l.n ? l.v[0] : "(none)");
	strlist_release(&l);
	return out;
}

static void what_stands_for_a_place_of_the_replica_is_replaced(void)
{
	CHECK_STR(expanded("@base/v1", NULL), "http://127.0.0.1:8421/v1");
	CHECK_STR(expanded("URL=@mcp", NULL), "URL=http://127.0.0.1:8421/mcp");
	CHECK_STR(expanded("{\"m\":\"x/@model\"}", "big"), "{\"m\":\"x/big\"}");
	CHECK_STR(expanded("{\"m\":\"@model\"}", "big"), "{\"m\":\"big\"}");
	CHECK_STR(expanded("read @task.", NULL), "read " REPLICA_TASK ".");
	CHECK_STR(expanded("@model@base", "a"), "a@base");
	CHECK_STR(expanded("", NULL), "");
}

static void what_only_looks_like_one_stays(void)
{
	static const char *const texts[] = { "/x/node_modules/@base/cli",
					     "me@base",
					     "@bases",
					     "@key-file",
					     "@key_file",
					     "@",
					     "@other" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		CHECK_STR(expanded(texts[i], "m"), texts[i]);
}

static void what_agent_programs_keep_is_left_out_by_name(void)
{
	static const char *const out[] = { ".claude/settings.json", "lib/.codex/a", ".git",
					   ".git/hooks/post-checkout", "a/__pycache__/b.pyc" };
	static const char *const in[] = { "claude/a",	".claude",  ".claudette/a", "a/.git/config",
					  ".gitignore", "lib/a.js", "x.opencode/a", "CLAUDE.md" };

	for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++)
		CHECK(collect_left_out(out[i]));
	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++)
		CHECK(!collect_left_out(in[i]));
}

static bool runs_inside(const char *tools)
{
	AUTO_JSON json_t *body = json_pack("{s:o}", "tools", json_loads(tools, 0, NULL));
	struct policy_verdict why;

	return model_bounds(MODEL_RESPONSES, body, &why) == 0;
}

static void a_group_of_tools_runs_where_each_of_them_does(void)
{
	CHECK(runs_inside("[{\"type\":\"namespace\",\"tools\":[{\"type\":\"function\"}]}]"));
	CHECK(!runs_inside("[{\"type\":\"namespace\",\"tools\":[{\"type\":\"function\"},"
			   "{\"type\":\"web_search\"}]}]"));
	CHECK(!runs_inside("[{\"type\":\"namespace\",\"tools\":[{}]}]"));
	CHECK(!runs_inside("[{\"type\":\"namespace\"}]"));
}

TAP_MAIN(TEST(what_stands_for_a_place_of_the_replica_is_replaced),
	 TEST(what_only_looks_like_one_stays), TEST(what_agent_programs_keep_is_left_out_by_name),
	 TEST(a_group_of_tools_runs_where_each_of_them_does))
