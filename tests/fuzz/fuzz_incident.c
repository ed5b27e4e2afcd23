/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/incident/incident.h"
#include "runtime/base/jsonc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An accepted record can be resolved, printed, and read back to the same record. */
static void round_trip(const json_t *value)
{
	struct incident i = { 0 }, again = { 0 };
	AUTO_JSON json_t *once = NULL;
	AUTO_JSON json_t *twice = NULL;
	struct err e = ERR_INIT;
	char print[72];

	if (incident_read(value, &i, &e) < 0) {
		if (e.code <= 0 || e.msg[0] == '\0')
			__builtin_trap();
		return;
	}
	(void)incident_resolve(&i, NULL, &e);
	incident_fingerprint(&i, print);
	once = incident_write(&i);
	if (incident_read(once, &again, &e) < 0)
		__builtin_trap();
	twice = incident_write(&again);
	if (!json_equal(once, twice))
		__builtin_trap();
	incident_release(&i);
	incident_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jsonc *j = NULL;
	struct err e = ERR_INIT;

	if (jsonc_parse("fuzz", (const char *)data, size, JSONC_STRICT, &j, &e) == 0)
		round_trip(jsonc_root(j));
	jsonc_free(j);
	return 0;
}
