/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/incident/values.h"

#include "tests/tap.h"

static const char *const report =
	"{\"schema\":\"sickbay.incident/1\",\"id\":\"shop-1\",\"service\":\"shop\","
	"\"kind\":\"exception\",\"environment\":\"envcanary\","
	"\"deploy\":{\"release\":\"relcanary@7\",\"known\":\"tag knowncanary\"},"
	"\"runtime\":{\"language\":\"runcanary\"},"
	"\"chain\":[{\"type\":\"TypeError\",\"message\":\"cannot read 'msgcanary' of null\","
	"\"frames\":[{\"file\":\"lib/a.js\",\"function\":\"encode\",\"line\":3,\"in_app\":true,"
	"\"vars\":{\"varcanary\":\"valcanary\",\"n\":48151623}},"
	"{\"file\":\"/home/pathcanary/x.js\",\"function\":\"f\",\"line\":1}]}],"
	"\"coordinate\":{\"type\":\"TypeError\",\"file\":\"lib/a.js\",\"line\":3},"
	"\"input\":{\"call\":{\"module\":\"shop\",\"export\":\"encode\","
	"\"args\":[{\"keycanary\":\"argcanary one\",\"b\":null},[],\"\",-7.25,\"Ann\"]}},"
	"\"breadcrumbs\":[{\"what\":\"crumbcanary\"}],\"metrics\":[{\"name\":\"metriccanary\"}],"
	"\"signal\":{\"name\":\"sigcanary\"},\"threads\":[{\"what\":\"threadcanary\","
	"\"frames\":[{\"file\":\"/srv/tpathcanary/y.js\"}]}],"
	"\"loss\":[{\"at\":\"frames\",\"why\":\"the cause is not an error: losscanary\"}],"
	"\"personal\":[\"/call/args/4\"]}";

static const char *const canaries[] = { "envcanary",	"relcanary", "knowncanary",  "runcanary",
					"msgcanary",	"varcanary", "valcanary",    "48151623",
					"pathcanary",	"keycanary", "argcanary",    "crumbcanary",
					"metriccanary", "sigcanary", "threadcanary", "tpathcanary",
					"Ann" };

static void read_report(struct incident *i)
{
	AUTO_JSON json_t *v = json_loads(report, JSON_REJECT_DUPLICATES, NULL);
	struct err e = ERR_INIT;

	CHECK_INT(incident_read(v, i, &e), 0);
	CHECK_STR(e.msg, "");
}

static void every_field_is_collected(void)
{
	struct redact_hit hit;
	struct err e = ERR_INIT;
	struct redact *r = NULL;
	struct incident i;

	read_report(&i);
	CHECK_INT(redact_new(&r, &e), 0);
	CHECK_INT(values_collect(&i, r, &e), 0);
	CHECK_INT(redact_build(r, &e), 0);
	for (size_t k = 0; k < sizeof(canaries) / sizeof(canaries[0]); k++)
		if (redact_find(r, true, canaries[k], strlen(canaries[k]), &hit, &e) != 1)
			CHECK_STR("not found", canaries[k]);
	CHECK_INT(redact_find(r, true, "TypeError in encode of lib/a.js reads null", 42, &hit, &e),
		  0);
	redact_free(r);
	incident_release(&i);
}

/* A form, a query and a path are learned as the application reads them, wherever they stand. */
static void what_a_request_encodes_is_collected(void)
{
	static const char *const read[] = { "Dupont",	   "M\xc3\xbcller", "Pimpernel",
					    "mongocanary", "Crumbly",	    "paircanary" };
	AUTO_JSON json_t *v = json_loads(report, 0, NULL);
	struct redact_hit hit;
	struct err e = ERR_INIT;
	struct redact *r = NULL;
	struct incident i;

	(void)json_object_set_new(v, "input",
				  json_pack("{s:{s:[[s,s],[s,s]],s:s,s:s,s:{s:i}}}", "http",
					    "headers", "X-Tenantry", "paircanary", "Content-Type",
					    "text/x-unusual", "url",
					    "/of/Jean%20Dupont?to=M%C3%BCller", "query",
					    "by=a%3DPimpernel", "body", "$mongocanary", 1));
	(void)json_object_set_new(v, "breadcrumbs", json_pack("[{s:s}]", "url", "/?q=%22Crumbly"));
	(void)json_object_del(v, "personal");
	CHECK_INT(incident_read(v, &i, &e), 0);
	CHECK_INT(redact_new(&r, &e), 0);
	CHECK_INT(values_collect(&i, r, &e), 0);
	CHECK_INT(redact_build(r, &e), 0);
	for (size_t k = 0; k < sizeof(read) / sizeof(read[0]); k++)
		if (redact_find(r, true, read[k], strlen(read[k]), &hit, &e) != 1)
			CHECK_STR(e.msg, read[k]);
	CHECK_INT(
		redact_find(r, true, "{ $date: 1, 'x-tenantry': 'text/x-unusual' }", 45, &hit, &e),
		0);
	redact_free(r);
	incident_release(&i);
}

static void a_shape_has_none_of_them(void)
{
	AUTO_FREE char *text = NULL;
	AUTO_JSON json_t *v = NULL;
	struct err e = ERR_INIT;
	struct incident i, again;

	read_report(&i);
	v = values_shape(&i);
	text = json_dumps(v, JSON_SORT_KEYS);
	for (size_t k = 0; k < sizeof(canaries) / sizeof(canaries[0]); k++)
		if (!text || strstr(text, canaries[k]))
			CHECK_STR(text ? text : "", canaries[k]);
	CHECK(text && !strstr(text, "losscanary"));
	CHECK_INT(incident_read(v, &again, &e), 0);
	CHECK_STR(e.msg, "");
	CHECK_STR(again.coordinate.file, "lib/a.js");
	incident_release(&again);
	incident_release(&i);
}

static void a_shape_says_type_length_sign_and_emptiness(void)
{
	AUTO_FREE char *text = NULL;
	AUTO_JSON json_t *v = NULL;
	struct incident i;

	read_report(&i);
	v = values_shape(&i);
	text = json_dumps(
		json_object_get(json_object_get(json_object_get(v, "input"), "call"), "args"),
		JSON_COMPACT);
	CHECK_STR(text ? text : "",
		  "[{\"type\":\"object\",\"members\":[{\"type\":\"string\",\"length\":13},null]},"
		  "[],{\"type\":\"string\",\"length\":0},{\"type\":\"real\",\"sign\":-1},"
		  "{\"type\":\"string\"}]");
	incident_release(&i);
}

static void a_template_keeps_what_any_program_says(void)
{
	static const char *const rows[][2] = {
		{ "Cannot read properties of null (reading 'zip')",
		  "Cannot read properties of null (reading '[masked]')" },
		{ "index 12 of jane.doe@example.org", "index 12 of [masked]" },
		{ "no user 4711", "no [masked] [masked]" },
	};

	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		AUTO_BUF struct buf out = BUF_INIT(4096);

		CHECK_INT(values_template(rows[k][0], &out), 0);
		CHECK_STR(out.p ? out.p : "", rows[k][1]);
	}
}

TAP_MAIN(TEST(every_field_is_collected), TEST(what_a_request_encodes_is_collected),
	 TEST(a_shape_has_none_of_them), TEST(a_shape_says_type_length_sign_and_emptiness),
	 TEST(a_template_keeps_what_any_program_says))
