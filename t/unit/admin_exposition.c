/* SPDX-License-Identifier: ISC */
/*
 * Metrics as text, byte for byte, in both formats.
 */
#include "admin/exposition.h"

#include "tap.h"

static const double bounds[] = { 0.005, 0.25, 1, 2.5 };
static const uint64_t counts[] = { 1, 0, 2, 0, 4 };

static void
fill(struct exposition *e)
{
	static const struct exposition_label labels[] = {
		{ "a", "quote \" back \\ line \n." },
		{ "b", "" },
	};

	exposition_family(e, "x_things", "counter", "Things.");
	exposition_sample(e, labels, 2, 3);
	exposition_single(e, "x_now", "gauge", "Now.", 1795446186);
	exposition_single(e, "x_share", "gauge", "A share.", 0.25);
	exposition_single(e, "x_left", "gauge", "Left.", -2);
	exposition_family(e, "x_seconds", "histogram", "How long.");
	exposition_histogram(e, bounds, counts, 4, 1.234);
	exposition_family(e, "x_left_seconds", "gaugehistogram", "Left.");
	exposition_histogram(e, bounds, counts, 4, 31536000);
	exposition_end(e);
}

#define LABELS "{a=\"quote \\\" back \\\\ line \\n.\",b=\"\"}"
#define LEFT(type, g) \
	"# HELP x_left_seconds Left.\n# TYPE x_left_seconds " type "\n" \
	"x_left_seconds_bucket{le=\"0.005\"} 1\n" \
	"x_left_seconds_bucket{le=\"0.25\"} 1\n" \
	"x_left_seconds_bucket{le=\"1.0\"} 3\n" \
	"x_left_seconds_bucket{le=\"2.5\"} 3\n" \
	"x_left_seconds_bucket{le=\"+Inf\"} 7\n" \
	"x_left_seconds_" g "sum 31536000\nx_left_seconds_" g "count 7\n"
#define REST \
	"# HELP x_now Now.\n# TYPE x_now gauge\nx_now 1795446186\n" \
	"# HELP x_share A share.\n# TYPE x_share gauge\nx_share 0.25\n" \
	"# HELP x_left Left.\n# TYPE x_left gauge\nx_left -2\n" \
	"# HELP x_seconds How long.\n# TYPE x_seconds histogram\n" \
	"x_seconds_bucket{le=\"0.005\"} 1\n" \
	"x_seconds_bucket{le=\"0.25\"} 1\n" \
	"x_seconds_bucket{le=\"1.0\"} 3\n" \
	"x_seconds_bucket{le=\"2.5\"} 3\n" \
	"x_seconds_bucket{le=\"+Inf\"} 7\n" \
	"x_seconds_sum 1.234\nx_seconds_count 7\n"

static const char text_format[] =
    "# HELP x_things_total Things.\n"
    "# TYPE x_things_total counter\n"
    "x_things_total" LABELS " 3\n" REST LEFT("histogram", "");
static const char openmetrics[] =
    "# HELP x_things Things.\n"
    "# TYPE x_things counter\n"
    "x_things_total" LABELS " 3\n" REST LEFT("gaugehistogram", "g") "# EOF\n";

static void
check(bool open, const char *want, const char *what)
{
	struct exposition e;

	exposition_init(&e, open);
	fill(&e);
	ok(!e.failed, "%s: made", what);
	is_mem(buf_data(&e.out), buf_len(&e.out), want, strlen(want), "%s",
	    what);
	exposition_fini(&e);
}

int
main(void)
{
	check(false, text_format, "text format");
	check(true, openmetrics, "OpenMetrics");
	return done_testing();
}
