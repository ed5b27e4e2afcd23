/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <fcntl.h>

#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"
#include "runtime/decode/decode_formats.h"
#include "tests/tap.h"

/* One report of the corpus and what it comes to: "TYPE: MESSAGE @ FILE:LINE FUNCTION xFRAMES",
 * cause first. */
struct report_row {
	const char *file, *want;
	size_t loss, context;
};

static inline void summary_of(const json_t *value, struct buf *out)
{
	const json_t *x;
	size_t i;

	json_array_foreach(json_object_get(value, "chain"), i, x) {
		const json_t *frames = json_object_get(x, "frames");
		const json_t *f = json_array_get(frames, 0);
		const char *file = json_string_value(json_object_get(f, "file"));
		const char *function = json_string_value(json_object_get(f, "function"));

		buf_printf(out, "%s%s: %.40s @ %s:%lld %s x%zu", i ? " | " : "",
			   json_string_value(json_object_get(x, "type")),
			   json_string_value(json_object_get(x, "message")), file ? file : "?",
			   (long long)json_integer_value(json_object_get(f, "line")),
			   function ? function : "?", json_array_size(frames));
	}
}

static inline void check_reports(const char *folder, const struct report_row *rows, size_t n,
				 int (*decode)(const struct source *, json_t **, struct err *))
{
	for (size_t i = 0; i < n; i++) {
		AUTO_BUF struct buf text = BUF_INIT(1u << 20);
		AUTO_BUF struct buf got = BUF_INIT(1u << 20);
		AUTO_JSON json_t *v = NULL;
		struct err e = ERR_INIT;
		struct source in = { .name = rows[i].file };
		char path[256];

		(void)snprintf(path, sizeof(path), "tests/fuzz/corpus/%s/%s", folder, rows[i].file);
		CHECK_INT(file_read_at(AT_FDCWD, path, 1u << 20, &text, &e), 0);
		in.text = text.p;
		in.n = text.n;
		CHECK_INT(decode(&in, &v, &e), 0);
		CHECK_STR(e.msg, "");
		summary_of(v, &got);
		if (strcmp(got.p ? got.p : "", rows[i].want) != 0)
			printf("# %s:\n", rows[i].file);
		CHECK_STR(got.p ? got.p : "", rows[i].want);
		CHECK_INT((long long)json_array_size(json_object_get(v, "loss")),
			  (long long)rows[i].loss);
		CHECK_INT((long long)json_array_size(json_object_get(v, "context")),
			  (long long)rows[i].context);
	}
}
