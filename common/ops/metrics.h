/*
 * metrics.h - Prometheus' text exposition, version 0.0.4.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
#ifndef PAYDESK_METRICS_H
#define PAYDESK_METRICS_H

#include "base/buffer.h"
#include "program/stats.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define METRICS_MAX (2 << 20) /* bytes of an exposition */

/* Begins a metric; type is "counter", "gauge" or "histogram". */
void metrics_begin(
    struct buffer *out, const char *name, const char *type, const char *help);

/*
 * One sample of it. Labels follow as pairs, key and value, up to NULL; values
 * are escaped and may come from outside.
 */
void metrics_sample(struct buffer *out, const char *name, double value, ...)
    __attribute__((sentinel));

/* The cumulative buckets, sum and count of a program's requests. */
void metrics_histogram(struct buffer *out, const char *name,
    const char *program, const struct stats *stats);

#endif
