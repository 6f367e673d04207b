#include "ops/chart.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#define WIDTH 1000 /* of the drawing, in units of its own */
#define HEIGHT 200
#define MARKS 5 /* on the axis of points */

/* chart_ceiling - so that the axis has round numbers */
double
chart_ceiling(double value)
{
	static const double steps[] = { 1, 2, 4, 6, 8, 10 };
	double power = 1;

	if (!(value > 1))
		return 1;
	while (power * 10 < value)
		power *= 10;
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		if (power * steps[i] >= value)
			return power * steps[i];
	}
	return value;
}

/* number - as short as it is exact enough */
static const char *
number(double value, char text[32])
{
	if (isnan(value))
		snprintf(text, 32, "–");
	else if (value >= 100 || value == (double)(long)value)
		snprintf(text, 32, "%.0f", value);
	else
		snprintf(text, 32, "%.*f", value >= 10 ? 1 : 2, value);
	return text;
}

/* stack - the sum of a point's series, or the highest of them */
static double
stack(const struct chart *chart, size_t point, bool sum)
{
	double all = 0;

	for (size_t i = 0; i < chart->series_count; i++) {
		double value = chart->series[i].values[point];

		if (isnan(value))
			continue;
		if (sum)
			all += value;
		else if (value > all)
			all = value;
	}
	return all;
}

/* top - of the axis; 0: there is nothing to see */
static double
top(const struct chart *chart, bool sum)
{
	double highest = 0;

	for (size_t i = 0; i < chart->point_count; i++) {
		double value = stack(chart, i, sum);

		if (value > highest)
			highest = value;
	}
	return highest > 0 ? chart_ceiling(highest) : 0;
}

/* class_of - the class of a series, in text */
static const char *
class_of(size_t series, char text[24])
{
	snprintf(text, 24, "s%zu", series);
	return text;
}

/* legend - names, and the sum or the last value */
static void
legend(struct html *html, const struct chart *chart, bool sum)
{
	char class[24], text[32];
	double shown;

	html_open(
	    html, "ul", "class", sum ? "legend" : "legend of-lines", NULL);
	for (size_t i = 0; i < chart->series_count; i++) {
		shown = sum ? 0 : NAN;
		for (size_t j = 0; j < chart->point_count; j++) {
			double value = chart->series[i].values[j];

			if (!isnan(value))
				shown = sum ? shown + value : value;
		}
		html_open(html, "li", NULL);
		html_open(html, "span", "class", class_of(i, class),
		    "aria-hidden", "true", NULL);
		html_close(html, "span");
		html_textf(html, " %s ", chart->series[i].name);
		html_open(html, "b", NULL);
		html_text(html, number(shown, text));
		if (!isnan(shown))
			html_text(html, chart->unit);
		html_close(html, "b");
		html_close(html, "li");
	}
	html_close(html, "ul");
}

/* axes - beside and below the drawing; a screen reader has the table */
static void
axes(struct html *html, const struct chart *chart, double height)
{
	char text[32];

	html_open(html, "div", "class", "y", "aria-hidden", "true", NULL);
	for (int i = 2; i >= 0; i--)
		html_leaf(html, "span", number(height * i / 2, text), NULL);
	html_close(html, "div");
	html_open(html, "div", "class", "x", "aria-hidden", "true", NULL);
	for (size_t i = 0; i < MARKS; i++)
		html_leaf(html, "span",
		    chart->points[(chart->point_count - 1) * i / (MARKS - 1)],
		    NULL);
	html_close(html, "div");
}

/* begin_drawing - with its name and its grid */
static void
begin_drawing(struct html *html, const struct chart *chart)
{
	char title[64], what[64], label[144], box[32], y[16], x[16];

	snprintf(title, sizeof title, "%s-title", chart->id);
	snprintf(what, sizeof what, "%s-what", chart->id);
	snprintf(label, sizeof label, "%s %s", title, what);
	snprintf(box, sizeof box, "0 0 %d %d", WIDTH, HEIGHT);
	snprintf(x, sizeof x, "%d", WIDTH);
	html_open(html, "svg", "role", "img", "aria-labelledby", label,
	    "viewBox", box, "preserveAspectRatio", "none", NULL);
	html_leaf(html, "title", chart->title, "id", title, NULL);
	html_leaf(html, "desc", chart->what, "id", what, NULL);
	for (int i = 0; i < 3; i++) {
		snprintf(y, sizeof y, "%d", HEIGHT * i / 2);
		html_open(html, "line", "class", "grid", "x1", "0", "x2", x,
		    "y1", y, "y2", y, NULL);
		html_close(html, "line");
	}
}

/* bar - one piece */
static void
bar(struct html *html, const struct chart *chart, size_t series, size_t point,
    double from, double to)
{
	double step = (double)WIDTH / (double)chart->point_count;
	char x[32], y[32], width[32], height[32], class[24];

	snprintf(x, sizeof x, "%.2f", step * (double)point + step * .1);
	snprintf(y, sizeof y, "%.2f", HEIGHT * (1 - to));
	snprintf(width, sizeof width, "%.2f", step * .8);
	snprintf(height, sizeof height, "%.2f", HEIGHT * (to - from));
	html_open(html, "rect", "class", class_of(series, class), "x", x, "y",
	    y, "width", width, "height", height, NULL);
	html_close(html, "rect");
}

/* bars - a point's pieces, one on the other */
static void
bars(struct html *html, const struct chart *chart, double height)
{
	for (size_t point = 0; point < chart->point_count; point++) {
		double from = 0;

		for (size_t i = 0; i < chart->series_count; i++) {
			double value = chart->series[i].values[point];

			if (isnan(value) || value <= 0)
				continue;
			bar(html, chart, i, point, from, from + value / height);
			from += value / height;
		}
	}
}

/*
 * line - one series: pieces between gaps. A point without neighbours is a line
 * of no length, which round ends make a dot.
 */
static void
line(struct html *html, const struct chart *chart, size_t series, double height)
{
	const double *values = chart->series[series].values;
	double step = chart->point_count > 1 ?
	    (double)WIDTH / (double)(chart->point_count - 1) :
	    0;
	char path[16384], class[24];
	size_t len = 0;
	bool gap = true;

	path[0] = '\0';
	for (size_t i = 0; i < chart->point_count && len < sizeof path - 64;
	     i++) {
		if (!isnan(values[i]))
			len += (size_t)snprintf(path + len, sizeof path - len,
			    "%s%.1f %.1f", gap ? "M" : "L", step * (double)i,
			    HEIGHT * (1 - values[i] / height));
		if (!isnan(values[i]) && gap)
			len += (size_t)snprintf(
			    path + len, sizeof path - len, "h0");
		gap = isnan(values[i]);
	}
	html_open(
	    html, "path", "class", class_of(series, class), "d", path, NULL);
	html_close(html, "path");
}

/* data - the numbers, from the newest on */
static void
data(struct html *html, const struct chart *chart)
{
	char text[32];

	html_open(html, "details", NULL);
	html_open(html, "summary", NULL);
	html_text(html, "Numbers ");
	html_leaf(html, "span", chart->title, "class", "hidden", NULL);
	html_close(html, "summary");
	html_open(html, "div", "class", "scroll", "tabindex", "0", "role",
	    "region", "aria-label", chart->title, NULL);
	html_open(html, "table", NULL);
	html_leaf(html, "caption", chart->title, NULL);
	html_open(html, "thead", NULL);
	html_open(html, "tr", NULL);
	html_leaf(html, "th", chart->axis, "scope", "col", NULL);
	for (size_t i = 0; i < chart->series_count; i++)
		html_leaf(html, "th", chart->series[i].name, "scope", "col",
		    "class", "number", NULL);
	html_close(html, "tr");
	html_close(html, "thead");
	html_open(html, "tbody", NULL);
	for (size_t point = chart->point_count; point-- > 0;) {
		html_open(html, "tr", NULL);
		html_leaf(
		    html, "th", chart->points[point], "scope", "row", NULL);
		for (size_t i = 0; i < chart->series_count; i++)
			html_leaf(html, "td",
			    number(chart->series[i].values[point], text),
			    "class", "number", NULL);
		html_close(html, "tr");
	}
	html_close(html, "tbody");
	html_close(html, "table");
	html_close(html, "div");
	html_close(html, "details");
}

/* draw - a figure of either kind */
static void
draw(struct html *html, const struct chart *chart, bool stacked)
{
	double height = top(chart, stacked);

	html_open(html, "section", "class", "card", NULL);
	html_leaf(html, "h2", chart->title, NULL);
	if (height <= 0) {
		html_leaf(html, "p", chart->none, "class", "none", NULL);
		html_close(html, "section");
		return;
	}
	legend(html, chart, stacked);
	html_open(
	    html, "div", "class", stacked ? "chart" : "chart lines", NULL);
	begin_drawing(html, chart);
	if (stacked)
		bars(html, chart, height);
	else {
		for (size_t i = 0; i < chart->series_count; i++)
			line(html, chart, i, height);
	}
	html_close(html, "svg");
	axes(html, chart, height);
	html_close(html, "div");
	data(html, chart);
	html_close(html, "section");
}

/* chart_bars - stacked */
void
chart_bars(struct html *html, const struct chart *chart)
{
	draw(html, chart, true);
}

/* chart_lines - side by side */
void
chart_lines(struct html *html, const struct chart *chart)
{
	draw(html, chart, false);
}
