/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/pr/html_plot.h"

#include <stdio.h>
#include <string.h>

#include "agent/host/pr/pr.h"
#include "runtime/base/clock.h"

const char *event_type(const json_t *event)
{
	return pr_str(event, "type");
}

double event_seconds(const json_t *event)
{
	uint64_t ns;

	return clock_parse_rfc3339(pr_str(event, "ts"), &ns) < 0 ? 0 : (double)ns / 1e9;
}

void event_stage(const json_t *event, char out[24])
{
	const char *record = pr_str(event, "record");
	const char *dash = strchr(record, '-');

	(void)snprintf(out, 24, "%.*s", dash ? (int)strcspn(dash + 1, ".") : 0,
		       dash ? dash + 1 : "");
}

struct axis plot_axis(const struct html_case *in)
{
	const size_t n = json_array_size(in->events);
	struct axis a = { 0, 1 };

	if (n) {
		a.from = event_seconds(json_array_get(in->events, 0));
		a.to = event_seconds(json_array_get(in->events, n - 1));
	}
	if (a.to <= a.from)
		a.to = a.from + 1;
	return a;
}

double plot_x(const struct axis *a, double at)
{
	const double width = PLOT_WIDTH - PLOT_LEFT;
	const double x = PLOT_LEFT + width * (at - a->from) / (a->to - a->from);

	return x < PLOT_LEFT ? PLOT_LEFT : x > PLOT_WIDTH ? PLOT_WIDTH : x;
}

static void tick_label(struct buf *b, double step, double t)
{
	if (step < 60)
		html(b, "%.0f s", t);
	else if (step < 3600)
		html(b, "%.0f min", t / 60);
	else if (step < 86400)
		html(b, "%.0f h", t / 3600);
	else
		html(b, "%.0f d", t / 86400);
}

void plot_ticks(struct buf *b, const struct axis *a, double top, double bottom)
{
	static const double steps[] = { 1,    2,    5,	  10,	 30,	60,	120,	300,	600,
					1800, 3600, 7200, 21600, 86400, 172800, 604800, 2592000 };
	const double span = a->to - a->from;
	double step = steps[0];

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		step = steps[i];
		if (span / step <= 8)
			break;
	}
	for (int i = 0; i < 40 && step * i <= span; i++) {
		const double t = step * i, x = plot_x(a, a->from + t);

		html(b, "<line class=\"axis\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>", x,
		     top, x, bottom);
		html(b, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">", x, bottom + 15);
		tick_label(b, step, t);
		html(b, "</text>");
	}
}
