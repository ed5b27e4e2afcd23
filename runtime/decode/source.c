/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>

#include "runtime/decode/decode_formats.h"

int source_error(struct err *e, const struct source *in, size_t line, size_t column,
		 const char *fmt, ...)
{
	char why[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return err_set(e, EINVAL, "%s:%zu:%zu: %s", in->name, line, column, why);
}

const char *source_option(const struct source *in, const char *name, const char *otherwise)
{
	const char *v = json_string_value(json_object_get(in->options, name));

	return v ? v : otherwise;
}
