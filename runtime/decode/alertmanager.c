/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runtime/base/jmap.h"
#include "runtime/decode/reports.h"

/*
 * Alertmanager's webhook, version 4 (Prometheus documentation, "webhook_config").
 * What an alert is about, it says itself: the label sickbay_kind (error-rate,
 * latency or timeout), else its name; its service is the label "service" or
 * "job".
 */
#define ALERTS_MAX  1000
#define ALERT_BYTES (256u << 10)

static const char *str(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

static const char *label(const json_t *alert, const char *name)
{
	return str(json_object_get(alert, "labels"), name);
}

static const char *kind_of(const json_t *alert)
{
	static const struct {
		const char *part, *kind;
	} names[] = {
		{ "latency", "latency" },  { "Latency", "latency" },  { "slow", "latency" },
		{ "Slow", "latency" },	   { "timeout", "timeout" },  { "Timeout", "timeout" },
		{ "error", "error-rate" }, { "Error", "error-rate" }, { "5xx", "error-rate" },
	};
	static const char *const kinds[] = { "error-rate", "latency", "timeout" };
	const char *said = label(alert, "sickbay_kind"), *name = label(alert, "alertname");

	for (size_t i = 0; said && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(said, kinds[i]) == 0)
			return kinds[i];
	for (size_t i = 0; !said && name && i < sizeof(names) / sizeof(names[0]); i++)
		if (strstr(name, names[i].part))
			return names[i].kind;
	return NULL;
}

static int alert_read(const json_t *a, struct findings *out, struct err *e)
{
	const char *kind = kind_of(a), *status = str(a, "status"), *ends = str(a, "endsAt");
	const char *service = label(a, "service");
	const json_t *notes = json_object_get(a, "annotations");
	json_t *v;

	/* it is written and read again as it stands */
	if (json_dumpb(a, NULL, 0, JSON_ENSURE_ASCII) > ALERT_BYTES) {
		findings_ignore(out, "alert that is too large");
		return 0;
	}
	if (!kind) {
		findings_ignore(out, "alert of another kind");
		return 0;
	}
	if (!status || (strcmp(status, "firing") != 0 && strcmp(status, "resolved") != 0)) {
		findings_ignore(out, "alert with another status");
		return 0;
	}
	if (ends && strncmp(ends, "0001-", 5) == 0)
		ends = NULL;
	v = json_pack("{s:s*,s:s,s:s*,s:s,s:s*,s:s*,s:s*,s:s*,s:s*,s:O*}", "name",
		      label(a, "alertname"), "status", status, "service",
		      service ? service : label(a, "job"), "kind", kind, "starts",
		      str(a, "startsAt"), "ends", ends, "fingerprint", str(a, "fingerprint"),
		      "summary", str(notes, "summary"), "value", str(notes, "value"), "labels",
		      json_object_get(a, "labels"));
	return !v || json_array_append_new(out->alerts, v) < 0 ? err_set(e, ENOMEM, "out of memory")
							       : 0;
}

int alertmanager(const struct source *in, struct findings *out, struct err *e)
{
	AUTO_JSON json_t *root = NULL;
	const json_t *alerts;
	const char *version;

	if (payload_json(in, in->text, in->n, &root, e) < 0)
		return -e->code;
	version = str(root, "version");
	alerts = json_object_get(root, "alerts");
	if (!version || strcmp(version, "4") != 0 || !json_is_array(alerts))
		return source_error(e, in, 1, 1, "want a webhook of version 4 with \"alerts\"");
	if (json_array_size(alerts) > ALERTS_MAX)
		return source_error(e, in, 1, 1, "more than %d alerts", ALERTS_MAX);
	for (size_t i = 0; i < json_array_size(alerts); i++)
		if (alert_read(json_array_get(alerts, i), out, e) < 0)
			return -e->code;
	return 0;
}
