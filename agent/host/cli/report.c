/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/cli/report.h"

#include <string.h>
#include <unistd.h>

#include "agent/host/case/raw.h"
#include "agent/host/incident/convert.h"

int report_load(const char *path, struct incident *out, struct err *e)
{
	if (strcmp(path, "-") == 0)
		return incident_load(STDIN_FILENO, "standard input", out, e);
	return incident_load_file(path, out, e);
}

static int keep(const char *state, const struct buf *text, struct incident *i, struct err *e)
{
	struct raw_ref ref;
	int r = raw_put(state, "report", i->id, text->p ? text->p : "", text->n, &ref, e);

	if (r < 0)
		return r;
	json_decref(i->raw);
	i->raw = json_pack("{s:s,s:I}", "digest", ref.digest, "bytes", (json_int_t)ref.bytes);
	return i->raw ? 0 : err_set(e, ENOMEM, "out of memory");
}

int report_of_text(const char *from, const struct service *s, const char *state,
		   const struct buf *text, struct incident *out, struct err *e)
{
	struct strpair pairs[64];
	struct strmap map = { .v = pairs };
	struct convert c = { .report_name = "a trace",
			     .service = s->name,
			     .paths = { .paths = &map, .in_app = &s->in_app } };
	AUTO_JSON json_t *report = NULL;
	int r = convert_format(from, &c.from, e);

	service_strmap(s, &map, 64);
	if (r == 0)
		r = decode_text(c.from, text->p ? text->p : "", text->n, "a trace", NULL, &report,
				e);
	if (r == 0)
		r = incident_from_report(&c, report, out, e);
	if (r < 0)
		return r;
	r = keep(state, text, out, e);
	if (r < 0)
		incident_release(out);
	return r;
}

int report_convert(const struct report_options *o, const struct service *s, const char *state,
		   struct incident *out, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(RAW_MAX);
	struct strpair pairs[64];
	struct strmap map = { .v = pairs };
	struct convert c = { .report = STDIN_FILENO,
			     .report_name = "standard input",
			     .input = o->input,
			     .deploy = o->deploy,
			     .metrics = o->metrics,
			     .service = s->name,
			     .paths = { .paths = &map, .in_app = &s->in_app },
			     .keep = &text };
	int r = convert_format(o->from, &c.from, e);

	service_strmap(s, &map, 64);
	if (r == 0)
		r = incident_convert(&c, out, e);
	if (r < 0)
		return r;
	r = keep(state, &text, out, e);
	if (r < 0)
		incident_release(out);
	return r;
}
