/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/service.h"
#include "tests/tap.h"

static struct service service_with(const char *pattern, const char *ref)
{
	struct service s = { 0 };

	s.release.pattern = (char *)(uintptr_t)pattern;
	s.release.ref = (char *)(uintptr_t)ref;
	return s;
}

static void check_ref(const char *pattern, const char *ref, const char *release, const char *want)
{
	const struct service s = service_with(pattern, ref);
	struct err e = ERR_INIT;
	char *got = NULL;

	CHECK_INT(service_ref_of(&s, release, &got, &e), 0);
	CHECK_STR(got, want);
	free(got);
}

static void check_refusal(const char *pattern, const char *ref, const char *release,
			  const char *why)
{
	const struct service s = service_with(pattern, ref);
	struct err e = ERR_INIT;
	char *got = NULL;

	CHECK(service_ref_of(&s, release, &got, &e) < 0);
	CHECK_STR(e.msg, why);
	CHECK(!got);
}

static void a_release_becomes_what_the_pattern_says(void)
{
	check_ref("^shop@([0-9.]+)$", "v$1", "shop@6.15.1", "v6.15.1");
	check_ref("^.*-g([0-9a-f]{7,40})$", "$1", "shop-12-g0123abc", "0123abc");
	check_ref("([a-z]+)/([0-9]+)", "$2-$1", "shop/7", "7-shop");
	check_ref("^(x)?y$", "v$1", "y", "v"); /* a group that took no part is empty */
}

static void what_names_no_commit_is_refused(void)
{
	check_refusal(NULL, NULL, "shop@1", "the service file has no \"release\"");
	check_refusal("^shop@([0-9]+)$", "v$1", "cart@1",
		      "the release 'cart@1' is not one that /release/pattern fits");
	check_refusal("(.*)", "$1", "-x", "the release '-x' gives '-x', which names no commit");
	check_refusal("(.*)", "$1", "a b", "the release 'a b' gives 'a b', which names no commit");
	check_refusal("(x*)", "$1", "y", "the release 'y' gives '', which names no commit");
}

static void a_long_release_is_refused(void)
{
	char text[300];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	check_refusal("(.*)", "$1", text, "the release is longer than 200 bytes");
}

static void a_pattern_that_cannot_be_meant_is_refused_at_load(void)
{
	struct service s = service_with("([0-9]", "v$1");
	struct err e = ERR_INIT;

	CHECK(service_check_release(&s, &e) < 0);
	CHECK(strncmp(e.msg, "/release/pattern: ", 18) == 0);
	s = service_with("x", NULL);
	CHECK(service_check_release(&s, &e) < 0);
	CHECK_STR(e.msg, "/release: wants both \"pattern\" and \"ref\"");
	s = service_with(NULL, NULL);
	CHECK_INT(service_check_release(&s, &e), 0);
}

TAP_MAIN(TEST(a_release_becomes_what_the_pattern_says), TEST(what_names_no_commit_is_refused),
	 TEST(a_long_release_is_refused), TEST(a_pattern_that_cannot_be_meant_is_refused_at_load))
