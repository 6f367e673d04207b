/*
 * chart.h - a row of numbers as a picture and as a table.
 *
 * The picture is SVG without text: titles, axes and legend are HTML around it,
 * so that they stay readable at any width. The same numbers follow as a table
 * that can be opened. Colours come from the classes s0, s1 … of the style.
 */
#ifndef PAYDESK_CHART_H
#define PAYDESK_CHART_H

#include <stddef.h>

#include "ops/html.h"

#define CHART_SERIES_MAX 6

struct chart_series {
	const char *name;
	double *values; /* one a point; NAN: not known */
};

struct chart {
	const char *id;	   /* unique in the page, a word */
	const char *title; /* with the unit */
	const char *what;  /* one sentence on what is seen */
	const char *none;  /* a sentence when there is nothing to see */
	const char *unit;  /* behind a number, e.g. " ms"; may be "" */
	const char *axis;  /* what the points are: "Hour (UTC)" */
	const char *const *points;
	size_t point_count;
	struct chart_series series[CHART_SERIES_MAX];
	size_t series_count;
};

/* Bars, series on series. */
void chart_bars(struct html *html, const struct chart *chart);

/* One line a series. */
void chart_lines(struct html *html, const struct chart *chart);

/* The smallest of 1, 2, 4, 6, 8, 10, 20, 40 … that value does not pass. */
double chart_ceiling(double value);

#endif
