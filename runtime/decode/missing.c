/* SPDX-License-Identifier: Apache-2.0 */
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/buf.h"
#include "runtime/base/jmap.h"
#include "runtime/decode/decode_formats.h"
#include "runtime/decode/text.h"

/*
 * What a suite that did not run lacks, from what it printed: the first line
 * that a row knows.  Printed text proves nothing, and nothing is decided from
 * it; it spares an operator a look at the whole output.
 */
static const struct row {
	const char *key;     /* a line without it is not looked at any closer */
	const char *pattern; /* POSIX extended */
	const char *what;    /* $1, $2: the pattern's groups; $o: whose code it happened in */
	const char *advice;
} rows[] = {
	{ "No module named", "No module named '([A-Za-z0-9_]+)", "python module '$1' is missing",
	  "add the package that has it to the toolchain's recipe" },
	{ "No module named", ": No module named ([A-Za-z0-9_]+)", "python module '$1' is missing",
	  "add the package that has it to the toolchain's recipe" },
	{ "cannot open shared object", "^([^ :]+): error while loading shared libraries: ([^ :]+):",
	  "$1 needs $2", "add the package that has it to the toolchain's recipe" },
	{ "cannot open shared object", "([^ :/]+\\.so[.0-9]*): cannot open shared object file",
	  "$o needs $1", "add the package that has it to the toolchain's recipe" },
	{ "' not found (required by",
	  "version `([A-Z]+_[0-9.]+)' not found \\(required by ([^)]+)\\)", "$2 needs $1",
	  "the image's C library is older than what it was built for" },
	{ "different Node.js version", "compiled against a different Node\\.js version",
	  "a native npm module was built for another version of node",
	  "prepare the toolchain for the image that runs the tests" },
	{ "node_modules/.bin/", "Cannot find module '[^']*node_modules/\\.bin/([^']+)'",
	  "npm command '$1' is missing",
	  "add the module that brings it to the toolchain's recipe (package.json and its lock "
	  "file)" },
	{ "Cannot find module", "Cannot find module '([./][^']*)'", "file '$1' is missing",
	  "if a build makes it, state the build in the service file" },
	{ "Cannot find module", "Cannot find module '((@[^/']+/)?[^/']+)",
	  "npm module '$1' is missing",
	  "add it to the toolchain's recipe (package.json and its lock file)" },
	{ "Cannot find package", "Cannot find package '([^']+)'", "npm module '$1' is missing",
	  "add it to the toolchain's recipe (package.json and its lock file)" },
	{ "Could not find '", "^Could not find '([^']+)'", "there are no tests at '$1'",
	  "correct the command of the suite in the service file" },
	{ "file or directory not found", "^ERROR: file or directory not found: (.+)$",
	  "there are no tests at '$1'", "correct the command of the suite in the service file" },
	{ "unrecognized arguments", "error: unrecognized arguments: ([^ ]+)",
	  "the test runner does not know the option '$1'",
	  "add the plugin that brings it to the toolchain's recipe, or leave the option out" },
	{ "not found", "(: (line )?[0-9]+|^(ba|da)?sh): ([^ :]+): (command )?not found",
	  "command not found: $4",
	  "correct the command, or add its package to the toolchain's recipe" },
	{ "execute the program", "execute the program '([^']+)': No such file",
	  "command not found: $1",
	  "correct the command, or add its package to the toolchain's recipe" },
	{ "env: ", "env: ['\xe2\x80\x98]+([^ '\xe2]+).*: No such file or directory",
	  "command not found: $1", "add its package to the toolchain's recipe" },
	{ "fatal error: ", "fatal error: ([^ :]+\\.h[a-z+]*): No such file or directory",
	  "header $1 is missing",
	  "add the development package that has it to the toolchain's recipe" },
	{ "cannot find -l", "cannot find -l([^ :]+)", "library $1 (-l$1) is missing",
	  "add the development package that has it to the toolchain's recipe" },
	{ "No rule to make target", "No rule to make target '([^']+)'", "make knows no target '$1'",
	  "correct the command, or add the file to the recipe" },
	{ "make: ", "^make(\\[[0-9]+\\])?: ([^ :*]+): No such file or directory",
	  "command not found: $2", "add its package to the toolchain's recipe" },
	{ "Missing script", "Missing script: \"([^\"]+)\"", "package.json has no script '$1'",
	  "correct the command in the service file" },
	{ "KeyError: '", "^(E +)?KeyError: '([A-Z][A-Z0-9_]+)'",
	  "environment variable '$2' is not set", "state it under run.env in the service file" },
	{ "ECONNREFUSED", "connect ECONNREFUSED ([0-9a-f.:]+)", "nothing answers at $1",
	  "a replica reaches nothing outside itself: make it a backing service" },
	{ "failed: Connection refused",
	  "connection to server at \"([^\"]+)\".*, port ([0-9]+) failed: Connection refused",
	  "no PostgreSQL answers at $1:$2",
	  "a replica reaches nothing outside itself: make it a backing service" },
	{ "Error 111 connecting to", "Error 111 connecting to ([^ ]+:[0-9]+)",
	  "nothing answers at $1",
	  "a replica reaches nothing outside itself: make it a backing service" },
	{ "Connection refused", "ConnectionRefusedError: \\[Errno 111\\] Connection refused",
	  "a server that $o connects to is not there",
	  "a replica reaches nothing outside itself: make it a backing service" },
	{ "getaddrinfo E", "getaddrinfo (ENOTFOUND|EAI_AGAIN) ([^ ]+)", "host '$2' is not known",
	  "a replica reaches nothing outside itself: make it a backing service" },
	{ "could not translate host name", "could not translate host name \"([^\"]+)\"",
	  "host '$1' is not known",
	  "a replica reaches nothing outside itself: make it a backing service" },
	{ "gaierror", "gaierror: \\[Errno -?[0-9]+\\]", "a host that $o looks up is not known",
	  "a replica reaches nothing outside itself: make it a backing service" },
	{ "Read-only file system", "Read-only file system: '([^']+)'", "'$1' cannot be written",
	  "tests may write below the working directory and /tmp" },
	{ "Permission denied", "Permission denied: '([^']+)'", "'$1' may not be opened",
	  "tests may write below the working directory and /tmp" },
};

#define GROUPS	   6
#define LINE_BYTES 4096 /* a longer line is no message of a tool */

/* The package whose file stands nearest above the line: "dist-packages/NAME/",
 * "node_modules/NAME/". */
static void owner_of(const struct text *t, size_t at, char *out, size_t n)
{
	static const char *const places[] = { "-packages/", "node_modules/" };

	(void)snprintf(out, n, "the code under test");
	for (size_t up = 0; up <= at && up < 40; up++) {
		const char *const line = t->line[at - up];

		for (size_t i = 0; i < 2; i++) {
			const char *p = strstr(line, places[i]);
			const size_t len = p ? strcspn(p + strlen(places[i]), "/\"': ") : 0;

			if (!len || len >= n)
				continue;
			(void)snprintf(out, n, "%.*s", (int)len, p + strlen(places[i]));
			return;
		}
	}
}

static void expand(const char *form, const char *line, const regmatch_t *m, const char *owner,
		   struct buf *out)
{
	for (; *form; form++) {
		size_t g;

		if (form[0] != '$') {
			buf_putc(out, *form);
			continue;
		}
		form++;
		g = (size_t)(*form - '0');
		if (*form == 'o')
			buf_puts(out, owner);
		else if (g < GROUPS && m[g].rm_so >= 0)
			buf_put(out, line + m[g].rm_so, (size_t)(m[g].rm_eo - m[g].rm_so));
	}
}

static bool matches(const struct row *row, const char *line, regmatch_t m[GROUPS])
{
	regex_t re;
	bool yes;

	if (!strstr(line, row->key) || regcomp(&re, row->pattern, REG_EXTENDED) != 0)
		return false;
	yes = regexec(&re, line, GROUPS, m, 0) == 0;
	regfree(&re);
	return yes;
}

static int say(const struct source *in, const struct text *t, size_t at, const struct row *row,
	       const regmatch_t *m, json_t **out, struct err *e)
{
	AUTO_BUF struct buf what = BUF_INIT(LINE_BYTES + 256);
	char owner[64];

	owner_of(t, at, owner, sizeof(owner));
	expand(row->what, t->line[at], m, owner, &what);
	if (buf_check(&what, in->name, e) < 0)
		return -e->code;
	*out = json_pack("{s:s,s:s,s:i}", "what", what.p, "do", row->advice, "line", (int)at + 1);
	return *out ? 0 : err_set(e, EILSEQ, "%s: out of memory, or not UTF-8", in->name);
}

int missing_decode(const struct source *in, json_t **out, struct err *e)
{
	AUTO_TEXT struct text t = { 0 };
	regmatch_t m[GROUPS];
	int r = text_read(in->name, in->text, in->n, &t, e);

	for (size_t i = 0; r == 0 && i < t.n; i++) {
		if (strlen(t.line[i]) > LINE_BYTES)
			continue;
		for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++)
			if (matches(&rows[k], t.line[i], m))
				return say(in, &t, i, &rows[k], m, out, e);
	}
	if (r < 0)
		return r;
	*out = json_object();
	return *out ? 0 : err_set(e, ENOMEM, "%s: out of memory", in->name);
}
