/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/retry.h"

#include <curl/curl.h>
#include <string.h>

uint64_t retry_backoff_ms(uint64_t attempt, uint64_t random)
{
	const uint64_t shift = attempt > 1 ? attempt - 1 : 0;
	uint64_t most = shift < 16 ? (uint64_t)RETRY_BASE_MS << shift : RETRY_MOST_MS;

	if (most > RETRY_MOST_MS)
		most = RETRY_MOST_MS;
	return random % (most + 1);
}

bool retry_after_ms(const char *value, uint64_t now_real_s, uint64_t *ms)
{
	const size_t digits = strspn(value, "0123456789");
	uint64_t seconds = 0;
	time_t at;

	if (digits && value[digits] == '\0') {
		for (size_t i = 0; i < digits && seconds < UINT32_MAX; i++)
			seconds = seconds * 10 + (uint64_t)(value[i] - '0');
		*ms = seconds * 1000;
		return true;
	}
	if (digits || strlen(value) > 64)
		return false;
	at = curl_getdate(value, NULL);
	if (at < 0)
		return false;
	*ms = (uint64_t)at > now_real_s ? ((uint64_t)at - now_real_s) * 1000 : 0;
	return true;
}

bool retry_is_for(const char *kind)
{
	static const char *const kinds[] = { "rate-limited", "overloaded", "unreachable",
					     "disconnected" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kind, kinds[i]) == 0)
			return true;
	return false;
}
