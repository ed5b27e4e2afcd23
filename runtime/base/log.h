/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * What an operator sees on standard error while something runs.  Not the audit
 * log.  Control bytes are flattened.  Progress is one line that is rewritten,
 * shown only where standard error is a terminal.
 */
enum log_level { LOG_QUIET, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_set(const char *program, enum log_level most);
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* log_progress() replaces the line, log_progress_end() erases it. */
void log_progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_progress_end(void);
bool log_is_terminal(void);
