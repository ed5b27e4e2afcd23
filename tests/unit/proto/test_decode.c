/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"
#include "runtime/proto/decode.h"
#include "tests/tap.h"

static int decode(enum decode_format f, const char *text, json_t **out, struct err *e)
{
	return decode_text(f, text, strlen(text), "input", NULL, out, e);
}

static void strict_json_comes_back_as_a_value(void)
{
	AUTO_JSON json_t *v = NULL;
	struct err e = ERR_INIT;

	CHECK_INT(decode(DECODE_JSON, "{\"a\": [1, 2.5, null, \"x\"]}", &v, &e), 0);
	CHECK_STR(e.msg, "");
	CHECK_INT((long long)json_array_size(json_object_get(v, "a")), 4);
}

static void a_refusal_names_line_and_column(void)
{
	static const struct {
		enum decode_format f;
		const char *text, *want;
	} rows[] = {
		{ DECODE_JSON, "{\"a\": 1,\n \"a\": 2}", "input:2:4: duplicate" },
		{ DECODE_JSON, "[1, // no\n2]", "input:1:5: " },
		{ DECODE_JSON, "", "input:1:1: " },
		{ DECODE_INCIDENT, "{\"id\": \"x\"}", "input:1:1: 'schema' is missing" },
		{ DECODE_INCIDENT, "{\"schema\": \"other/1\"}", "input:1:2: 'schema' is not" },
		{ DECODE_RESULTS, "{\"e\":\"end\"}\n{\"e\":\"boom\"}\n",
		  "input:2:1: something follows the 'end' event" },
		{ DECODE_RESULTS, "{\"e\":\"boom\"}\n", "input:1:1: the event 'e' is none of" },
		{ DECODE_RESULTS, "\n{\"e\":,}\n", "input:2:6: " },
		{ DECODE_JSON,
		  "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
		  "]",
		  "input: message is nested deeper than 32" },
		{ DECODE_NODE, "all is well\n", "input:2:1: found no Node.js error" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_JSON json_t *v = NULL;
		struct err e = ERR_INIT;

		CHECK(decode(rows[i].f, rows[i].text, &v, &e) < 0);
		CHECK(v == NULL);
		if (strncmp(e.msg, rows[i].want, strlen(rows[i].want)) != 0)
			CHECK_STR(e.msg, rows[i].want);
	}
}

static void comments_come_with_the_places_of_values(void)
{
	AUTO_JSON json_t *v = NULL;
	struct err e = ERR_INIT;
	const json_t *where;

	CHECK_INT(decode(DECODE_JSONC, "{ // hello\n  \"a/b\": [7,],\n}", &v, &e), 0);
	where = json_object_get(json_object_get(v, "where"), "/a~1b/0");
	CHECK_INT(json_integer_value(json_array_get(where, 0)), 2);
	CHECK_INT(json_integer_value(json_array_get(where, 1)), 11);
}

static void input_that_cannot_be_read_is_an_error_not_a_crash(void)
{
	AUTO_CLOSE int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_JSON json_t *v = NULL;
	struct err e = ERR_INIT;

	CHECK(decode_value(DECODE_JSON, fd, "dir", NULL, &v, &e) < 0);
	CHECK(strstr(e.msg, "dir") != NULL);
}

static void an_endless_input_is_cut_off_with_its_limit(void)
{
	AUTO_CLOSE int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	AUTO_JSON json_t *v = NULL;
	struct err e = ERR_INIT;

	CHECK_INT(decode_value(DECODE_JSONC, fd, "endless", NULL, &v, &e), -EFBIG);
	CHECK_STR(e.msg, "endless: larger than the 1 MiB that jsonc may have");
}

/* The only child of this process, from the kernel's list. */
static pid_t only_child(void)
{
	char path[64], text[64] = { 0 };
	struct err e = ERR_INIT;
	AUTO_BUF struct buf b = BUF_INIT(64);

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	if (file_read_at(AT_FDCWD, path, 64, &b, &e) == 0)
		(void)snprintf(text, sizeof(text), "%s", b.p);
	return (pid_t)strtol(text, NULL, 10);
}

static void a_decoder_that_dies_is_named_with_its_format_and_signal(void)
{
	struct decode *d = NULL;
	struct err e = ERR_INIT;
	struct msg m = MSG_INIT;
	int pipefd[2];
	pid_t child;

	CHECK_INT(pipe2(pipefd, O_CLOEXEC), 0); /* it waits for input that never comes */
	CHECK_INT(decode_open(DECODE_RESULTS, pipefd[0], "slow", NULL, &d, &e), 0);
	child = only_child();
	CHECK(child > 0);
	if (child > 0)
		(void)kill(child, SIGSEGV);
	CHECK_INT(decode_next(d, &m, &e), -EPROTO);
	CHECK_STR(e.msg, "slow: the results decoder was killed by signal 11 (Segmentation fault)");
	decode_close(d);
	(void)close(pipefd[0]);
	(void)close(pipefd[1]);
}

static void closing_early_leaves_no_process(void)
{
	struct decode *d = NULL;
	struct err e = ERR_INIT;
	int pipefd[2];

	CHECK_INT(pipe2(pipefd, O_CLOEXEC), 0);
	CHECK_INT(decode_open(DECODE_RESULTS, pipefd[0], "slow", NULL, &d, &e), 0);
	decode_close(d);
	CHECK_INT(only_child(), 0);
	(void)close(pipefd[0]);
	(void)close(pipefd[1]);
}

static void check_fault(const json_t *fault)
{
	const json_t *x = json_array_get(json_object_get(fault, "chain"), 0);
	const json_t *frame = json_array_get(json_object_get(x, "frames"), 0);

	CHECK_STR(json_string_value(json_object_get(x, "type")), "TypeError");
	CHECK_STR(json_string_value(json_object_get(frame, "file")), "/repo/a.js");
	CHECK_INT(json_integer_value(json_object_get(frame, "line")), 3);
}

static void results_come_with_unique_ids_plan_and_end(void)
{
	static const char text[] =
		"{\"e\":\"plan\",\"n\":3}\n"
		"{\"e\":\"test\",\"id\":\"t.js::a\",\"status\":\"pass\",\"ms\":1.5}\n"
		"{\"e\":\"test\",\"id\":\"t.js::a\",\"status\":\"fail\"}\n"
		"{\"e\":\"fault\",\"test\":\"t.js::a\",\"lang\":\"node\",\"stack\":"
		"\"TypeError: x\\n    at f (/repo/a.js:3:4)\"}\n"
		"{\"e\":\"value\",\"id\":\"v1\",\"outcome\":\"value\",\"digest\":\"00\"}\n"
		"{\"e\":\"end\"}\n";
	AUTO_JSON json_t *v = NULL;
	struct err e = ERR_INIT;
	const json_t *tests;

	CHECK_INT(decode(DECODE_RESULTS, text, &v, &e), 0);
	tests = json_object_get(v, "tests");
	CHECK_INT((long long)json_array_size(tests), 2);
	CHECK_STR(json_string_value(json_object_get(json_array_get(tests, 1), "id")), "t.js::a#2");
	CHECK(json_is_true(json_object_get(v, "ended")));
	CHECK_INT(json_integer_value(json_object_get(v, "plan")), 3);
	CHECK_INT((long long)json_array_size(json_object_get(v, "values")), 1);
	check_fault(json_array_get(json_object_get(v, "faults"), 0));
}

static void formats_have_names(void)
{
	for (int i = 0; i < DECODE_FORMAT_N; i++)
		CHECK(*decode_format_name((enum decode_format)i) != '\0');
	CHECK_STR(decode_format_name(DECODE_RESULTS), "results");
}

TAP_MAIN(TEST(strict_json_comes_back_as_a_value), TEST(a_refusal_names_line_and_column),
	 TEST(comments_come_with_the_places_of_values),
	 TEST(input_that_cannot_be_read_is_an_error_not_a_crash),
	 TEST(an_endless_input_is_cut_off_with_its_limit),
	 TEST(a_decoder_that_dies_is_named_with_its_format_and_signal),
	 TEST(closing_early_leaves_no_process), TEST(results_come_with_unique_ids_plan_and_end),
	 TEST(formats_have_names))
