/* SPDX-License-Identifier: ISC */
#include "ctl/watch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define HOME "\033[H"
#define ERASE_LINE "\033[K"
#define ERASE_BELOW "\033[J"
#define REVERSE "\033[7m"
#define RED "\033[31m"
#define YELLOW "\033[33m"
#define PLAIN "\033[0m"

/* The previous answer to `sessions', for the rates. */
struct previous {
	json_t *sessions; /* owned: by number; NULL: there is none */
	uint64_t at; /* clock_mono_ms() */
};

static void
screen_size(size_t *rows, size_t *columns)
{
	struct winsize w = { 0 };

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == -1 || w.ws_row == 0 ||
	    w.ws_col == 0) {
		w.ws_row = 24;
		w.ws_col = 80;
	}
	*rows = w.ws_row;
	*columns = w.ws_col;
}

/* The colour of a line; "" for none. */
static const char *
colour_of(const char *line)
{
	if (strncmp(line, "PROBLEM: ", 9) == 0)
		return RED;
	if (strncmp(line, "warning: ", 9) == 0)
		return YELLOW;
	if (strncmp(line, "SID ", 4) == 0)
		return REVERSE;
	return "";
}

/* The bytes of `line' that fit into `columns'; every character counts as one,
 * and `len' is the line's length. */
static size_t
fitting(const char *line, size_t len, size_t columns)
{
	size_t width = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		if (((unsigned char)line[i] & 0xc0) == 0x80)
			continue; /* the rest of a character */
		if (++width > columns)
			return i;
	}
	return len;
}

/* Paints as much of `text' as the screen holds. */
static void
paint(const char *text)
{
	bool colours = getenv("NO_COLOR") == NULL;
	const char *colour;
	const char *end;
	size_t columns;
	size_t rows;
	size_t len;

	screen_size(&rows, &columns);
	fputs(HOME, stdout);
	for (; rows > 1 && *text != '\0'; rows--) {
		end = strchr(text, '\n');
		len = end == NULL ? strlen(text) : (size_t)(end - text);
		colour = colours ? colour_of(text) : "";
		fputs(colour, stdout);
		fwrite(text, 1, fitting(text, len, columns), stdout);
		fputs(colour[0] == '\0' ? ERASE_LINE "\n"
					: PLAIN ERASE_LINE "\n",
		    stdout);
		text += len + (end != NULL);
	}
	fputs(ERASE_BELOW, stdout);
	fflush(stdout);
}

/* Adds up_s and down_s to a row, from the row of the same session before. */
static void
add_rates(json_t *row, const json_t *before, double seconds)
{
	static const char *const fields[2][2] = { { "up", "up_s" },
		{ "down", "down_s" } };
	double grown;
	int i;

	for (i = 0; i < 2; i++) {
		grown = (double)(json_integer_value(
				     json_object_get(row, fields[i][0])) -
		    json_integer_value(json_object_get(before, fields[i][0])));
		json_object_set_new(row, fields[i][1],
		    json_integer((json_int_t)(grown / seconds + .5)));
	}
}

/* Adds the rates to an answer and remembers it. */
static void
compare(struct previous *p, json_t *answer)
{
	json_t *rows = json_object_get(answer, "sessions");
	json_t *now = json_object();
	uint64_t at = clock_mono_ms();
	double seconds = (double)(at - p->at) / 1000;
	const json_t *before;
	const char *replica;
	char sid[128];
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		replica = json_string_value(json_object_get(row, "replica"));
		snprintf(sid, sizeof(sid), "%lld %s",
		    (long long)json_integer_value(json_object_get(row, "sid")),
		    replica == NULL ? "" : replica);
		before = json_object_get(p->sessions, sid);
		if (before != NULL && seconds > 0)
			add_rates(row, before, seconds);
		json_object_set(now, sid, row);
	}
	json_decref(p->sessions);
	p->sessions = now;
	p->at = at;
}

/* Paints one answer. */
static int
paint_answer(const struct command_call *call, struct previous *p)
{
	struct command_answer answer;
	int code = command_ask(call, &answer);
	char *text = NULL;
	size_t len;
	FILE *f;

	if (code > CTL_REFUSED)
		return code;
	f = open_memstream(&text, &len);
	if (f == NULL) {
		command_answer_fini(&answer);
		return CTL_REFUSED;
	}
	if (call->command->show == show_sessions && !call->json &&
	    answer.json != NULL && json_object_get(answer.json, "sessions")) {
		compare(p, answer.json);
		show_sessions_rates(f, answer.json);
	} else {
		command_print(f, call, &answer);
	}
	fclose(f);
	paint(text);
	free(text);
	command_answer_fini(&answer);
	return code;
}

int
watch_run(const struct command_call *call, double seconds)
{
	bool terminal = isatty(STDOUT_FILENO) == 1;
	struct previous previous = { NULL, 0 };
	struct timespec pause;
	int code;

	pause.tv_sec = (time_t)seconds;
	pause.tv_nsec = (long)((seconds - (double)pause.tv_sec) * 1e9);
	do {
		code = terminal ? paint_answer(call, &previous)
				: command_run(call);
		if (code <= CTL_REFUSED)
			nanosleep(&pause, NULL);
	} while (code <= CTL_REFUSED);
	json_decref(previous.sessions);
	return code;
}
