/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/buf.h"
#include "runtime/base/jmap.h"
#include "runtime/decode/decode_formats.h"
#include "tests/tap.h"

/* A file of a repository, and all that is found in it. */
static const struct {
	const char *path, *text, *found;
} cases[] = {
	{ "package.json",
	  "{\"name\":\"shop\",\"main\":\"lib/index.js\",\"scripts\":{\"test\":\"tape "
	  "test\",\"n\":1},"
	  "\"dependencies\":{\"express\":\"^4\"},\"devDependencies\":{\"tape\":\"5\"},\"x\":{\"a\":"
	  "[]}}",
	  "{\"dev\":[\"tape\"],\"kind\":\"npm\",\"main\":\"lib/index.js\",\"name\":\"shop\","
	  "\"needs\":[\"express\"],\"scripts\":{\"test\":\"tape test\"}}" },
	{ "package.json", "{\"name\":\"a\\nb\",\"dependencies\":[]}",
	  "{\"kind\":\"npm\",\"name\":\"a?b\"}" },
	{ "package-lock.json", "{\"lockfileVersion\":3,\"packages\":{}}",
	  "{\"kind\":\"npm-lock\",\"lock\":3}" },
	{ "pyproject.toml",
	  "[project]\nname = \"shop\" # ours\ndependencies = [\n  \"Flask>=2\", # web\n"
	  "  'requests[socks]; python_version<\"4\"',\n]\n\n[project.optional-dependencies]\n"
	  "test = [\"pytest\"]\n[tool.pytest.ini_options]\ntestpaths = [\"tests\"]\n",
	  "{\"dev\":[\"pytest\"],\"kind\":\"python\",\"name\":\"shop\",\"needs\":[\"Flask\","
	  "\"requests\"],"
	  "\"pytest\":true,\"testpaths\":[\"tests\"]}" },
	{ "pyproject.toml",
	  "[tool.poetry]\nname = 'shop'\n[tool.poetry.dependencies]\npython = \"^3.11\"\n"
	  "django = \"^4\"\n[tool.poetry.group.dev.dependencies]\npytest = \"*\"\n",
	  "{\"dev\":[\"pytest\"],\"kind\":\"python\",\"name\":\"shop\",\"needs\":[\"django\"]}" },
	{ "setup.cfg",
	  "[metadata]\nname = shop\n[options]\ninstall_requires =\n    requests>=2\n    attrs\n"
	  "[options.extras_require]\ntest = pytest\n[tool:pytest]\ntestpaths = tests more\n",
	  "{\"dev\":[\"pytest\"],\"kind\":\"python\",\"name\":\"shop\",\"needs\":[\"requests\","
	  "\"attrs\"],"
	  "\"pytest\":true,\"testpaths\":[\"tests\",\"more\"]}" },
	{ "requirements-dev.txt",
	  "# what tests need\n-r requirements.txt\npytest==7.2\nrequests\n"
	  "git+https://example.invalid/x\n",
	  "{\"kind\":\"requirements\",\"needs\":[\"pytest\",\"requests\"]}" },
	{ "Makefile", "CC := cc\nall: a b\n\tcc a.c\ncheck: all\n.PHONY: x\nV:=1\n",
	  "{\"kind\":\"make\",\"targets\":[\"all\",\"check\"]}" },
	{ "CMakeLists.txt", "project(shop C)\nenable_testing()\n",
	  "{\"kind\":\"cmake\",\"name\":\"shop\",\"targets\":[\"test\"]}" },
	{ "Dockerfile",
	  "FROM node:20 AS build\nRUN make\nFROM --platform=linux/amd64 node:20-slim\n"
	  "LABEL org.opencontainers.image.version=\"1.2\" org.opencontainers.image.title=Shop\n"
	  "ENV NODE_ENV=production \\\n    GREETING=\"good day\"\nENV OLD style value\n"
	  "ENV PATH=$PATH:/x\nRUN apt-get update && apt-get install -y --no-install-recommends \\\n"
	  "  libpq5 \\\n  curl && rm -rf /var/lib/apt/lists/*\nworkdir /srv/shop\n",
	  "{\"env\":{\"GREETING\":\"good day\",\"NODE_ENV\":\"production\",\"OLD\":\"style "
	  "value\"},"
	  "\"from\":\"node:20-slim\",\"kind\":\"docker\",\"labels\":"
	  "{\"org.opencontainers.image.title\":\"Shop\",\"org.opencontainers.image.version\":\"1."
	  "2\"},"
	  "\"packages\":[\"libpq5\",\"curl\"],\"workdir\":\"/srv/shop\"}" },
	{ ".github/workflows/ci.yml",
	  "on: push\njobs:\n  test:\n    steps:\n      - run: npm ci\n"
	  "      # npm run x\n      - run: npm test\n",
	  "{\"kind\":\"ci\",\"lines\":[\"- run: npm ci\",\"- run: npm test\"]}" },
	{ "sub/Containerfile", "", "{\"kind\":\"docker\"}" },
};

static void what_a_repository_says_is_found(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO_JSON json_t *options = json_pack("{s:s}", "path", cases[i].path);
		const struct source in = { .name = cases[i].path,
					   .text = cases[i].text,
					   .n = strlen(cases[i].text),
					   .options = options };
		AUTO_JSON json_t *v = NULL;
		struct err e = ERR_INIT;
		char *got;

		CHECK_INT(manifest_decode(&in, &v, &e), 0);
		got = v ? json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
		CHECK_STR(got ? got : e.msg, cases[i].found);
		free(got);
	}
}

static void what_is_found_is_bounded(void)
{
	AUTO_BUF struct buf text = BUF_INIT(1u << 20);
	AUTO_JSON json_t *v = NULL;
	struct source in = { .name = "requirements.txt" };
	struct err e = ERR_INIT;
	const json_t *needs;

	for (int i = 0; i < 300; i++)
		buf_printf(&text, "p%d%0250d\n", i, 0);
	in.text = text.p;
	in.n = text.n;
	CHECK_INT(manifest_decode(&in, &v, &e), 0);
	needs = json_object_get(v, "needs");
	CHECK_INT((long long)json_array_size(needs), 200);
	CHECK_INT((long long)json_string_length(json_array_get(needs, 0)), 200);
}

static void other_files_and_broken_ones_are_refused(void)
{
	struct source in = { .name = "README", .text = "", .n = 0 };
	AUTO_JSON json_t *v = NULL;
	struct err e = ERR_INIT;

	CHECK_INT(manifest_decode(&in, &v, &e), -EINVAL);
	CHECK_STR(e.msg, "README: not a file that a manifest is read from");
	in = (struct source){ .name = "package.json", .text = "{\"name\": }", .n = 10 };
	CHECK(manifest_decode(&in, &v, &e) < 0);
	CHECK(strncmp(e.msg, "package.json:1:10: ", 19) == 0);
	CHECK(v == NULL);
}

TAP_MAIN(TEST(what_a_repository_says_is_found), TEST(what_is_found_is_bounded),
	 TEST(other_files_and_broken_ones_are_refused))
