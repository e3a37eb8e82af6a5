/* SPDX-License-Identifier: ISC */
/*
 * deny and allow with many entries: the text of a file, or of standard input,
 * in as many requests as it takes. They are one change for the daemon, which
 * makes it when it has the last of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "ctl/command.h"

/* Bytes of one request's rows; percent-encoded they are three times as many at
 * worst, and the daemon takes 256 KiB. */
#define ROWS_MAX 65536

/* Reads the file of --from, or standard input. */
static enum err
read_list(const struct command_call *c, uint8_t **text, size_t *len)
{
	const char *path = command_value(c, "from");
	struct buf all;
	uint8_t *room;
	enum err err = OK;
	size_t n = 1;

	if (path != NULL && strcmp(path, "-") != 0)
		return file_read(text, len, path, SIZE_MAX);
	buf_init(&all, 0);
	while (n > 0 && err == OK) {
		room = buf_reserve(&all, ROWS_MAX);
		if (room == NULL)
			err = ERR_NO_MEMORY;
		else
			buf_commit(&all, n = fread(room, 1, ROWS_MAX, stdin));
	}
	*len = buf_len(&all);
	*text = malloc(*len + 1);
	if (*text == NULL || err != OK) {
		buf_fini(&all);
		free(*text);
		*text = NULL;
		return ERR_NO_MEMORY;
	}
	if (*len > 0)
		memcpy(*text, buf_data(&all), *len);
	(*text)[*len] = '\0';
	buf_fini(&all);
	return OK;
}

/* Returns how much of `text' one request takes: whole lines, and no line end
 * that is in quotes. */
static size_t
take_rows(const uint8_t *text, size_t len)
{
	size_t i, end = 0;
	bool quoted = false;

	for (i = 0; i < len && (end == 0 || i < ROWS_MAX); i++) {
		if (text[i] == '"')
			quoted = !quoted;
		if (text[i] == '\n' && (!quoted || i > ROWS_MAX))
			end = i + 1;
	}
	return i == len ? len : end;
}

/* Sends one part of the list; `more' follow. */
static int
send_rows(const struct command_call *c, char *rows, const char *batch,
    bool more)
{
	const char *from = command_value(c, "from");
	const struct command_param own[] = { { "rows", rows, NULL },
		{ "file", from == NULL ? "stdin" : from, NULL },
		{ "batch", batch, NULL }, { "more", "1", NULL } };
	struct command_call call = *c;
	struct command_answer answer;
	size_t i, n = 0;
	int code;

	for (i = 0; i < c->param_count; i++)
		if (strcmp(c->params[i].key, "from") != 0 &&
		    strcmp(c->params[i].key, "stdin") != 0)
			call.params[n++] = c->params[i];
	call.param_count = n;
	for (i = 0; i < 3U + more; i++)
		if (!command_add(&call, &own[i]))
			return CTL_USAGE;
	code = command_ask(&call, &answer);
	if (code == CTL_ABSENT)
		return code;
	if (!more || code != CTL_OK)
		command_print(stdout, &call, &answer);
	command_answer_fini(&answer);
	return code;
}

int
list_run(const struct command_call *c)
{
	char batch[64];
	uint8_t *text = NULL;
	size_t len, pos, n;
	uint8_t kept;
	int code = CTL_OK;
	enum err err = read_list(c, &text, &len);

	if (err != OK) {
		fprintf(stderr, "sallyportctl: %s: %s\n",
		    command_value(c, "from"), file_error(err));
		return CTL_REFUSED;
	}
	if (memchr(text, '\0', len) != NULL) {
		fputs("sallyportctl: the list holds a NUL: is it UTF-16?\n",
		    stderr);
		free(text);
		return CTL_REFUSED;
	}
	snprintf(batch, sizeof(batch), "%ld-%lld", (long)getpid(),
	    (long long)time(NULL));
	for (pos = 0; code == CTL_OK && (pos < len || pos == 0); pos += n) {
		n = take_rows(text + pos, len - pos);
		kept = text[pos + n];
		text[pos + n] = '\0';
		code = send_rows(c, (char *)text + pos, batch, pos + n < len);
		text[pos + n] = kept;
		if (n == 0)
			break;
	}
	free(text);
	return command_written(code);
}
