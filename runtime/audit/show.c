/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/audit/show.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "runtime/audit/scan.h"
#include "runtime/base/buf.h"
#include "runtime/base/jmap.h"

static const char *text_of(const json_t *record, const char *key)
{
	const char *s = json_string_value(json_object_get(record, key));

	return s ? s : "-";
}

/* What the columns do not show already. */
static bool is_column(const char *key)
{
	static const char *const columns[] = { "v", "seq", "ts", "type", "case", "prev" };

	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		if (strcmp(key, columns[i]) == 0)
			return true;
	return false;
}

static void put_plain(struct buf *out, const char *text)
{
	for (; *text; text++)
		buf_put(out, *text > ' ' && *text <= '~' ? text : "?", 1);
}

static int put_record(struct buf *out, const json_t *record, struct err *e)
{
	buf_printf(out, "%6lld  ", (long long)json_integer_value(json_object_get(record, "seq")));
	put_plain(out, text_of(record, "ts"));
	buf_puts(out, "  ");
	put_plain(out, text_of(record, "case"));
	buf_puts(out, "  ");
	put_plain(out, text_of(record, "type"));
	for (void *it = json_object_iter((json_t *)(uintptr_t)record); it;
	     it = json_object_iter_next((json_t *)(uintptr_t)record, it)) {
		const char *key = json_object_iter_key(it);

		if (is_column(key))
			continue;
		buf_putc(out, ' ');
		put_plain(out, key);
		buf_putc(out, '=');
		if (chain_put_value(out, key, json_object_iter_value(it), e) < 0)
			return -e->code;
	}
	buf_putc(out, '\n');
	return 0;
}

static int show_line(const char *line, size_t n, const char *case_id, bool json, struct buf *out)
{
	AUTO_JSON json_t *record = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
	struct err why = ERR_INIT;
	const size_t from = out->n;

	if (case_id && strcmp(text_of(record, "case"), case_id) != 0)
		return 0;
	if (json && record) {
		buf_put(out, line, n);
		buf_putc(out, '\n');
		return 0;
	}
	if (record && put_record(out, record, &why) == 0)
		return 0;
	out->n = from;
	if (!json) /* it was changed: 'verify' says so */
		buf_puts(out, "     ?  (a line that is no record)\n");
	return 0;
}

int show(int dir, const char *case_id, bool json, FILE *to, struct err *e)
{
	AUTO_CLOSE int events =
		openat(dir, "events", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_BUF struct buf out = BUF_INIT(1u << 20);
	const char *line;
	struct scan s;
	size_t n;
	int r;

	if (events < 0)
		return err_set(e, ENOENT, "there is no audit log here yet");
	r = scan_open(events, &s, e);
	if (r < 0)
		return r;
	while ((r = scan_next(&s, &line, &n, e)) == 1) {
		(void)show_line(line, n, case_id, json, &out);
		if (out.n && fwrite(out.p, 1, out.n, to) != out.n) {
			r = err_sys(e, "cannot write");
			break;
		}
		buf_reset(&out);
	}
	scan_release(&s);
	return r == -EBADMSG ? 0 : r; /* a torn end is for 'verify' to name */
}
