/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "runtime/base/jmap.h"
#include "runtime/decode/vars.h"
#include "tests/tap.h"

/* One variable, as JSON; what becomes of it, as JSON, or the reason after "lost: ". */
static void expect(enum vars_form form, const char *sent, const char *want)
{
	char text[4096];
	json_t *out = NULL, *lost = NULL;
	struct err e = ERR_INIT;
	AUTO_JSON json_t *vars = NULL;
	AUTO_FREE char *got = NULL;
	const char *why;

	(void)snprintf(text, sizeof(text), "{\"v\": %s}", sent);
	vars = json_loads(text, 0, NULL);
	CHECK(vars != NULL);
	CHECK_INT(vars_typed(vars, form, NULL, &out, &lost, &e), 0);
	why = json_string_value(json_object_get(lost, "v"));
	got = json_dumps(json_object_get(out, "v"), JSON_ENCODE_ANY | JSON_COMPACT);
	(void)snprintf(text, sizeof(text), "lost: %s", why ? why : "");
	CHECK_STR(why ? text : got, want);
	if (why) /* it stays as it came */
		CHECK(json_equal(json_object_get(out, "v"), json_object_get(vars, "v")));
	json_decref(out);
	json_decref(lost);
}

static const char described[] = "lost: the reporter only describes it";
static const char removed[] = "lost: the reporter removed it";
static const char cut[] = "lost: the reporter cut it";

static void values_of_v8_s_inspector(void)
{
	const enum vars_form f = VARS_INSPECTOR;

	expect(f, "\"<null>\"", "null");
	expect(f, "\"<undefined>\"", "{\"$undefined\":true}");
	expect(f, "\"<NaN>\"", "{\"$number\":\"NaN\"}");
	expect(f, "\"<-0>\"", "{\"$number\":\"-0\"}");
	expect(f, "\"<12n>\"", "{\"$bigint\":\"12\"}");
	expect(f, "3", "3");
	expect(f, "true", "true");
	expect(f, "\"text\"", "\"text\"");
	expect(f, "\"\"", "\"\"");
	expect(f, "\"$x\"", "\"$$x\"");
	expect(f, "[1, \"a\", false]", "[1,\"a\",false]");
	expect(f, "{\"a\": null, \"b\": 1}", "{\"a\":null,\"b\":1}");
	expect(f, "{}", "{}");
	expect(f, "[1, null]", "lost: the reporter leaves out the elements that are objects");
	expect(f, "\"<Buffer(2)>\"", described);
	expect(f, "\"<Thu Jan 01 1970 00:00:00 GMT+0000>\"", described);
	expect(f, "\"<Cart>\"", described);
	expect(f, "\"[Filtered]\"", removed);
	expect(f, "{\"token\": \"[Filtered]\"}", removed);
	expect(f, "\"[Object]\"", removed);
	expect(f, "\"much text...\"", cut);
	expect(f, "{\"$number\": \"NaN\"}", "lost: it has a member whose name begins with '$'");
}

static void values_of_python_s_repr(void)
{
	const enum vars_form f = VARS_REPR;

	expect(f, "\"None\"", "null");
	expect(f, "\"True\"", "true");
	expect(f, "\"-3\"", "-3");
	expect(f, "\"123456789012345678901\"", "{\"$bigint\":\"123456789012345678901\"}");
	expect(f, "\"1.5\"", "1.5");
	expect(f, "\"-0.0\"", "{\"$number\":\"-0\"}");
	expect(f, "\"nan\"", "{\"$number\":\"NaN\"}");
	expect(f, "\"-inf\"", "{\"$number\":\"-Infinity\"}");
	expect(f, "\"'it'\"", "\"it\"");
	expect(f, "\"\\\"it's\\\"\"", "\"it's\"");
	expect(f, "\"'a\\\\n\\\\x07\\\\u2028'\"", "\"a\\n\\u0007\xe2\x80\xa8\"");
	expect(f, "\"'$x'\"", "\"$$x\"");
	expect(f, "\"b'a\\\\xff'\"", "{\"$bytes\":\"61ff\"}");
	expect(f, "[\"1\", \"None\", [\"'a'\"]]", "[1,null,[\"a\"]]");
	expect(f, "{\"k\": \"'v'\", \"n\": \"2\"}", "{\"k\":\"v\",\"n\":2}");
	expect(f, "7", "7");
	expect(f, "null", "null");
	expect(f, "\"<shop.Cart object at 0x7f2b>\"", described);
	expect(f, "\"datetime.date(2026, 1, 2)\"", described);
	expect(f, "\"'cut'...\"", cut);
	expect(f, "\"'cut...\"", cut);
	expect(f, "\"[Filtered]\"", removed);
	expect(f, "[\"'a'\", \"<object>\"]", described);
	expect(f, "\"'a' + 'b'\"", described);
	expect(f, "\"'\\\\ud800'\"", described);
	expect(f, "\"'\\\\x00'\"", described);
	expect(f, "\"'\\\\'\"", described);
	expect(f, "\"'\"", described);
	expect(f, "\"b'\\\\xf'\"", described);
	expect(f, "\"1.5.2\"", described);
	expect(f, "\"\"", described);
}

static void what_meta_names_was_cut(void)
{
	AUTO_JSON json_t *vars = json_pack("{s:[s],s:s}", "a", "1", "b", "2");
	AUTO_JSON json_t *meta = json_pack("{s:{s:{s:i}}}", "a", "", "len", 50);
	json_t *out = NULL, *lost = NULL;
	struct err e = ERR_INIT;

	CHECK_INT(vars_typed(vars, VARS_REPR, meta, &out, &lost, &e), 0);
	CHECK_STR(json_string_value(json_object_get(lost, "a")), cut + 6);
	CHECK_INT(json_object_size(lost), 1);
	CHECK_INT(json_integer_value(json_object_get(out, "b")), 2);
	json_decref(out);
	json_decref(lost);
}

TAP_MAIN(TEST(values_of_v8_s_inspector), TEST(values_of_python_s_repr),
	 TEST(what_meta_names_was_cut))
