/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/ledger.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"
#include "runtime/base/sha256.h"
#include "runtime/base/sys.h"

#define LEDGER	   "ledger.ndjson"
#define LEDGER_MAX (64u << 20)
#define ROW_MAX	   65536u

/* ---- writing ---- */

static int append(const struct kase *k, const json_t *line, bool sync, struct err *e)
{
	AUTO_FREE char *text = json_dumps(line, JSON_COMPACT | JSON_ENSURE_ASCII);
	AUTO_CLOSE int fd = openat(case_dir(k), LEDGER,
				   O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	AUTO_BUF struct buf b = BUF_INIT(ROW_MAX);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open the ledger of case '%s'", case_id(k));
	buf_puts(&b, text ? text : "");
	buf_putc(&b, '\n');
	if (!text || b.failed)
		return err_set(e, ENOMEM, "ledger: out of memory");
	r = fd_write_all(fd, b.p, b.n, "the ledger", e);
	if (r < 0 || !sync)
		return r;
	r = sys_fsync(fd);
	if (r == 0 && st.st_size == 0) /* its name is new */
		r = sys_fsync(case_dir(k));
	return r < 0 ? err_set(e, -r, "sync the ledger of case '%s': %s", case_id(k), strerror(-r))
		     : 0;
}

int case_spend(struct kase *k, json_t *line, struct err *e)
{
	AUTO_JSON json_t *own = line;

	return own ? append(k, own, false, e) : err_set(e, ENOMEM, "ledger: out of memory");
}

int ledger_commit(const struct kase *k, const json_t *line, struct err *e)
{
	return append(k, line, true, e);
}

/* ---- reading ---- */

int ledger_each(const struct kase *k, ledger_fn *f, void *ctx, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(LEDGER_MAX);
	char *save = NULL;
	int r = file_read_at(case_dir(k), LEDGER, LEDGER_MAX, &text, e);

	if (r < 0 && r != -ENOENT)
		return r;
	*e = (struct err)ERR_INIT;
	if (r < 0 || !text.p)
		return 0;
	for (char *line = strtok_r(text.p, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		AUTO_JSON json_t *v = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

		r = v ? f(ctx, v, e) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

const char *ledger_text(const json_t *line, const char *key)
{
	const char *s = json_string_value(json_object_get(line, key));

	return s ? s : "";
}

int ledger_usd(const json_t *line, const char *key, money *out, struct err *e)
{
	return money_parse(ledger_text(line, key), out) < 0
		       ? err_set(e, EBADMSG, "the ledger's \"%.40s\" is no amount",
				 ledger_text(line, key))
		       : 0;
}

/* ---- sums ---- */

struct sums {
	json_t *out;
	json_t *open; /* reservations without an end, by call */
	money usd;
};

static void count(struct sums *s, const char *key, json_int_t n)
{
	(void)json_object_set_new(
		s->out, key, json_integer(n + json_integer_value(json_object_get(s->out, key))));
}

static int add_line(void *ctx, const json_t *line, struct err *e)
{
	const char *what = ledger_text(line, "what");
	struct sums *s = ctx;
	const char *key;
	json_t *v;
	money usd = 0;

	if (strcmp(what, LEDGER_RESERVE) == 0)
		return json_object_set(s->open, ledger_text(line, "call"),
				       (json_t *)(uintptr_t)line) < 0
			       ? err_set(e, ENOMEM, "out of memory")
			       : 0;
	if (strcmp(what, LEDGER_MODEL) == 0) {
		(void)json_object_del(s->open, ledger_text(line, "call"));
		if (ledger_usd(line, "usd", &usd, e) < 0)
			return -e->code;
		s->usd = money_add(s->usd, usd);
	}
	json_object_foreach((json_t *)(uintptr_t)line, key, v)
		if (json_is_integer(v))
			count(s, key, json_integer_value(v));
	return 0;
}

/* What has not ended may have cost all that was reserved for it. */
static int add_open(struct sums *s, struct err *e)
{
	const char *call;
	json_t *line;

	json_object_foreach(s->open, call, line) {
		const json_int_t input = json_integer_value(json_object_get(line, "most_input"));
		const json_int_t output = json_integer_value(json_object_get(line, "most_output"));
		money usd = 0;

		if (ledger_usd(line, "most_usd", &usd, e) < 0)
			return -e->code;
		s->usd = money_add(s->usd, usd);
		count(s, "tokens", input + output);
		count(s, "input_tokens", input);
		count(s, "output_tokens", output);
		count(s, "turns", 1);
	}
	return 0;
}

int case_spent(const struct kase *k, json_t **out, struct err *e)
{
	AUTO_JSON json_t *sums = json_pack("{s:i,s:i,s:i,s:i,s:i}", "evaluations", 0, "replicas", 0,
					   "cpu_us", 0, "wall_us", 0, "tokens", 0);
	AUTO_JSON json_t *open = json_object();
	struct sums s = { .out = sums, .open = open };
	char cents[MONEY_TEXT], exact[MONEY_TEXT];
	int r;

	if (!sums || !open)
		return err_set(e, ENOMEM, "out of memory");
	r = ledger_each(k, add_line, &s, e);
	if (r == 0)
		r = add_open(&s, e);
	if (r < 0)
		return err_wrap(e, "case '%s'", case_id(k));
	money_cents(s.usd, cents);
	money_text(s.usd, exact);
	if (json_object_set_new(sums, "usd", json_string(cents)) < 0 ||
	    json_object_set_new(sums, "usd_exact", json_string(exact)) < 0)
		return err_set(e, ENOMEM, "out of memory");
	*out = take_ptr(sums);
	return 0;
}

int case_ledger(const struct kase *k, json_t **out, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(LEDGER_MAX);
	uint8_t digest[SHA256_LEN];
	char hex[SHA256_HEX];
	int r = file_read_at(case_dir(k), LEDGER, LEDGER_MAX, &text, e);

	if (r < 0 && r != -ENOENT)
		return r;
	e->code = 0;
	sha256_of(text.p ? text.p : "", text.n, digest);
	sha256_hex(digest, hex);
	*out = json_pack("{s:I,s:s}", "bytes", (json_int_t)text.n, "sha256", hex);
	return *out ? 0 : err_set(e, ENOMEM, "out of memory");
}
