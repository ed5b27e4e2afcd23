/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz floor: policy */
#include <stdint.h>
#include <string.h>

#include "policy/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct policy *p)
{
	static const struct policy_places at = { "/", "/repo", "/build", "/tmp" };
	static const char *const questions[][2] = {
		{ "read", "@repo/a" },	{ "write", "/etc/passwd" }, { "exec", "make" },
		{ "patch", "src/a.c" }, { "add", "tests/a.c" },	    { "syscall", "ptrace" },
		{ "reach", "db:1" },
	};
	struct sandbox_spec spec = { 0 };
	struct policy_compiled *keep = NULL;
	struct policy_verdict v;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		if (policy_ask(p, questions[i][0], &questions[i][1], 1, &v, &e) < 0 ||
		    v.decision < POLICY_DENY || v.decision > POLICY_ALLOW)
			__builtin_trap();
	json_decref(policy_explain_json(p));
	/* what compiles has rules: an empty list would switch Landlock off */
	if (policy_compile(p, &at, &spec, &keep, &e) == 0 && spec.n_rules == 0)
		__builtin_trap();
	policy_compiled_free(keep);
}

/* What is accepted has a canonical form, and that is the same policy. */
static void format(const uint8_t *data, size_t size)
{
	AUTO_BUF struct buf text = BUF_INIT(1u << 20);
	AUTO_BUF struct buf out = BUF_INIT(8u << 20);
	struct err e = ERR_INIT;

	buf_put(&text, data, size);
	if (policy_format("f.json", text.p, text.n, &out, &e) < 0 && e.code != E2BIG &&
	    e.code != EFBIG)
		__builtin_trap();
}

/* A refusal says where and why; what is accepted can be asked, explained, compiled and formatted.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	struct policy *p = NULL;

	if (policy_parse("f.json", (const char *)data, size, &p, &e) < 0) {
		if (e.code <= 0 || p || strncmp(e.msg, "f.json:", 7) != 0)
			__builtin_trap();
		return 0;
	}
	if (!p || e.code)
		__builtin_trap();
	use(p);
	format(data, size);
	policy_free(p);
	return 0;
}
