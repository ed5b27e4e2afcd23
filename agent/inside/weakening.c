/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inside/weakening.h"

#include <string.h>

/* Calls, by the whole text of what is called or by its last name. */
static const struct call_pattern {
	const char *langs; /* NULL: all */
	const char *name;
	enum construct_kind kind;
} calls[] = {
	{ "c", "abort", RAISE },
	{ "c", "exit", RAISE },
	{ "c", "_exit", RAISE },
	{ "c", "err", RAISE },
	{ "c", "errx", RAISE },
	{ "c", "raise", RAISE },
	{ "c", "__builtin_trap", RAISE },
	{ "c", "BUG_ON", ASSERTION },
	{ "c", "WARN_ON", ASSERTION },
	{ "c", "g_assert", ASSERTION },
	{ "c", "g_return_if_fail", ASSERTION },
	{ "c", "g_return_val_if_fail", ASSERTION },
	{ "c", "static_assert", ASSERTION },
	{ "c", "_Static_assert", ASSERTION },
	{ "c", "capable", CHECK },
	{ "c", "access", CHECK },
	{ "c", "faccessat", CHECK },
	{ "c", "setjmp", SWALLOW },
	{ "c", "sigsetjmp", SWALLOW },
	{ "c", "signal", SWALLOW },
	{ "c", "sigaction", SWALLOW },
	{ "python", "sys.exit", RAISE },
	{ "python", "os.abort", RAISE },
	{ "python", "raise_for_status", RAISE },
	{ "python", "full_clean", CHECK },
	{ "python", "has_perm", CHECK },
	{ "javascript", "Promise.reject", RAISE },
	{ "javascript", "reject", RAISE },
	{ "javascript", "process.exit", RAISE },
	{ "javascript", "process.abort", RAISE },
	{ "javascript", "console.assert", ASSERTION },
};

/* Members, named arguments and assignments that turn a check off. */
static const struct switch_pattern {
	const char *langs, *name, *value;
} switches[] = {
	{ "python", "verify", "False" },
	{ "python", "check_hostname", "False" },
	{ "python", "verify_mode", "ssl.CERT_NONE" },
	{ "python", "strict", "False" },
	{ "python", "validate", "False" },
	{ "python", "required", "False" },
	{ "python", "autoescape", "False" },
	{ "python", "shell", "True" },
	{ "javascript", "rejectUnauthorized", "false" },
	{ "javascript", "strict", "false" },
	{ "javascript", "validate", "false" },
	{ "javascript", "required", "false" },
	{ "javascript", "escape", "false" },
	{ "javascript", "noEscape", "true" },
};

/* Remarks by which a checker of the code is told to look away. */
static const struct remark_pattern {
	const char *langs, *text;
} remarks[] = {
	{ "python", "noqa" },
	{ "python", "type: ignore" },
	{ "python", "pylint: disable" },
	{ "python", "nosec" },
	{ "javascript", "eslint-disable" },
	{ "javascript", "@ts-ignore" },
	{ "javascript", "@ts-nocheck" },
	{ "c", "NOLINT" },
	{ "c", "cppcheck-suppress" },
};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum construct_kind weakening_call(const struct lang *l, const char *whole, const char *name)
{
	for (size_t i = 0; i < COUNT(calls); i++)
		if (lang_listed(calls[i].langs, l->name) &&
		    (strcmp(calls[i].name, whole) == 0 || strcmp(calls[i].name, name) == 0))
			return calls[i].kind;
	return NOTHING;
}

bool weakening_switch(const struct lang *l, const char *name, const char *value)
{
	for (size_t i = 0; i < COUNT(switches); i++)
		if (lang_listed(switches[i].langs, l->name) &&
		    strcmp(switches[i].name, name) == 0 && strcmp(switches[i].value, value) == 0)
			return true;
	return false;
}

bool weakening_remark(const struct lang *l, const char *text)
{
	for (size_t i = 0; i < COUNT(remarks); i++)
		if (lang_listed(remarks[i].langs, l->name) && strstr(text, remarks[i].text))
			return true;
	return false;
}
