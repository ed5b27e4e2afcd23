/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/proto/stub.h"
#include "tests/tap.h"

static void answers_are_read(void)
{
	const char *text = "{\"version\":1,\"answers\":[{\"path\":\"/a\",\"json\":[1]},"
			   "{\"method\":\"POST\",\"path\":\"/b\",\"status\":201,"
			   "\"headers\":{\"Location\":\"/b/1\"},\"body\":\"made\"},]} // trailing";
	const struct stub_answer *a;
	struct err e = ERR_INIT;
	struct stub s;

	CHECK_INT(stub_parse("tax.json", text, strlen(text), &s, &e), 0);
	CHECK_INT(s.answers.n, 2);
	a = s.answers.v;
	CHECK(!a[0].method && json_is_array(a[0].json));
	CHECK_STR(a[1].method, "POST");
	CHECK_INT(a[1].status, 201);
	CHECK_STR(a[1].headers.v[0].value, "/b/1");
	stub_release(&s);
}

static void what_cannot_be_given_is_an_error_with_its_place(void)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "{\"version\":1,\"answers\":[{\"path\":\"a\"}]}", "t:1:26: 'a' is not a path" },
		{ "{\"version\":1,\"answers\":[{\"path\":\"/a b\"}]}",
		  "t:1:26: '/a b' is not a path" },
		{ "{\"version\":1,\"answers\":[{\"path\":\"/\",\"body\":\"\",\"json\":1}]}",
		  "t:1:47: there is a \"body\" already" },
		{ "{\"version\":1,\"answers\":[{\"path\":\"/"
		  "\",\"headers\":{\"Content-Length\":\"1\"}}]}",
		  "t:1:48: this header cannot be given" },
		{ "{\"version\":1,\"answers\":[{\"path\":\"/\",\"headers\":{\"A\":\"b\\r\\nC: "
		  "d\"}}]}",
		  "t:1:48: this header cannot be given" },
		{ "{\"version\":1,\"answers\":[{\"pth\":\"/\"}]}",
		  "t:1:26: unknown key \"pth\"; did you mean \"path\"?" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = ERR_INIT;
		struct stub s;

		CHECK_INT(stub_parse("t", rows[i].text, strlen(rows[i].text), &s, &e), -EINVAL);
		CHECK_STR(e.msg, rows[i].why);
	}
}

TAP_MAIN(TEST(answers_are_read), TEST(what_cannot_be_given_is_an_error_with_its_place))
