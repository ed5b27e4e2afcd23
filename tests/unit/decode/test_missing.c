/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/jmap.h"
#include "runtime/decode/decode_formats.h"
#include "tests/tap.h"

/* Each row by what a tool really printed; the paths and names in it are shortened, nothing else. */
static const struct {
	const char *output, *what;
} cases[] = {
	{ "Traceback (most recent call last):\n  File \"<string>\", line 1, in <module>\n"
	  "ModuleNotFoundError: No module named 'psycopg2'\n",
	  "python module 'psycopg2' is missing" },
	{ "/usr/bin/python3: No module named pytest\n", "python module 'pytest' is missing" },
	{ "tests/test_a.py:1: in <module>\n    import flask\n"
	  "E   ModuleNotFoundError: No module named 'flask.views'\n",
	  "python module 'flask' is missing" },
	{ "Traceback (most recent call last):\n  File \"<string>\", line 1, in <module>\n"
	  "  File \"/opt/t/usr/lib/python3/dist-packages/psycopg2/__init__.py\", line 1, in "
	  "<module>\n"
	  "    from psycopg2._psycopg import apilevel\n"
	  "ImportError: libpq.so.5: cannot open shared object file: No such file or directory\n",
	  "psycopg2 needs libpq.so.5" },
	{ "./prog: error while loading shared libraries: libpq.so.5: cannot open shared object "
	  "file: "
	  "No such file or directory\n",
	  "./prog needs libpq.so.5" },
	{ "Error: libvips-cpp.so.42: cannot open shared object file: No such file or directory\n"
	  "    at Module._extensions..node (node:internal/modules/cjs/loader:1500:18)\n",
	  "the code under test needs libvips-cpp.so.42" },
	{ "./prog: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by "
	  "./prog)\n",
	  "./prog needs GLIBC_2.38" },
	{ "node:internal/modules/cjs/loader:1210\n  throw err;\n  ^\n\n"
	  "Error: Cannot find module 'express'\nRequire stack:\n- /srv/shop/app.js\n",
	  "npm module 'express' is missing" },
	{ "Error: Cannot find module '@scope/name/sub'\n", "npm module '@scope/name' is missing" },
	{ "Error: Cannot find module '/srv/shop/node_modules/.bin/tape'\n",
	  "npm command 'tape' is missing" },
	{ "Error: Cannot find module './lib/x'\nRequire stack:\n- /srv/shop/app.js\n",
	  "file './lib/x' is missing" },
	{ "node:internal/modules/esm/resolve:873\n"
	  "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'left-pad' imported from /srv/a.mjs\n",
	  "npm module 'left-pad' is missing" },
	{ "Error [ERR_MODULE_NOT_FOUND]: Cannot find module '/srv/gone.js' imported from "
	  "/srv/b.mjs\n",
	  "file '/srv/gone.js' is missing" },
	{ "Could not find '/srv/shop/nothere'\n", "there are no tests at '/srv/shop/nothere'" },
	{ "ERROR: file or directory not found: nothere\n\n", "there are no tests at 'nothere'" },
	{ "ERROR: usage: __main__.py [options] [file_or_dir] [file_or_dir] [...]\n"
	  "__main__.py: error: unrecognized arguments: --cov=shop\n",
	  "the test runner does not know the option '--cov=shop'" },
	{ "sh: 1: pytest: not found\n", "command not found: pytest" },
	{ "bash: line 1: pytest: command not found\n", "command not found: pytest" },
	{ "sh: pytest: not found\n", "command not found: pytest" },
	{ "replica for baseline: payload: execute the program 'nodex': No such file or directory",
	  "command not found: nodex" },
	{ "env: \xe2\x80\x98python\xe2\x80\x99: No such file or directory\n",
	  "command not found: python" },
	{ "/usr/bin/env: 'node': No such file or directory\n", "command not found: node" },
	{ "z.c:1:10: fatal error: zlib.h: No such file or directory\n"
	  "    1 | #include <zlib.h>\n      |          ^~~~~~~~\ncompilation terminated.\n",
	  "header zlib.h is missing" },
	{ "/usr/bin/ld: cannot find -lz: No such file or directory\n"
	  "collect2: error: ld returned 1 exit status\n",
	  "library z (-lz) is missing" },
	{ "make: *** No rule to make target 'gone.c', needed by 'all'.  Stop.\n",
	  "make knows no target 'gone.c'" },
	{ "ccx x.c\nmake: ccx: No such file or directory\nmake: *** [Makefile:4: b] Error 127\n",
	  "command not found: ccx" },
	{ "npm error Missing script: \"tset\"\nnpm error\n", "package.json has no script 'tset'" },
	{ "  File \"<frozen os>\", line 679, in __getitem__\nKeyError: 'DATABASE_URL'\n",
	  "environment variable 'DATABASE_URL' is not set" },
	{ "Error: connect ECONNREFUSED 127.0.0.1:6379\n"
	  "    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1611:16)\n",
	  "nothing answers at 127.0.0.1:6379" },
	{ "psycopg2.OperationalError: connection to server at \"localhost\" (::1), port 5432 "
	  "failed: "
	  "Connection refused\n\tIs the server running on that host and accepting TCP/IP "
	  "connections?\n",
	  "no PostgreSQL answers at localhost:5432" },
	{ "redis.exceptions.ConnectionError: Error 111 connecting to localhost:6379. Connection "
	  "refused.\n",
	  "nothing answers at localhost:6379" },
	{ "  File \"/usr/lib/python3/dist-packages/kombu/connection.py\", line 1, in connect\n"
	  "    sock.connect(sa)\nConnectionRefusedError: [Errno 111] Connection refused\n",
	  "a server that kombu connects to is not there" },
	{ "Error: getaddrinfo ENOTFOUND db.internal\n", "host 'db.internal' is not known" },
	{ "psycopg2.OperationalError: could not translate host name \"db\" to address: Temporary "
	  "failure in name resolution\n",
	  "host 'db' is not known" },
	{ "socket.gaierror: [Errno -2] Name or service not known\n",
	  "a host that the code under test looks up is not known" },
	{ "OSError: [Errno 30] Read-only file system: '/usr/share/x'\n",
	  "'/usr/share/x' cannot be written" },
	{ "PermissionError: [Errno 13] Permission denied: '/var/log/shop.log'\n",
	  "'/var/log/shop.log' may not be opened" },
	{ "Error: The module '/srv/shop/node_modules/x/build/Release/x.node'\n"
	  "was compiled against a different Node.js version using\nNODE_MODULE_VERSION 108.\n",
	  "a native npm module was built for another version of node" },
	{ "1 passed\nand nothing else\n", "" },
	{ "", "" },
};

static void what_is_missing_is_said_in_plain_words(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct source in = { .name = "output",
					   .text = cases[i].output,
					   .n = strlen(cases[i].output) };
		AUTO_JSON json_t *v = NULL;
		struct err e = ERR_INIT;
		const char *what;

		CHECK_INT(missing_decode(&in, &v, &e), 0);
		what = json_string_value(json_object_get(v, "what"));
		CHECK_STR(what ? what : "", cases[i].what);
		CHECK(!what || json_string_length(json_object_get(v, "do")) > 0);
	}
}

static void the_first_thing_is_named(void)
{
	static const char text[] =
		"sh: 1: flake8: not found\nError: Cannot find module 'express'\n";
	const struct source in = { .name = "output", .text = text, .n = sizeof(text) - 1 };
	AUTO_JSON json_t *v = NULL;
	struct err e = ERR_INIT;

	CHECK_INT(missing_decode(&in, &v, &e), 0);
	CHECK_STR(json_string_value(json_object_get(v, "what")), "command not found: flake8");
	CHECK_INT(json_integer_value(json_object_get(v, "line")), 1);
}

TAP_MAIN(TEST(what_is_missing_is_said_in_plain_words), TEST(the_first_thing_is_named))
