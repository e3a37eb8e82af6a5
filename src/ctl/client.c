/* SPDX-License-Identifier: ISC */
#include "ctl/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* The daemon limits its own answers to less; this is for one that hangs. */
#define TIMEOUT_S 30
#define CHUNK 65536

/* Returns a connected socket; or -1, *err and, for ERR_SYSTEM, errno. */
static int
dial(const char *path, enum err *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = TIMEOUT_S };
	int saved;
	int fd;

	*err = ERR_SYSTEM;
	if (strlen(path) >= sizeof(at.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(at.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	if (errno == ENOENT)
		*err = ERR_NOT_FOUND;
	else if (errno == ECONNREFUSED)
		*err = ERR_REFUSED;
	else if (errno == EAGAIN) /* its queue was full all the time */
		*err = ERR_TIMEOUT;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static enum err
send_all(int fd, struct slice data)
{
	ssize_t n;

	while (data.len > 0) {
		n = send(fd, data.data, data.len, MSG_NOSIGNAL);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == -1 && errno == EAGAIN ? ERR_TIMEOUT
							  : ERR_SYSTEM;
		data = slice_make(data.data + n, data.len - (size_t)n);
	}
	return OK;
}

static enum err
receive_all(int fd, struct buf *out)
{
	uint8_t *room;
	ssize_t n;

	for (;;) {
		room = buf_reserve(out, CHUNK);
		if (room == NULL)
			return ERR_NO_MEMORY;
		n = recv(fd, room, CHUNK, 0);
		if (n == 0)
			return OK;
		if (n > 0)
			buf_commit(out, (size_t)n);
		else if (errno == EAGAIN)
			return ERR_TIMEOUT;
		else if (errno != EINTR)
			return ERR_SYSTEM;
	}
}

/* Finds the status and the body in a complete answer. */
static enum err
parse_answer(struct client_answer *a)
{
	const char *text;
	const char *body;
	size_t len;

	if (buf_append(&a->all, "", 1) != OK)
		return ERR_NO_MEMORY;
	text = (const char *)buf_data(&a->all);
	len = buf_len(&a->all) - 1;
	body = strstr(text, "\r\n\r\n");
	if (body == NULL || sscanf(text, "HTTP/1.1 %3u ", &a->status) != 1)
		return ERR_MALFORMED;
	body += 4;
	a->body = slice_make(body, len - (size_t)(body - text));
	return OK;
}

enum err
client_ask(struct client_answer *out, const char *path, const char *method,
    const char *target)
{
	struct buf request;
	enum err err;
	int fd;

	memset(out, 0, sizeof(*out));
	buf_init(&out->all, 0);
	buf_init(&request, 0);
	fd = dial(path, &err);
	if (fd == -1)
		return err;
	if (buf_append(&request, method, strlen(method)) != OK ||
	    buf_append(&request, " ", 1) != OK ||
	    buf_append(&request, target, strlen(target)) != OK ||
	    buf_append(&request, " HTTP/1.1\r\nHost: x\r\n\r\n", 22) != OK)
		err = ERR_NO_MEMORY;
	else
		err = send_all(fd, buf_slice(&request));
	if (err == OK)
		err = receive_all(fd, &out->all);
	if (err == OK)
		err = parse_answer(out);
	if (err != OK)
		client_answer_fini(out);
	buf_fini(&request);
	close(fd);
	return err;
}

void
client_answer_fini(struct client_answer *a)
{
	buf_fini(&a->all);
}

enum err
client_encode(struct buf *out, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789-._~";
	char one[4];
	enum err err = OK;

	for (; err == OK && *text != '\0'; text++) {
		if (strchr(plain, *text) != NULL) {
			err = buf_append(out, text, 1);
			continue;
		}
		snprintf(one, sizeof(one), "%%%02X", (unsigned char)*text);
		err = buf_append(out, one, 3);
	}
	return err;
}
