/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/jmap.h"
#include "runtime/decode/reports.h"
#include "tests/tap.h"

static struct findings found;
static struct err why;

static int read_by(payload_reader *reader, const char *text, size_t n, bool protobuf)
{
	AUTO_JSON json_t *options = json_pack("{s:b}", "protobuf", protobuf);
	const struct source in = { .name = "payload", .text = text, .n = n, .options = options };
	static const struct err none = ERR_INIT;

	findings_release(&found);
	why = none;
	return findings_init(&found, &why) < 0 ? -1 : reader(&in, &found, &why);
}

static int read_text(payload_reader *reader, const char *text)
{
	return read_by(reader, text, strlen(text), false);
}

/* "chain/0/frames/1/file" of the first report. */
static const json_t *at(const char *path)
{
	const json_t *v = json_array_get(found.reports, 0);
	char step[64];

	while (*path && v) {
		const size_t n = strcspn(path, "/");

		(void)snprintf(step, sizeof(step), "%.*s", (int)n, path);
		v = json_is_array(v) ? json_array_get(v, (size_t)strtoul(step, NULL, 10))
				     : json_object_get(v, step);
		path += n + (path[n] == '/');
	}
	return v;
}

static const char *text_at(const char *path)
{
	const char *s = json_string_value(at(path));

	return s ? s : "(none)";
}

static const char event[] =
	"{\"event_id\":\"fc6d8c0c43fc4630ad850ee518f1b9d0\",\"platform\":\"python\","
	"\"timestamp\":1763792803.5,\"release\":\"shop@3f2a9c1\",\"environment\":\"production\","
	"\"contexts\":{\"runtime\":{\"name\":\"CPython\",\"version\":\"3.11.2\"}},"
	"\"request\":{\"method\":\"POST\",\"url\":\"http://shop/checkout\",\"data\":{\"i\":3}},"
	"\"breadcrumbs\":{\"values\":[{\"category\":\"query\",\"message\":\"SELECT 1\"}]},"
	"\"exception\":{\"values\":[{\"type\":\"KeyError\",\"value\":\"'x'\",\"stacktrace\":"
	"{\"frames\":[{\"filename\":\"in.py\",\"lineno\":1,\"function\":\"f\"}]}},"
	"{\"type\":\"IndexError\",\"value\":\"list index out of "
	"range\",\"stacktrace\":{\"frames\":["
	"{\"filename\":\"app.py\",\"abs_path\":\"/srv/app.py\",\"function\":\"handler\","
	"\"lineno\":7},{\"filename\":\"app.py\",\"abs_path\":\"/srv/app.py\","
	"\"function\":\"price\",\"lineno\":2,\"vars\":{\"i\":\"3\",\"big\":"
	"[\"1\"]}}]}}]},"
	"\"_meta\":{\"exception\":{\"values\":{\"1\":{\"stacktrace\":{\"frames\":{\"1\":"
	"{\"vars\":{\"big\":{\"\":{\"len\":50}}}}}}}}}}}";

static void test_event(void)
{
	CHECK_INT(read_text(sentry_event, event), 0);
	CHECK_INT(json_array_size(found.reports), 1);
	CHECK_STR(text_at("chain/0/type"), "KeyError");
	CHECK_STR(text_at("chain/1/type"), "IndexError");
	CHECK_STR(text_at("chain/1/frames/0/function"), "price");
	CHECK_STR(text_at("chain/1/frames/0/file"), "/srv/app.py");
	CHECK_INT(json_integer_value(at("chain/1/frames/0/line")), 2);
	CHECK_INT(json_integer_value(at("chain/1/frames/0/vars/i")), 3);
	CHECK_STR(text_at("chain/1/frames/0/vars_lost/big"), "the reporter cut it");
	CHECK_STR(text_at("chain/1/frames/1/function"), "handler");
	CHECK_STR(text_at("event/release"), "shop@3f2a9c1");
	CHECK_STR(text_at("event/time"), "2025-11-22T06:26:43.500000000Z");
	CHECK_STR(text_at("runtime/language"), "python");
	CHECK_STR(text_at("input/http/method"), "POST");
	CHECK_STR(text_at("breadcrumbs/0/category"), "query");
	CHECK_STR(text_at("loss/0/at"), "exception.values.1.stacktrace.frames.1.vars.big");
	CHECK_STR(text_at("loss/0/why"), "the reporter cut it: there were 50");
}

/* As the SDK of Node.js sends it: a body is its text. */
static void test_body(void)
{
	static const char head[] =
		"{\"exception\":{\"values\":[{\"type\":\"E\",\"stacktrace\":{\"frames\":[{"
		"\"filename\":\"a.js\",\"lineno\":1}]}}]},\"request\":{\"method\":\"POST\",\"url\":"
		"\"http://shop/x?a=1\",\"data\":\"{\\\"i\\\":null}\",\"headers\":";
	char text[1024];

	(void)snprintf(text, sizeof(text),
		       "%s{\"content-type\":\"application/json; charset=utf-8\"}}}", head);
	CHECK_INT(read_text(sentry_event, text), 0);
	CHECK(json_is_null(at("input/http/body/i")));
	(void)snprintf(text, sizeof(text), "%s[[\"Content-Type\",\"text/plain\"]]}}", head);
	CHECK_INT(read_text(sentry_event, text), 0);
	CHECK_STR(text_at("input/http/body"), "{\"i\":null}");
}

static void test_envelope(void)
{
	char text[4096];
	const int n = snprintf(
		text, sizeof(text),
		"{\"event_id\":\"a\"}\n{\"type\":\"session\"}\n{\"sid\":1}\n"
		"{\"type\":\"attachment\",\"length\":5}\n{\n}\n \n"
		"{\"type\":\"event\",\"length\":%zu}\n%s\n{\"type\":\"transaction\"}\n{}\n",
		strlen(event), event);

	CHECK_INT(read_by(sentry_envelope, text, (size_t)n, false), 0);
	CHECK_INT(json_array_size(found.reports), 1);
	CHECK_STR(text_at("chain/1/type"), "IndexError");
	CHECK_INT(json_integer_value(json_object_get(found.ignored, "session")), 1);
	CHECK_INT(json_integer_value(json_object_get(found.ignored, "attachment")), 1);
	CHECK_INT(json_integer_value(json_object_get(found.ignored, "transaction")), 1);
}

static void test_envelope_refused(void)
{
	static const struct {
		const char *text, *says;
	} t[] = {
		{ "", "header" },
		{ "{}\n{\"type\":\"event\",\"length\":99}\n{}", "cut short" },
		{ "{}\n{\"type\":\"event\",\"length\":-1}\n{}", "cut short" },
		{ "{}\n{\"kind\":1}\n{}", "has no type" },
		{ "{}\n{\"type\":\"event\"}\n{\"a\":1,\"a\":2}", "duplicate" },
		{ "{}\n{\"type\":\"event\"}\n[]", "is an object" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		CHECK(read_text(sentry_envelope, t[i].text) < 0);
		CHECK(strstr(why.msg, t[i].says) != NULL);
	}
}

static void test_no_exception(void)
{
	CHECK_INT(read_text(sentry_event, "{\"message\":\"hello\"}"), 0);
	CHECK_INT(json_array_size(found.reports), 0);
	CHECK_INT(json_integer_value(json_object_get(found.ignored, "event without exception")), 1);
}

static const char spans[] =
	"{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":"
	"{\"stringValue\":\"shop\"}},{\"key\":\"service.version\",\"value\":{\"stringValue\":"
	"\"3f2a9c1\"}},{\"key\":\"telemetry.sdk.language\",\"value\":{\"stringValue\":\"nodejs\"}}]"
	"},"
	"\"scopeSpans\":[{\"spans\":[{\"name\":\"ok\"},{\"traceId\":\"5b\",\"spanId\":\"ee\","
	"\"attributes\":[{\"key\":\"http.request.method\",\"value\":{\"stringValue\":\"POST\"}},"
	"{\"key\":\"url.path\",\"value\":{\"stringValue\":\"/checkout\"}}],"
	"\"events\":[{\"name\":\"exception\",\"timeUnixNano\":\"1763792803000000000\","
	"\"attributes\":[{\"key\":\"exception.type\",\"value\":{\"stringValue\":\"TypeError\"}},"
	"{\"key\":\"exception.stacktrace\",\"value\":{\"stringValue\":\"TypeError: x is not a "
	"function\\n    at price (/srv/app.js:7:3)\\n    at handler "
	"(/srv/app.js:2:1)\"}}]}]}]}]}]}";

static void test_otlp(void)
{
	CHECK_INT(read_text(otlp_traces, spans), 0);
	CHECK_INT(json_array_size(found.reports), 1);
	CHECK_STR(text_at("chain/0/type"), "TypeError");
	CHECK_STR(text_at("chain/0/frames/0/function"), "price");
	CHECK_INT(json_integer_value(at("chain/0/frames/0/line")), 7);
	CHECK_STR(text_at("event/service"), "shop");
	CHECK_STR(text_at("event/release"), "3f2a9c1");
	CHECK_STR(text_at("event/time"), "2025-11-22T06:26:43.000000000Z");
	CHECK_STR(text_at("input/http/url"), "/checkout");
	CHECK_STR(text_at("runtime/language"), "javascript");
	CHECK_INT(json_integer_value(json_object_get(found.ignored, "span without exception")), 1);
}

/* A span's exception event of a language, with what its SDK puts into exception.stacktrace. */
static int read_span(const char *language, const char *type, const char *stack)
{
	AUTO_JSON json_t *v = json_pack(
		"{s:[{s:{s:[{s:s,s:{s:s}},{s:s,s:{s:s}}]},s:[{s:[{s:[{s:s,s:[{s:s,s:{s:s}},{s:s,s:{"
		"s:s}}]}]}]}]}]}",
		"resourceSpans", "resource", "attributes", "key", "telemetry.sdk.language", "value",
		"stringValue", language, "key", "oci.manifest.digest", "value", "stringValue",
		"sha256:ab", "scopeSpans", "spans", "events", "name", "exception", "attributes",
		"key", "exception.type", "value", "stringValue", type, "key",
		"exception.stacktrace", "value", "stringValue", stack);
	AUTO_FREE char *text = json_dumps(v, 0);

	CHECK(text != NULL);
	return text ? read_text(otlp_traces, text) : -1;
}

/* opentelemetry-sdk for Python: traceback.format_exception() as it is. */
static void test_otlp_python(void)
{
	CHECK_INT(read_span("python", "ZeroDivisionError",
			    "Traceback (most recent call last):\n"
			    "  File \"/srv/app.py\", line 9, in handler\n"
			    "    return price(items)\n"
			    "           ^^^^^^^^^^^^\n"
			    "  File \"/srv/cart.py\", line 2, in price\n"
			    "    return 1 / len(items)\n"
			    "           ~~^~~~~~~~~~~~\n"
			    "ZeroDivisionError: division by zero\n"),
		  0);
	CHECK_STR(text_at("chain/0/type"), "ZeroDivisionError");
	CHECK_STR(text_at("chain/0/message"), "division by zero");
	CHECK_STR(text_at("chain/0/frames/0/function"), "price");
	CHECK_STR(text_at("chain/0/frames/0/file"), "/srv/cart.py");
	CHECK_INT(json_integer_value(at("chain/0/frames/0/line")), 2);
	CHECK_STR(text_at("chain/0/frames/1/function"), "handler");
	CHECK_STR(text_at("runtime/language"), "python");
	CHECK_STR(text_at("event/image"), "sha256:ab");
	/* one that was recorded outside of its "except" */
	CHECK_INT(read_span("python", "ValueError", "NoneType: None\n"), 0);
	CHECK_INT(json_array_size(at("chain/0/frames")), 0);
}

static void test_otlp_other_language(void)
{
	CHECK_INT(read_span("java", "java.lang.NullPointerException",
			    "java.lang.NullPointerException: x\n"
			    "\tat com.example.Cart.total(Cart.java:12)\n"
			    "\tat com.example.Main.main(Main.java:3)\n"),
		  0);
	CHECK_STR(text_at("chain/0/type"), "java.lang.NullPointerException");
	CHECK_INT(json_array_size(at("chain/0/frames")), 0);
	CHECK_STR(text_at("loss/0/at"), "frames");
	CHECK_STR(text_at("loss/0/why"), "stacks of the language 'java' are not read");
}

/* ---- protobuf: written here by hand, so that reader and writer share nothing ---- */

struct pb {
	uint8_t p[2048];
	size_t n;
};

static void put_bytes(struct pb *b, unsigned field, const void *data, size_t n)
{
	b->p[b->n++] = (uint8_t)(field << 3 | 2);
	if (n >= 128)
		b->p[b->n++] = (uint8_t)((n & 0x7f) | 0x80);
	b->p[b->n++] = (uint8_t)(n >= 128 ? n >> 7 : n);
	memcpy(b->p + b->n, data, n);
	b->n += n;
}

static void put_attribute(struct pb *b, unsigned field, const char *key, const char *value)
{
	struct pb any = { .n = 0 }, kv = { .n = 0 };

	put_bytes(&any, 1, value, strlen(value));
	put_bytes(&kv, 1, key, strlen(key));
	put_bytes(&kv, 2, any.p, any.n);
	put_bytes(b, field, kv.p, kv.n);
}

static struct pb logs_of_python(void)
{
	static const uint8_t time[] = { 1 << 3 | 1, 0, 0xd6, 0xe0, 0x29, 0x2d, 0x45, 0x7a, 0x18 };
	struct pb record = { .n = 0 }, scope = { .n = 0 }, res = { .n = 0 }, rl = { .n = 0 };
	struct pb all = { .n = 0 };

	memcpy(record.p, time, sizeof(time));
	record.n = sizeof(time);
	put_attribute(&record, 6, "exception.type", "ValueError");
	put_attribute(&record, 6, "exception.stacktrace",
		      "Traceback (most recent call last):\n  File \"/srv/a.py\", line 4, in f\n"
		      "    g()\nValueError: no\n");
	record.p[record.n++] = 2 << 3; /* severity_number: no table names it */
	record.p[record.n++] = 17;
	put_attribute(&res, 1, "service.name", "shop");
	put_bytes(&scope, 2, record.p, record.n);
	put_bytes(&rl, 1, res.p, res.n);
	put_bytes(&rl, 2, scope.p, scope.n);
	put_bytes(&all, 1, rl.p, rl.n);
	return all;
}

static void test_protobuf(void)
{
	const struct pb all = logs_of_python();

	CHECK_INT(read_by(otlp_logs, (const char *)all.p, all.n, true), 0);
	CHECK_STR(text_at("chain/0/type"), "ValueError");
	CHECK_STR(text_at("chain/0/frames/0/file"), "/srv/a.py");
	CHECK_INT(json_integer_value(at("chain/0/frames/0/line")), 4);
	CHECK_STR(text_at("event/service"), "shop");
	for (size_t n = 1; n < all.n; n++) /* cut anywhere: refused or less, never more */
		if (read_by(otlp_logs, (const char *)all.p, n, true) == 0)
			CHECK(json_array_size(found.reports) <= 1);
	CHECK(read_by(otlp_logs, "\x0a\xff\xff\xff\xff\x0f", 6, true) < 0);
	CHECK(strstr(why.msg, "not an export request in protobuf") != NULL);
}

static void test_alerts(void)
{
	char *large = NULL;
	static const char text[] =
		"{\"version\":\"4\",\"status\":\"firing\",\"alerts\":[{\"status\":\"firing\","
		"\"labels\":"
		"{\"alertname\":\"HighErrorRate\",\"service\":\"shop\"},\"annotations\":{"
		"\"summary\":"
		"\"5 % of requests fail\"},\"startsAt\":\"2026-01-01T00:00:00Z\",\"endsAt\":"
		"\"0001-01-01T00:00:00Z\",\"fingerprint\":\"ab\"},{\"status\":\"resolved\","
		"\"labels\":"
		"{\"alertname\":\"X\",\"sickbay_kind\":\"latency\"}},{\"status\":\"firing\","
		"\"labels\":"
		"{\"alertname\":\"DiskFull\"}}]}";
	const json_t *a;

	CHECK_INT(read_text(alertmanager, text), 0);
	CHECK_INT(json_array_size(found.alerts), 2);
	a = json_array_get(found.alerts, 0);
	CHECK_STR(json_string_value(json_object_get(a, "kind")), "error-rate");
	CHECK_STR(json_string_value(json_object_get(a, "service")), "shop");
	CHECK(json_object_get(a, "ends") == NULL);
	a = json_array_get(found.alerts, 1);
	CHECK_STR(json_string_value(json_object_get(a, "kind")), "latency");
	CHECK_INT(json_integer_value(json_object_get(found.ignored, "alert of another kind")), 1);
	CHECK(asprintf(&large,
		       "{\"version\":\"4\",\"alerts\":[{\"status\":\"firing\",\"labels\":{"
		       "\"alertname\":\"X\",\"sickbay_kind\":\"latency\"},\"annotations\":{"
		       "\"summary\":\"%0300000d\"}}]}",
		       0) > 0);
	CHECK_INT(read_text(alertmanager, large), 0);
	CHECK_INT(json_array_size(found.alerts), 0);
	CHECK_INT(json_integer_value(json_object_get(found.ignored, "alert that is too large")), 1);
	free(large);
	CHECK(read_text(alertmanager, "{\"version\":\"3\",\"alerts\":[]}") < 0);
	CHECK(strstr(why.msg, "version 4") != NULL);
}

static void test_text(void)
{
	CHECK_INT(read_text(text_any, "Traceback (most recent call last):\n  File \"/a.py\", line "
				      "1, in f\n    g()\nValueError: no\n"),
		  0);
	CHECK_STR(text_at("format"), "python");
	CHECK(read_text(text_any, "all is well\n") < 0);
	findings_release(&found);
}

TAP_MAIN({ "a Sentry event gives its chain, frames, input and what was cut", test_event },
	 { "a body of JSON is a value, another its text", test_body },
	 { "an envelope's other items are counted by name", test_envelope },
	 { "an envelope that is cut or malformed is refused with a reason", test_envelope_refused },
	 { "an event without an exception is no report", test_no_exception },
	 { "an exception event of a span is a report", test_otlp },
	 { "a stack of Python is read as Python prints it", test_otlp_python },
	 { "a stack in another language's form gives no frames, and says so",
	   test_otlp_other_language },
	 { "the same from protobuf, which may be cut anywhere", test_protobuf },
	 { "alerts say what they are about, or are left out", test_alerts },
	 { "lines of a log are read by whichever reader finds a trace", test_text })
