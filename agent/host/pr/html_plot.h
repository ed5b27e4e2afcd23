/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "agent/host/pr/html.h"

/* Drawings over the time of a case share one axis: from its first event in the log to its last. */
#define PLOT_WIDTH 900.0
#define PLOT_LEFT  150.0

struct axis {
	double from, to; /* seconds since the epoch */
};

struct axis plot_axis(const struct html_case *in);
double plot_x(const struct axis *a, double at);
/* Lines between the two heights, and beneath them what they stand for. */
void plot_ticks(struct buf *b, const struct axis *a, double top, double bottom);

const char *event_type(const json_t *event);
double event_seconds(const json_t *event);
/* "replica" of the event that published 2-replica.json; "" of any other event. */
void event_stage(const json_t *event, char out[24]);
