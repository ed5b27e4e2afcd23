/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/broker/forge_impl.h"
#include "runtime/base/jsonc.h"
#include "runtime/base/utf8.h"

/* The first byte chooses: references of git, its report of a push, an API's answer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void trap_unless(int fine)
{
	if (!fine)
		__builtin_trap();
}

static void fuzz_refs(const char *text, size_t n)
{
	struct err e = ERR_INIT;
	json_t *refs = NULL;
	char old[65];
	size_t i;
	json_t *v;

	if (git_refs_read(text, n, "sickbay/x", &refs, old, &e) < 0) {
		trap_unless(e.code == EBADMSG && e.msg[0] && !refs);
		return;
	}
	json_array_foreach(refs, i, v)
		trap_unless(strspn(json_string_value(v), "0123456789abcdef") ==
				    json_string_length(v) &&
			    (json_string_length(v) == 40 || json_string_length(v) == 64));
	trap_unless(strspn(old, "0123456789abcdef") == strlen(old));
	json_decref(refs);
}

static void fuzz_report(const char *text, size_t n)
{
	struct err e = ERR_INIT;

	trap_unless(git_report_read(text, n, "sickbay/x", &e) == 0 || e.msg[0]);
}

/* What is said of a failure is text of one line, whatever the server said. */
static void fuzz_answer(const char *text, size_t n)
{
	struct forge f = { .at = { .name = "hub" } };
	struct forge_ask a = { .repository = "acme/shop" };
	struct forge_end end = { 0 };
	struct asking k = { .f = &f, .a = &a, .end = &end, .pack = -1 };
	struct err e = ERR_INIT;
	struct jsonc *j = NULL;
	struct said s = { .status = n % 2 ? 422 : 403 };

	if (jsonc_parse("answer", text, n, JSONC_STRICT, &j, &e) == 0)
		s.body = json_deep_copy(jsonc_root(j));
	jsonc_free(j);
	forge_status(&k, &s, "open a pull request");
	trap_unless(end.message && end.message[0] && !strchr(end.message, '\n'));
	for (size_t i = 0; end.message[i];) {
		const size_t w = utf8_length(end.message + i, strlen(end.message + i));

		trap_unless(w != 0);
		i += w;
	}
	said_release(&s);
	jmap_release(forge_end_map, &end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size == 0)
		return 0;
	text = malloc(size);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	switch (data[0] % 3) {
	case 0:
		fuzz_refs(text, size - 1);
		break;
	case 1:
		fuzz_report(text, size - 1);
		break;
	default:
		fuzz_answer(text, size - 1);
	}
	free(text);
	return 0;
}
