/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "runtime/base/jmap.h"

/* Rows of the tables of messages; used by runtime/proto only.  `type` is the struct's name, and the
 * member on the wire has the field's. */
#define NUMBER(type, field, most, text)                                                   \
	{                                                                                 \
		.name = #field, .kind = JMAP_U64, .offset = offsetof(struct type, field), \
		.max = (most), .help = (text)                                             \
	}
#define FLAG(type, field, text)                                                            \
	{                                                                                  \
		.name = #field, .kind = JMAP_BOOL, .offset = offsetof(struct type, field), \
		.help = (text)                                                             \
	}
#define TEXT(type, field, must, most, text)                                               \
	{                                                                                 \
		.name = #field, .kind = JMAP_STR, .offset = offsetof(struct type, field), \
		.required = (must), .max = (most), .help = (text)                         \
	}
#define VALUE(type, field, must, text)                                                     \
	{                                                                                  \
		.name = #field, .kind = JMAP_JSON, .offset = offsetof(struct type, field), \
		.required = (must), .help = (text)                                         \
	}
