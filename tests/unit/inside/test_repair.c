/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "agent/inside/locate.h"
#include "agent/inside/rank.h"
#include "runtime/base/fd.h"
#include "tests/tap.h"

/*
 * From a report to ranked candidates, without evaluating any: one row a crash,
 * with the text that one of the first candidates has to contain.
 */
struct crash {
	const char *lang, *file, *text, *type, *message;
	struct {
		const char *function;
		int line;
	} frames[3]; /* innermost first; a function "library" is not the project's */
	const char *op, *contains;
	unsigned among; /* the candidate is one of the first so many */
};

static const char insert_c[] = "#define API(type) type\n"
			       "API(int) insert(struct list *list, int at, struct item *new)\n"
			       "{\n"
			       "    struct item *next = NULL;\n"
			       "\n"
			       "    if (at < 0)\n"
			       "    {\n"
			       "        return 0;\n"
			       "    }\n"
			       "    next = find(list, at);\n"
			       "    new->next = next;\n"
			       "    return 1;\n"
			       "}\n";

static const char set_c[] = "char *set(struct item *item, const char *text)\n"
			    "{\n"
			    "    if (item->fixed)\n"
			    "    {\n"
			    "        return NULL;\n"
			    "    }\n"
			    "    if ((item->n == 0) || (text == other))\n"
			    "    {\n"
			    "        return NULL;\n"
			    "    }\n"
			    "    item->n = strlen(text);\n"
			    "    return item->text;\n"
			    "}\n";

static const char number_py[] = "def number(value, default=0):\n"
				"    try:\n"
				"        return int(value)\n"
				"    except (TypeError, ValueError):\n"
				"        try:\n"
				"            return int(float(value))\n"
				"        except (TypeError, ValueError):\n"
				"            return default\n";

static const char user_py[] = "def title(user):\n"
			      "    if not user:\n"
			      "        return \"\"\n"
			      "    name = user.find()\n"
			      "    return name.upper()\n";

static const char mean_py[] = "def mean(values):\n"
			      "    if values is None:\n"
			      "        return None\n"
			      "    return sum(values) / len(values)\n";

static const char first_py[] = "def first(rows, fallback):\n"
			       "    if fallback is None:\n"
			       "        return None\n"
			       "    return rows[0].strip()\n";

static const char lookup_py[] = "def port(settings):\n"
				"    return settings[\"port\"]\n"
				"\n"
				"\n"
				"def again(settings):\n"
				"    return settings.get(\"port\", 80)\n";

static const char join_py[] = "def line(parts):\n"
			      "    return \",\".join(parts)\n";

static const char count_py[] = "def count(text):\n"
			       "    if not text:\n"
			       "        return None\n"
			       "    return int(text)\n";

static const char decode_js[] = "function decode(text) {\n"
				"\ttry {\n"
				"\t\treturn decodeURIComponent(text);\n"
				"\t} catch (error) {\n"
				"\t\treturn text;\n"
				"\t}\n"
				"}\n"
				"\n"
				"function path(part) {\n"
				"\treturn decodeURIComponent(part);\n"
				"}\n";

static const char chain_js[] = "const city = (user) => user?.address?.city;\n"
			       "const name = (user) => user.name.first;\n";

static const char hook_js[] = "function run(hooks, name) {\n"
			      "  if (!name) {\n"
			      "    return false;\n"
			      "  }\n"
			      "  hooks[name](1);\n"
			      "  return true;\n"
			      "}\n";

static const char sum_c[] = "int sum(const int *values, int n)\n"
			    "{\n"
			    "\tint total = 0;\n"
			    "\n"
			    "\tfor (int i = 0; i <= n; i++)\n"
			    "\t\ttotal += values[i];\n"
			    "\treturn total;\n"
			    "}\n";

static const char copy_c[] = "char *copy(const char *text)\n"
			     "{\n"
			     "\tchar *new = malloc(strlen(text));\n"
			     "\n"
			     "\tif (!new)\n"
			     "\t\treturn NULL;\n"
			     "\tstrcpy(new, text);\n"
			     "\treturn new;\n"
			     "}\n";

static const char share_c[] = "int share(int total, int n)\n"
			      "{\n"
			      "\tif (total < 0)\n"
			      "\t\treturn -1;\n"
			      "\treturn total / n;\n"
			      "}\n";

static const struct crash crashes[] = {
	{ "c",
	  "list.c",
	  insert_c,
	  "SEGV",
	  NULL,
	  { { "insert", 11 } },
	  "null-guard-widen",
	  "if (at < 0 || new == NULL)\n    {\n        return 0;",
	  1 },
	{ "c",
	  "item.c",
	  set_c,
	  "SEGV",
	  NULL,
	  { { "library", 1 }, { "set", 11 } },
	  "null-guard-parameters",
	  "if ((item == NULL) || (text == NULL))\n    {\n        return NULL;",
	  1 },
	{ "python",
	  "number.py",
	  number_py,
	  "OverflowError",
	  "cannot convert float infinity to integer",
	  { { "number", 6 } },
	  "catch-widen",
	  "        except (OverflowError, TypeError, ValueError):\n            return default",
	  2 },
	{ "python",
	  "user.py",
	  user_py,
	  "AttributeError",
	  "'NoneType' object has no attribute 'upper'",
	  { { "title", 5 } },
	  "null-guard",
	  "    if name is None:\n        return \"\"\n    return name.upper()",
	  2 },
	{ "python",
	  "mean.py",
	  mean_py,
	  "ZeroDivisionError",
	  "division by zero",
	  { { "mean", 4 } },
	  "divide-guard",
	  "    if not values:\n        return None\n    return sum",
	  1 },
	{ "python",
	  "first.py",
	  first_py,
	  "IndexError",
	  "list index out of range",
	  { { "first", 4 } },
	  "index-guard",
	  "    if not rows:\n        return None\n",
	  1 },
	{ "python",
	  "lookup.py",
	  lookup_py,
	  "KeyError",
	  "'port'",
	  { { "port", 2 } },
	  "key-get",
	  "def port(settings):\n    return settings.get(\"port\", 80)\n",
	  1 },
	{ "python",
	  "join.py",
	  join_py,
	  "TypeError",
	  "sequence item 0: expected str instance, int found",
	  { { "line", 2 } },
	  "join-convert",
	  "return \",\".join(map(str, parts))",
	  1 },
	{ "python",
	  "count.py",
	  count_py,
	  "ValueError",
	  "invalid literal for int()",
	  { { "count", 4 } },
	  "catch-leave",
	  "    try:\n        return int(text)\n    except ValueError:\n        return None\n",
	  1 },
	{ "javascript",
	  "decode.js",
	  decode_js,
	  "URIError",
	  "URI malformed",
	  { { "library", 0 }, { "path", 10 } },
	  "catch-like-sibling",
	  "\ttry {\n\t\treturn decodeURIComponent(part);\n\t} catch (error) {\n\t\treturn "
	  "part;\n\t}\n",
	  1 },
	{ "javascript",
	  "chain.js",
	  chain_js,
	  "TypeError",
	  "Cannot read properties of undefined (reading 'first')",
	  { { "name", 2 } },
	  "optional-chain",
	  "(user) => user.name?.first;",
	  2 },
	{ "javascript",
	  "hook.js",
	  hook_js,
	  "TypeError",
	  "hooks[name] is not a function",
	  { { "run", 5 } },
	  "type-guard",
	  "  if (typeof hooks[name] !== 'function') {\n    return false;\n  }\n  hooks[name](1);",
	  1 },
	{ "c",
	  "sum.c",
	  sum_c,
	  "heap-buffer-overflow",
	  "READ of size 4",
	  { { "sum", 6 } },
	  "bound-relax",
	  "i < n;",
	  1 },
	{ "c",
	  "copy.c",
	  copy_c,
	  "heap-buffer-overflow",
	  "WRITE of size 5",
	  { { "library", 1 }, { "copy", 7 } },
	  "terminator-room",
	  "malloc(strlen(text) + 1)",
	  2 },
	{ "c",
	  "share.c",
	  share_c,
	  "FPE",
	  NULL,
	  { { "share", 5 } },
	  "divide-guard",
	  "\tif (n == 0)\n\t\treturn -1;\n\treturn total / n;",
	  1 },
};

static json_t *incident_of(const struct crash *c)
{
	json_t *frames = json_array();

	for (size_t i = 0; i < 3 && c->frames[i].function; i++) {
		const bool library = strcmp(c->frames[i].function, "library") == 0;

		CHECK_INT(json_array_append_new(frames,
						json_pack("{s:s, s:s*, s:i, s:b}", "function",
							  c->frames[i].function, "file",
							  library ? NULL : c->file, "line",
							  c->frames[i].line, "in_app", !library)),
			  0);
	}
	return json_pack("{s:[{s:s, s:s*, s:o}]}", "chain", "type", c->type, "message", c->message,
			 "frames", frames);
}

static void look_for(const struct crash *c, const struct candidates *found)
{
	bool ok = false;

	for (size_t i = 0; i < found->n && i < c->among; i++)
		ok = ok || (strcmp(found->v[i].op->name, c->op) == 0 &&
			    strstr(found->v[i].after, c->contains));
	CHECK(ok);
	if (ok)
		return;
	printf("# %s: not among the first %u:\n", c->file, c->among);
	for (size_t i = 0; i < found->n && i < 6; i++)
		printf("#   %u %s %s\n", rank_score(&found->v[i]), found->v[i].op->name,
		       found->v[i].summary);
}

static void repair(const char *repo, int dir, const struct crash *c)
{
	char lang[16], root[128];
	AUTO_JSON json_t *incident = incident_of(c);
	struct gate_task task = { .language = lang, .repo = root, .incident = incident };
	struct candidates found = { .max = 200 };
	struct locate l;
	struct err e = ERR_INIT;

	(void)snprintf(lang, sizeof(lang), "%s", c->lang);
	(void)snprintf(root, sizeof(root), "%s", repo);
	CHECK_INT(file_publish_at(dir, c->file, c->text, strlen(c->text), 0644, &e), 0);
	CHECK_INT(locate(&task, &l, &e), 0);
	for (size_t i = 0; i < l.n_sites; i++)
		operators_run(&l.sites[i], &found);
	CHECK_INT(found.failed.code, 0);
	rank_sort(&found);
	look_for(c, &found);
	candidates_release(&found);
	locate_release(&l);
	CHECK_INT(unlinkat(dir, c->file, 0), 0);
}

static void each_crash_has_its_repair_among_the_first(void)
{
	char repo[] = P_tmpdir "/sickbay-test-repair.XXXXXX";
	struct err e = ERR_INIT;

	CHECK(mkdtemp(repo) != NULL);

	AUTO_CLOSE int dir = fd_open_dir(repo, &e);

	for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
		repair(repo, dir, &crashes[i]);
	CHECK_INT(rmdir(repo), 0);
}

static void a_report_without_frames_of_the_project_is_refused(void)
{
	static const struct crash c = { .lang = "python",
					.file = "a.py",
					.type = "ValueError",
					.frames = { { "library", 1 } } };
	char lang[] = "python", root[] = ".";
	AUTO_JSON json_t *incident = incident_of(&c);
	struct gate_task task = { .language = lang, .repo = root, .incident = incident };
	struct locate l;
	struct err e = ERR_INIT;

	CHECK_INT(locate(&task, &l, &e), -ENOENT);
	CHECK_STR(e.msg, "no frame of the report lies in the project's own python code");
	locate_release(&l);
}

TAP_MAIN(TEST(each_crash_has_its_repair_among_the_first),
	 TEST(a_report_without_frames_of_the_project_is_refused))
