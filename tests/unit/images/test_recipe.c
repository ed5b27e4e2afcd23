/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "images/recipe.h"
#include "tests/tap.h"
#include "tests/unit/images/scratch.h"

static int read_text(const char *text, struct recipe *r, struct err *e)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/r.json", scratch_path);
	f = fopen(path, "w");
	CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
	return recipe_read(path, r, e);
}

static void defaults_are_filled_in(void)
{
	struct recipe r = { .dir = -1 };
	struct err e = ERR_INIT;

	scratch_open();
	CHECK_INT(read_text("{ // a comment\n\"name\": \"x\", \"npm\": {\"lock\": "
			    "\"js/package-lock.json\"},\n"
			    "\"debian\": {\"packages\": [\"libfoo1=1:2.3~rc1-4+b1\"]}, \"build\": "
			    "{\"run\": [\"true\"], \"cwd\": \"/app\"},}",
			    &r, &e),
		  0);
	CHECK_STR(r.image, "host");
	CHECK_STR(r.npm.manifest, "js/package.json");
	CHECK_STR(r.npm.at, "/app");
	CHECK_STR(r.debian.at, "/opt/toolchain");
	CHECK_STR(r.build.cwd, "/app");
	CHECK_INT((long long)r.build.uid, 1000);
	recipe_release(&r);
	scratch_close();
}

/* Each row is one thing an operator can get wrong, and the text we owe them. */
static void mistakes_are_named_with_their_place(void)
{
	static const struct {
		const char *text, *want;
	} row[] = {
		{ "{\"name\":\"x\",\"npmm\":{}}",
		  ":1:13: unknown key \"npmm\"; did you mean \"npm\"?" },
		{ "{\"npm\":{\"lock\":\"l\"}}", "name" },
		{ "{\"name\":\"x\"}", ":1:1: want 'npm', 'debian', 'files' or 'build'" },
		{ "{\"name\":\"X y\",\"npm\":{\"lock\":\"l\"}}",
		  ":1:2: 'X y' is not a-z, 0-9, '.', '_', '-', at most 63" },
		{ "{\"name\":\"x\",\"npm\":{\"lock\":\"l\",\"at\":\"app\"}}",
		  ":1:31: 'app' is not an absolute path" },
		{ "{\"name\":\"x\",\"npm\":{\"lock\":\"l\",\"at\":\"/a/../b\"}}",
		  ":1:31: '/a/../b' is not a clean path" },
		{ "{\"name\":\"x\",\"debian\":{\"packages\":[]}}",
		  ":1:23: want at least one package" },
		{ "{\"name\":\"x\",\"debian\":{\"packages\":[\"-oX=y\"]}}",
		  "'-oX=y' is not NAME or NAME=VERSION" },
		{ "{\"name\":\"x\",\"debian\":{\"packages\":[\"./x.deb\"]}}",
		  "'./x.deb' is not NAME or NAME=VERSION" },
		{ "{\"name\":\"x\",\"debian\":{\"packages\":[\"ab/cd\"]}}",
		  "'ab/cd' is not NAME or NAME=VERSION" },
		{ "{\"name\":\"x\",\"debian\":{\"packages\":[\"ab\"],\"sha256\":{\"a\":\"\"}}}",
		  "is not among the packages" },
		{ "{\"name\":\"x\",\"debian\":{\"packages\":[\"ab\"],\"sha256\":{\"ab\":\"12\"}}}",
		  "is not a SHA-256 digest" },
		{ "{\"name\":\"x\",\"files\":[{\"from\":\"a\",\"to\":\"/\"}]}",
		  "'/' cannot be meant" },
		{ "{\"name\":\"x\",\"files\":[{\"from\":\"a\",\"to\":\"/x//y\"}]}",
		  "'/x//y' is not a clean path" },
		{ "{\"name\":\"x\",\"build\":{\"run\":[\"true\"],\"cwd\":\"/a\",\"uid\":0}}",
		  "0 is not" },
	};

	scratch_open();
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		struct recipe r = { .dir = -1 };
		struct err e = ERR_INIT;

		CHECK(read_text(row[i].text, &r, &e) < 0);
		if (!strstr(e.msg, row[i].want))
			CHECK_STR(e.msg, row[i].want);
		CHECK(strstr(e.msg, "/r.json:") != NULL);
	}
	scratch_close();
}

static void the_digest_changes_with_each_file_that_is_named(void)
{
	uint8_t one[SHA256_LEN], two[SHA256_LEN];
	struct recipe r = { .dir = -1 };
	struct err e = ERR_INIT;
	struct sha256 h;
	char path[128];

	scratch_open();
	(void)snprintf(path, sizeof(path), "%s/r.json", scratch_path);
	CHECK_INT(
		read_text("{\"name\":\"x\",\"files\":[{\"from\":\"data\",\"to\":\"/x\"}]}", &r, &e),
		0);
	sha256_init(&h);
	CHECK_INT(recipe_digest(&r, &h, &e), -ENOENT);
	CHECK_STR(e.msg, "recipe 'x': 'data': No such file or directory");
	CHECK_INT(file_publish_at(r.dir, "data", "1", 1, 0644, &e), 0);
	sha256_init(&h);
	CHECK_INT(recipe_digest(&r, &h, &e), 0);
	sha256_final(&h, one);
	CHECK_INT(file_publish_at(r.dir, "data", "2", 1, 0644, &e), 0);
	sha256_init(&h);
	CHECK_INT(recipe_digest(&r, &h, &e), 0);
	sha256_final(&h, two);
	CHECK(memcmp(one, two, sizeof(one)) != 0);
	recipe_release(&r);
	scratch_close();
}

TAP_MAIN(TEST(defaults_are_filled_in), TEST(mistakes_are_named_with_their_place),
	 TEST(the_digest_changes_with_each_file_that_is_named))
