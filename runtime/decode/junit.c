/* SPDX-License-Identifier: Apache-2.0 */
#include <expat.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/jmap.h"
#include "runtime/decode/results.h"
#include "runtime/decode/trace.h"

/*
 * JUnit's XML as test runners write it: <testcase classname name time> holding
 * <failure>, <error> or <skipped>.  A document type is refused, so there are
 * no entities to expand.
 */
#define DEPTH_MAX 64

struct junit {
	const struct source *in;
	XML_Parser parser;
	struct tests tests;
	char id[TEST_ID_MAX + 1];
	double ms;
	size_t depth, case_depth; /* of the open <testcase>; 0: none */
	enum test_status status;
	struct err why; /* the first refusal */
};

static void refuse(struct junit *j, const char *why)
{
	if (!j->why.code)
		(void)source_error(&j->why, j->in, XML_GetCurrentLineNumber(j->parser),
				   XML_GetCurrentColumnNumber(j->parser) + 1, "%s", why);
	(void)XML_StopParser(j->parser, XML_FALSE);
}

static const char *attribute(const XML_Char **attrs, const char *name)
{
	for (; *attrs; attrs += 2)
		if (strcmp(attrs[0], name) == 0)
			return attrs[1];
	return NULL;
}

static void case_open(struct junit *j, const XML_Char **attrs)
{
	const char *class = attribute(attrs, "classname"), *name = attribute(attrs, "name");
	const char *time = attribute(attrs, "time");
	const char *prefix = source_option(j->in, "prefix", NULL);
	int n;

	if (j->case_depth || !name) {
		refuse(j, j->case_depth ? "a <testcase> inside another"
					: "a <testcase> without a name");
		return;
	}
	n = snprintf(j->id, sizeof(j->id), "%s%s%s%s%s", prefix ? prefix : "", prefix ? "::" : "",
		     class ? class : "", class && *class ? "::" : "", name);
	if (n < 0 || (size_t)n >= sizeof(j->id)) {
		refuse(j, "the name of a test is too long");
		return;
	}
	j->ms = time ? strtod(time, NULL) * 1000 : 0;
	if (!(j->ms >= 0 && j->ms < 1e12))
		j->ms = 0;
	j->case_depth = j->depth;
	j->status = TEST_PASS;
}

static void XMLCALL on_start(void *user, const XML_Char *name, const XML_Char **attrs)
{
	struct junit *j = user;

	if (++j->depth > DEPTH_MAX)
		refuse(j, "elements nested too deep");
	else if (strcmp(name, "testcase") == 0)
		case_open(j, attrs);
	else if (j->case_depth && j->depth == j->case_depth + 1) {
		if (strcmp(name, "failure") == 0 || strcmp(name, "error") == 0)
			j->status = TEST_FAIL;
		else if (strcmp(name, "skipped") == 0 && j->status == TEST_PASS)
			j->status = TEST_SKIP;
	}
}

static void XMLCALL on_end(void *user, const XML_Char *name)
{
	struct junit *j = user;
	struct err why = ERR_INIT;

	(void)name;
	if (j->case_depth && j->depth == j->case_depth) {
		if (tests_add(&j->tests, j->id, j->status, j->ms, &why) < 0)
			refuse(j, why.msg);
		j->case_depth = 0;
	}
	j->depth--;
}

static void XMLCALL on_doctype(void *user, const XML_Char *name, const XML_Char *sysid,
			       const XML_Char *pubid, int subset)
{
	(void)name;
	(void)sysid;
	(void)pubid;
	(void)subset;
	refuse(user, "a document type is not allowed");
}

static int parse(struct junit *j, struct err *e)
{
	XML_SetUserData(j->parser, j);
	XML_SetElementHandler(j->parser, on_start, on_end);
	XML_SetStartDoctypeDeclHandler(j->parser, on_doctype);
	if (XML_Parse(j->parser, j->in->text, (int)j->in->n, 1) == XML_STATUS_OK)
		return 0;
	if (j->why.code)
		return err_set(e, j->why.code, "%s", j->why.msg);
	return source_error(e, j->in, XML_GetCurrentLineNumber(j->parser),
			    XML_GetCurrentColumnNumber(j->parser) + 1, "%s",
			    XML_ErrorString(XML_GetErrorCode(j->parser)));
}

int junit_decode(const struct source *in, json_t **out, struct err *e)
{
	struct junit j = { .in = in };
	int r = tests_init(&j.tests, e);

	if (r < 0)
		return r;
	j.parser = XML_ParserCreate(NULL);
	r = j.parser ? parse(&j, e) : err_set(e, ENOMEM, "%s: out of memory", in->name);
	if (r == 0)
		r = tests_value(&j.tests, -1, true, out, e);
	XML_ParserFree(j.parser);
	tests_release(&j.tests);
	return r;
}
