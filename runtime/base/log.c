/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static struct {
	const char *program;
	enum log_level most;
	bool line_open;
} state = { "sickbay", LOG_INFO, false };

void log_set(const char *program, enum log_level most)
{
	state.program = program;
	state.most = most;
}

bool log_is_terminal(void)
{
	return isatty(STDERR_FILENO);
}

static void flatten(char *msg)
{
	for (; *msg; msg++)
		if ((unsigned char)*msg < ' ' || *msg == 0x7f)
			*msg = '?';
}

static void emit(const char *kind, const char *fmt, va_list ap)
{
	char msg[1024];

	log_progress_end();
	(void)vsnprintf(msg, sizeof(msg), fmt, ap);
	flatten(msg);
	(void)fprintf(stderr, "%s: %s%s\n", state.program, kind, msg);
}

#define LOG_AT(name, level, kind)             \
	void log_##name(const char *fmt, ...) \
	{                                     \
		va_list ap;                   \
		if (state.most < (level))     \
			return;               \
		va_start(ap, fmt);            \
		emit(kind, fmt, ap);          \
		va_end(ap);                   \
	}
LOG_AT(warn, LOG_WARN, "warning: ")
LOG_AT(info, LOG_INFO, "")
LOG_AT(debug, LOG_DEBUG, "debug: ")

void log_progress(const char *fmt, ...)
{
	char msg[160];
	va_list ap;

	if (state.most < LOG_INFO || !log_is_terminal())
		return;
	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	flatten(msg);
	(void)fprintf(stderr, "\r\033[K%s", msg);
	(void)fflush(stderr);
	state.line_open = true;
}

void log_progress_end(void)
{
	if (!state.line_open)
		return;
	(void)fputs("\r\033[K", stderr);
	(void)fflush(stderr);
	state.line_open = false;
}
