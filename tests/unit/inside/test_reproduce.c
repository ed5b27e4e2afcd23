/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>

#include "tests/unit/inside/gate_double.h"

static const char sibling[] =
	"'use strict';\n\n"
	"var test = require('tape');\n"
	"var qs = require('../');\n\n"
	"test('stringify()', function (t) {\n"
	"    t.test('one', function (st) {\n"
	"        st.equal(qs.stringify({ a: 'b' }), 'a=b');\n"
	"        st.equal(qs.stringify({ a: 1 }, { arrayFormat: 'comma' }), 'a=1');\n"
	"        st.equal(qs.stringify({ a: 1 }, { encodeValuesOnly: true }), 'a=1');\n"
	"        st.end();\n"
	"    });\n"
	"});\n";

static json_t *incident(const char *type, const char *file, const char *function, json_t *input)
{
	return json_pack("{s:s, s:{s:s, s:s, s:s, s:i}, s:o}", "schema", "sickbay.incident/1",
			 "coordinate", "type", type, "file", file, "function", function, "line",
			 195, "input", input);
}

static struct gate_task task_for(const char *framework, const char *module, const char *dir,
				 json_t *inc)
{
	return (struct gate_task){ .role = strdup("reproduce"),
				   .language = strdup("any"),
				   .framework = strdup(framework),
				   .repo = strdup(repo_path),
				   .module = strdup(module),
				   .test_dir = strdup(dir),
				   .incident = inc,
				   .evaluations = 100,
				   .parallel = 1 };
}

static json_t *stringify_input(void)
{
	return json_pack("{s:{s:s,s:s,s:[{s:[n,s]},{s:s,s:b,s:s}]}}", "call", "module", "qs",
			 "export", "stringify", "args", "a", "Jane Roe", "arrayFormat", "comma",
			 "encodeValuesOnly", 1, "charset", "utf-8");
}

static void tape_test_is_small_and_in_the_siblings_style(void)
{
	struct gate_double d = { .needs = { "[null", "comma", "encodeValuesOnly" },
				 .otherwise = "none" };
	struct gate_task t;

	repo_make();
	repo_add("package.json", "{\"name\": \"qs\"}");
	repo_add("test/stringify.js", sibling);
	t = task_for("tape", "../", "test",
		     incident("TypeError", "lib/utils.js", "encode", stringify_input()));
	double_run(&d, &t);
	CHECK_STR(d.gave_up, "");
	CHECK_STR(double_path(&d), "test/stringify-null-array-element.js");
	CHECK_STR(double_content(&d),
		  "'use strict';\n\n"
		  "var test = require('tape');\n"
		  "var qs = require('../');\n\n"
		  "test('stringify() with a null array element', function (t) {\n"
		  "    var result = qs.stringify({ a: [null] }, { arrayFormat: 'comma', "
		  "encodeValuesOnly: true });\n"
		  "    t.equal(typeof result, 'string');\n"
		  "    t.end();\n"
		  "});\n");
	jmap_release(gate_submit_map, &d.got);
	jmap_release(gate_task_map, &t);
	repo_drop();
}

static void values_of_production_are_replaced_by_synthetic_ones(void)
{
	struct gate_double d = { .needs = { "; " }, .otherwise = "none" };
	json_t *input = json_pack("{s:{s:s,s:[{s:s}]}}", "call", "export", "stringify", "args",
				  "card", "41234; Jane");
	struct gate_task t;

	repo_make();
	repo_add("test/stringify.js", sibling);
	t = task_for("tape", "../", "test", incident("TypeError", "lib/utils.js", "encode", input));
	double_run(&d, &t);
	CHECK(strstr(double_content(&d), "qs.stringify({ a: '99999; a' });") != NULL);
	jmap_release(gate_submit_map, &d.got);
	jmap_release(gate_task_map, &t);
	repo_drop();
}

static void name_that_two_places_share_is_replaced_in_both(void)
{
	struct gate_double d = { .needs = { "int }}" },
				 .same = { "{{ ", "|", "render(", "=" },
				 .otherwise = "none" };
	json_t *input = json_pack("{s:[{s:s,s:s,s:s},{s:s,s:s,s:s,s:[s]},{s:s,s:s,s:{s:i}}]}",
				  "script", "let", "env", "module", "jinja2", "call", "Environment",
				  "let", "template", "on", "$env", "call", "from_string", "args",
				  "{{ salary|int }}", "on", "$template", "call", "render", "kwargs",
				  "salary", 1);
	struct gate_task t;

	repo_make();
	repo_add("src/jinja2/filters.py", "def int(): pass\n");
	t = task_for("pytest", "jinja2", "tests",
		     incident("OverflowError", "src/jinja2/filters.py", "do_int", input));
	double_run(&d, &t);
	CHECK_STR(d.gave_up, "");
	CHECK(strstr(double_content(&d), "{{ a|int }}") != NULL);
	CHECK(strstr(double_content(&d), "render(a=1)") != NULL);
	jmap_release(gate_submit_map, &d.got);
	jmap_release(gate_task_map, &t);
	repo_drop();
}

static void long_arrays_are_cut_in_halves(void)
{
	struct gate_double d = { .needs = { "null" }, .otherwise = "none" };
	json_t *list = json_array(), *input;
	struct gate_task t;

	for (int i = 0; i < 200; i++)
		(void)json_array_append_new(list, i == 130 ? json_null() : json_integer(1));
	input = json_pack("{s:{s:s,s:[o]}}", "call", "export", "stringify", "args", list);
	repo_make();
	repo_add("test/stringify.js", sibling);
	t = task_for("tape", "../", "test", incident("TypeError", "lib/utils.js", "encode", input));
	double_run(&d, &t);
	CHECK(strstr(double_content(&d), "qs.stringify([null]);") != NULL ||
	      strstr(double_content(&d), "qs.stringify(null);") != NULL);
	CHECK(d.evaluations < 80);
	jmap_release(gate_submit_map, &d.got);
	jmap_release(gate_task_map, &t);
	repo_drop();
}

static void long_texts_are_cut_in_halves(void)
{
	struct gate_double d = { .needs = { "here" }, .otherwise = "none" };
	AUTO_BUF struct buf text = BUF_INIT(4096);
	json_t *input;
	struct gate_task t;

	for (int i = 0; i < 100; i++)
		buf_puts(&text, i == 61 ? "here " : "\u00e9 \u00e8 ");
	input = json_pack("{s:{s:s,s:[s]}}", "call", "export", "stringify", "args", text.p);
	repo_make();
	repo_add("notes.txt", "here \u00e9 \u00e8\n");
	t = task_for("tape", "../", "test", incident("TypeError", "lib/utils.js", "encode", input));
	double_run(&d, &t);
	CHECK(strlen(double_content(&d)) < 300);
	CHECK(strstr(double_content(&d), "here") != NULL);
	CHECK(d.evaluations < 80);
	jmap_release(gate_submit_map, &d.got);
	jmap_release(gate_task_map, &t);
	repo_drop();
}

static void failure_that_needs_a_production_value_is_given_up(void)
{
	struct gate_double d = { .needs = { "Jane" }, .otherwise = "none" };
	json_t *input =
		json_pack("{s:{s:s,s:[s]}}", "call", "export", "stringify", "args", "Jane Roe");
	struct gate_task t;

	repo_make();
	repo_add("test/stringify.js", sibling);
	t = task_for("tape", "../", "test", incident("TypeError", "lib/utils.js", "encode", input));
	double_run(&d, &t);
	CHECK_STR(d.gave_up,
		  "the failure needs the production value at /script/0/0, which may not leave");
	jmap_release(gate_task_map, &t);
	repo_drop();
}

static void other_failure_is_given_up_with_what_was_seen(void)
{
	struct gate_double d = { .needs = { "never in it" }, .otherwise = "different" };
	struct gate_task t;

	repo_make();
	repo_add("test/stringify.js", sibling);
	t = task_for("tape", "../", "test",
		     incident("TypeError", "lib/utils.js", "encode", stringify_input()));
	double_run(&d, &t);
	CHECK_STR(d.gave_up,
		  "replaying the reported input gives 'different', not the reported failure");
	CHECK_INT(d.evaluations, 1);
	jmap_release(gate_task_map, &t);
	repo_drop();
}

static void incident_without_input_is_given_up(void)
{
	struct gate_double d = { .otherwise = "none" };
	struct gate_task t;

	repo_make();
	t = task_for("tape", "../", "test",
		     incident("TypeError", "lib/utils.js", "encode", json_pack("{}")));
	double_run(&d, &t);
	CHECK(strstr(d.gave_up, "the report has no call to replay and no variables") != NULL);
	jmap_release(gate_task_map, &t);
	repo_drop();
}

static void node_test_loads_assert_and_names_typed_values(void)
{
	struct gate_double d = { .needs = { "undefined", "-0", "BigInt('7')" },
				 .otherwise = "none" };
	json_t *input = json_pack("{s:{s:s,s:[{s:b},{s:s},{s:s}]}}", "call", "export", "parse",
				  "args", "$undefined", 1, "$number", "-0", "$bigint", "7");
	struct gate_task t;

	repo_make();
	repo_add("test/a.test.mjs", "import { test } from 'node:test';\n"
				    "import assert from 'node:assert';\n"
				    "import { parse } from '../index.js';\n\n"
				    "test('x', () => {\n"
				    "  assert.deepEqual(parse('a'), [1]);\n"
				    "  assert.deepEqual(parse('b'), [2]);\n"
				    "  assert.deepEqual(parse('c'), []);\n"
				    "});\n");
	t = task_for("node:test", "../index.js", "test",
		     incident("RangeError", "index.js", "walk", input));
	double_run(&d, &t);
	CHECK_STR(double_path(&d), "test/parse-undefined-argument.test.mjs");
	CHECK_STR(double_content(&d), "import { test } from 'node:test';\n"
				      "import assert from 'node:assert';\n"
				      "import { parse } from '../index.js';\n\n"
				      "test('parse() with an undefined argument', () => {\n"
				      "  const result = parse(undefined, -0, BigInt('7'));\n"
				      "  assert.ok(Array.isArray(result));\n"
				      "});\n");
	jmap_release(gate_submit_map, &d.got);
	jmap_release(gate_task_map, &t);
	repo_drop();
}

static void file_of_the_repository_is_named_from_the_tests(void)
{
	static const char *const modules[] = { "./lib/deep", "shop/lib/deep", "lib/deep.js" };

	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
		struct gate_double d = { .needs = { "size(null)" }, .otherwise = "none" };
		json_t *input = json_pack("{s:{s:s,s:s,s:[n]}}", "call", "module", modules[i],
					  "export", "size", "args");
		struct gate_task t;

		repo_make();
		repo_add("package.json", "{\"name\": \"shop\"}");
		repo_add("lib/deep.js", "exports.size = (x) => x.length;\n");
		t = task_for("tape", "../../", "tests/unit",
			     incident("TypeError", "lib/deep.js", "size", input));
		double_run(&d, &t);
		CHECK(strstr(double_content(&d), "deep = require('../../lib/deep") != NULL);
		jmap_release(gate_submit_map, &d.got);
		jmap_release(gate_task_map, &t);
		repo_drop();
	}
}

static json_t *async_incident(const char *file, json_t *input)
{
	json_t *inc = incident("TypeError", file, "size", input);

	(void)json_object_set_new(inc, "chain",
				  json_pack("[{s:s, s:[{s:s, s:b}]}]", "type", "TypeError",
					    "frames", "file", file, "in_app", 1));
	return inc;
}

static void promise_is_awaited(void)
{
	struct gate_double d = { .needs = { "size(null)" }, .otherwise = "none" };
	json_t *input = json_pack("{s:{s:s,s:[n]}}", "call", "export", "size", "args");
	struct gate_task t;

	repo_make();
	repo_add("lib.js", "exports.size = async (x) => x.length;\n");
	repo_add("test/lib.js",
		 "'use strict';\n\nvar test = require('tape');\nvar lib = require('../');\n\n"
		 "test('x', function (t) {\n    t.end();\n});\n");
	t = task_for("tape", "../", "test", async_incident("lib.js", input));
	double_run(&d, &t);
	CHECK(strstr(double_content(&d),
		     "test('size() with a null argument', async function (t) {\n"
		     "    await lib.size(null);\n"
		     "    t.pass('returned');\n"
		     "});\n") != NULL);
	jmap_release(gate_submit_map, &d.got);
	jmap_release(gate_task_map, &t);
	repo_drop();
}

static void coroutine_is_run(void)
{
	struct gate_double d = { .needs = { "size(None)" }, .otherwise = "none" };
	json_t *input = json_pack("{s:{s:s,s:[n]}}", "call", "export", "size", "args");
	struct gate_task t;

	repo_make();
	repo_add("shop.py", "async def size(x):\n    return len(x)\n");
	t = task_for("pytest", "shop", "tests", async_incident("shop.py", input));
	double_run(&d, &t);
	CHECK_STR(double_content(&d), "import asyncio\n\nfrom shop import size\n\n\n"
				      "def test_size_null_argument():\n"
				      "    asyncio.run(size(None))\n");
	jmap_release(gate_submit_map, &d.got);
	jmap_release(gate_task_map, &t);
	repo_drop();
}

static json_t *render_input(void)
{
	return json_pack("{s:[{s:s,s:s,s:s},{s:s,s:s,s:s,s:[s]},{s:s,s:s,s:{s:s}}]}", "script",
			 "let", "env", "module", "jinja2", "call", "Environment", "let", "template",
			 "on", "$env", "call", "from_string", "args", "{{ v|int }}", "on",
			 "$template", "call", "render", "kwargs", "v", "1e400");
}

static void pytest_test_replays_a_script(void)
{
	struct gate_double d = { .needs = { "{{ v|int }}", "e" }, .otherwise = "none" };
	struct gate_task t;

	repo_make();
	repo_add("tests/test_filters.py",
		 "class TestFilter:\n    def test_a(self, env):\n"
		 "        assert env.from_string(\"{{ 1|int }}\").render() == \"1\"\n"
		 "        assert env.from_string(\"{{ v|int }}\").render(v=1) == \"1\"\n"
		 "        assert env.from_string(\"\").render() == \"\"\n");
	t = task_for("pytest", "jinja2", "tests",
		     incident("OverflowError", "src/jinja2/filters.py", "do_int", render_input()));
	double_run(&d, &t);
	CHECK_STR(d.gave_up, "");
	CHECK_STR(double_path(&d), "tests/test_render_do_int_overflow_error.py");
	CHECK_STR(double_content(&d), "from jinja2 import Environment\n\n\n"
				      "def test_render_do_int_overflow_error():\n"
				      "    env = Environment()\n"
				      "    template = env.from_string(\"{{ v|int }}\")\n"
				      "    result = template.render()\n"
				      "    assert isinstance(result, str)\n");
	jmap_release(gate_submit_map, &d.got);
	jmap_release(gate_task_map, &t);
	repo_drop();
}

static void unittest_test_is_a_case_of_its_own(void)
{
	struct gate_double d = { .needs = { "1e400" }, .otherwise = "none" };
	json_t *input = json_pack("{s:{s:s,s:s,s:[s]}}", "call", "module", "shop.cart", "export",
				  "total", "args", "1e400");
	struct gate_task t;

	repo_make();
	repo_add("notes.txt", "1e400\n");
	t = task_for("unittest", "shop.cart", "tests",
		     incident("OverflowError", "shop/cart.py", "total", input));
	double_run(&d, &t);
	CHECK_STR(double_path(&d), "tests/test_total_overflow_error.py");
	CHECK_STR(double_content(&d), "import unittest\n\n"
				      "from shop.cart import total\n\n\n"
				      "class TestTotalOverflowError(unittest.TestCase):\n"
				      "    def test_total_overflow_error(self):\n"
				      "        total(\"1e400\")\n");
	jmap_release(gate_submit_map, &d.got);
	jmap_release(gate_task_map, &t);
	repo_drop();
}

static void c_test_program_takes_types_from_the_header(void)
{
	struct gate_double d = { .needs = { "item, NULL" }, .otherwise = "none" };
	json_t *input = json_pack("{s:[{s:s,s:s,s:[s]},{s:s,s:[s,n]}]}", "script", "let", "item",
				  "call", "cJSON_CreateString", "args", "x", "call",
				  "cJSON_SetValuestring", "args", "$item");
	struct gate_task t;

	repo_make();
	repo_add("cJSON.h", "#define API(t) t\n"
			    "/* Creates: cJSON_CreateString(x) */\n"
			    "API(cJSON *) cJSON_CreateString(const char *string);\n"
			    "API(char *) cJSON_SetValuestring(cJSON *object, const char *v);\n");
	t = task_for("c", "cJSON.h", "tests",
		     incident("SEGV", "cJSON.c", "cJSON_SetValuestring", input));
	double_run(&d, &t);
	CHECK_STR(d.gave_up, "");
	CHECK_STR(double_path(&d), "tests/cjson_set_valuestring_null_argument.c");
	CHECK_STR(double_content(&d),
		  "#include <stddef.h>\n\n#include \"cJSON.h\"\n\n"
		  "/* cJSON_SetValuestring() with a null argument: must return */\n"
		  "int main(void)\n{\n"
		  "    cJSON *item = cJSON_CreateString(\"x\");\n\n"
		  "    cJSON_SetValuestring(item, NULL);\n"
		  "    return 0;\n}\n");
	jmap_release(gate_submit_map, &d.got);
	jmap_release(gate_task_map, &t);
	repo_drop();
}

static void shell_case_quotes_everything(void)
{
	struct gate_double d = { .needs = { "./tool'" }, .otherwise = "none" };
	json_t *input = json_pack("{s:{s:[s,s],s:s}}", "command", "argv", "./tool", "it's", "stdin",
				  "$(id)");
	struct gate_task t;

	repo_make();
	repo_add("notes.txt", "./tool it's $(id)\n");
	t = task_for("shell", "", "tests", incident("SEGV", "tool.c", "main", input));
	double_run(&d, &t);
	CHECK_STR(d.gave_up, "");
	CHECK(strstr(double_content(&d), "printf '%s' '$(id)' | \"$root\"/'./tool' 'it'\\''s'\n") !=
	      NULL);
	jmap_release(gate_submit_map, &d.got);
	jmap_release(gate_task_map, &t);
	repo_drop();
}

static void name_that_is_code_is_refused(void)
{
	struct gate_double d = { .otherwise = "none" };
	json_t *input = json_pack("{s:{s:s,s:[]}}", "call", "export", "x(); process.exit", "args");
	struct gate_task t;

	repo_make();
	t = task_for("tape", "../", "test", incident("TypeError", "a.js", "f", input));
	double_run(&d, &t);
	CHECK_STR(d.gave_up, "input: /script/0/call: 'x(); process.exit' is not a name");
	jmap_release(gate_task_map, &t);
	repo_drop();
}

/* ---- a report without a call: its frames' variables ---- */

static const char shop_js[] = "'use strict';\n"
			      "function size(item) {\n"
			      "  return item.name.length;\n"
			      "}\n"
			      "exports.price = function price(item, factor) {\n"
			      "  return size(item) * factor;\n"
			      "};\n"
			      "exports.total = (items) => {\n"
			      "  items = items || [];\n"
			      "  return items.map((i) => exports.price(i, 1));\n"
			      "};\n";

static json_t *frame(const char *function, int line, json_t *vars, json_t *lost)
{
	return json_pack("{s:s,s:s,s:i,s:b,s:o*,s:o*}", "function", function, "file", "shop.js",
			 "line", line, "in_app", 1, "vars", vars, "vars_lost", lost);
}

static json_t *report(const char *message, json_t *frames)
{
	return json_pack("{s:s,s:{s:s,s:s,s:s,s:i},s:[{s:s,s:s,s:o}]}", "schema",
			 "sickbay.incident/1", "coordinate", "type", "TypeError", "file", "shop.js",
			 "function", "size", "line", 3, "chain", "type", "TypeError", "message",
			 message, "frames", frames);
}

static void run_report(struct gate_double *d, json_t *incident)
{
	struct gate_task t;

	repo_make();
	repo_add("package.json", "{\"name\": \"shop\"}");
	repo_add("shop.js", shop_js);
	t = task_for("node:test", "../shop.js", "test", incident);
	double_run(d, &t);
	jmap_release(gate_task_map, &t);
	repo_drop();
}

static void call_is_rebuilt_from_the_variables_of_an_exported_function(void)
{
	struct gate_double d = { .needs = { "shop.price({" },
				 .otherwise = "none",
				 .message =
					 "Cannot read properties of undefined (reading 'length')" };

	run_report(&d,
		   report("Cannot read properties of undefined (reading 'length')",
			  json_pack("[o,o]", frame("size", 3, json_pack("{s:{}}", "item"), NULL),
				    frame("Object.price", 6,
					  json_pack("{s:{},s:i}", "item", "factor", 2), NULL))));
	CHECK_STR(d.gave_up, "");
	CHECK(strstr(double_content(&d), "shop.price({") != NULL);
	CHECK_STR(d.got.input_from, "rebuilt from the variables of the frame price() at shop.js:6");
	jmap_release(gate_submit_map, &d.got);
}

static void expect_give_up(json_t *frames, const char *says)
{
	struct gate_double d = { .otherwise = "none" };

	run_report(&d, report("no", frames));
	if (!strstr(d.gave_up, says))
		CHECK_STR(d.gave_up, says);
	jmap_release(gate_submit_map, &d.got);
}

static void variables_that_are_not_whole_are_named_and_not_guessed(void)
{
	expect_give_up(
		json_pack("[o]", frame("Object.price", 6,
				       json_pack("{s:s,s:i}", "item", "[Filtered]", "factor", 2),
				       json_pack("{s:s}", "item", "the reporter removed it"))),
		"price() at shop.js:6: item is not whole (the reporter removed it); have "
		"the service add the call");
	expect_give_up(
		json_pack("[o]", frame("Object.price", 6, json_pack("{s:i}", "factor", 2), NULL)),
		"price() at shop.js:6: item is not among the variables");
	expect_give_up(
		json_pack("[o]", frame("exports.total", 10, json_pack("{s:[]}", "items"), NULL)),
		"is not exported");
	expect_give_up(
		json_pack("[o]", frame("exports.total", 9, json_pack("{s:[]}", "items"), NULL)),
		"total() at shop.js:9: items had been given another value");
	expect_give_up(json_pack("[{s:s,s:i,s:b,s:{s:i}}]", "file", "shop.ts", "line", 3, "in_app",
				 1, "vars", "item", 1),
		       "shop.ts:3: is in a language that is not read here");
	expect_give_up(json_pack("[o]", frame("size", 3, json_pack("{s:{}}", "item"), NULL)),
		       "size() at shop.js:3: is not exported");
}

static void report_without_variables_says_what_to_add(void)
{
	expect_give_up(json_pack("[o]", frame("Object.price", 6, NULL, NULL)),
		       "the report has no call to replay and no variables of its own frames: have "
		       "the service add the call to its reports (\"sickbay.call\", "
		       "docs/intake.md), or its SDK send local variables");
}

static void rebuilt_call_that_fails_with_another_message_is_not_it(void)
{
	struct gate_double d = { .message = "Cannot read properties of null (reading 'name')" };

	run_report(&d, report("Cannot read properties of undefined (reading 'length')",
			      json_pack("[o]",
					frame("Object.price", 6,
					      json_pack("{s:n,s:i}", "item", "factor", 2), NULL))));
	CHECK(strstr(d.gave_up, "that call gives 'exact', but another message than the report's") !=
	      NULL);
	jmap_release(gate_submit_map, &d.got);
}

TAP_MAIN(TEST(call_is_rebuilt_from_the_variables_of_an_exported_function),
	 TEST(variables_that_are_not_whole_are_named_and_not_guessed),
	 TEST(report_without_variables_says_what_to_add),
	 TEST(rebuilt_call_that_fails_with_another_message_is_not_it),
	 TEST(tape_test_is_small_and_in_the_siblings_style),
	 TEST(values_of_production_are_replaced_by_synthetic_ones),
	 TEST(name_that_two_places_share_is_replaced_in_both), TEST(long_arrays_are_cut_in_halves),
	 TEST(long_texts_are_cut_in_halves),
	 TEST(failure_that_needs_a_production_value_is_given_up),
	 TEST(other_failure_is_given_up_with_what_was_seen),
	 TEST(incident_without_input_is_given_up),
	 TEST(node_test_loads_assert_and_names_typed_values),
	 TEST(file_of_the_repository_is_named_from_the_tests), TEST(promise_is_awaited),
	 TEST(coroutine_is_run), TEST(pytest_test_replays_a_script),
	 TEST(unittest_test_is_a_case_of_its_own), TEST(c_test_program_takes_types_from_the_header),
	 TEST(shell_case_quotes_everything), TEST(name_that_is_code_is_refused))
