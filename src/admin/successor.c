/* SPDX-License-Identifier: ISC */
#include "admin/successor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/commands.h"
#include "admin/reply.h"
#include "admin/worker_query.h"
#include "base/encode.h"
#include "runtime/handover.h"

/*
 * What a worker has: duplicates of its sockets. They are made on its thread,
 * because it may close them at any time.
 */

struct worker_sockets {
	char *lines; /* owned; one for each */
	int *fds; /* owned, each owned */
	size_t count;
	bool failed; /* memory or descriptors ran out */
};

static void
add_socket(int fd, const char *name, enum worker_socket origin, void *arg)
{
	struct worker_sockets *w = arg;
	int *fds = realloc(w->fds, (w->count + 1) * sizeof(*fds));
	char *lines = NULL;
	int copy;

	if (fds != NULL)
		w->fds = fds;
	copy = fds == NULL ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy != -1)
		w->fds[w->count++] = copy;
	if (copy == -1 ||
	    asprintf(&lines, "%ssocket listener %s %s\n",
		w->lines == NULL ? "" : w->lines,
		origin == WORKER_SOCKET_PASSED ? "passed" : "bound",
		name) == -1) {
		w->failed = true;
		return;
	}
	free(w->lines);
	w->lines = lines;
}

static bool
work(struct worker *w, const void *question, void *answer)
{
	(void)question;
	worker_each_socket(w, add_socket, answer);
	return true;
}

static void
free_sockets(void *answer)
{
	struct worker_sockets *w = answer;

	while (w->count > 0)
		close(w->fds[--w->count]);
	free(w->fds);
	free(w->lines);
}

/*
 * What is handed over.
 */

/* Lines of text and the descriptors that go with them, which are borrowed. */
struct message {
	FILE *text;
	int fds[HANDOVER_FDS_MAX];
	size_t count;
	bool failed;
};

static void
add_fd(struct message *p, int fd)
{
	if (p->count == HANDOVER_FDS_MAX)
		p->failed = true;
	else
		p->fds[p->count++] = fd;
}

static void
add_server(struct message *p, const struct http_server *s, const char *kind)
{
	size_t i;
	int fd;

	for (i = 0; s != NULL && (fd = http_server_descriptor(s, i)) != -1;
	     i++) {
		add_fd(p, fd);
		fprintf(p->text, "socket %s\n", kind);
	}
}

static void
add_tickets(struct message *p, const struct master *m)
{
	uint8_t keys[TLS_TICKETS_EXPORT_MAX];
	char hex[2 * TLS_TICKETS_EXPORT_MAX + 1];
	uint64_t rotate_ms;
	size_t len = tls_tickets_export(m->snapshot->tickets, keys, &rotate_ms);

	encode_hex(hex, slice_make(keys, len));
	if (len > 0)
		fprintf(p->text, "tickets %" PRIu64 " %s\n", rotate_ms, hex);
	explicit_bzero(keys, sizeof(keys));
	explicit_bzero(hex, sizeof(hex));
}

/* The folder of systemd's credentials, which the new program cannot see if it
 * was started as a reload of the service. The caller closes the descriptor. */
static int
add_credentials(struct message *p)
{
	const char *path = getenv("CREDENTIALS_DIRECTORY");
	int fd =
	    path == NULL ? -1 : open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd != -1) {
		add_fd(p, fd);
		fputs("socket credentials\n", p->text);
	}
	return fd;
}

/* Adds what the supervisor has put in the environment. */
static void
add_supervisor(struct message *p)
{
	static const struct {
		const char *variable;
		const char *word;
	} rows[] = {
		{ "NOTIFY_SOCKET", "notify" },
		{ "WATCHDOG_USEC", "watchdog" },
	};
	const char *value;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		value = getenv(rows[i].variable);
		if (value != NULL && strchr(value, '\n') == NULL)
			fprintf(p->text, "%s %s\n", rows[i].word, value);
	}
}

static void
write_message(struct message *p, const struct worker_query *q)
{
	const struct admin *a = q->admin;
	const struct worker_sockets *w;
	size_t i, n;

	fprintf(p->text, "pid %ld\n", (long)getpid());
	for (i = 0; i < q->count; i++) {
		w = worker_query_answer(q, i);
		p->failed = p->failed || w->failed;
		for (n = 0; n < w->count; n++)
			add_fd(p, w->fds[n]);
		fputs(w->lines == NULL ? "" : w->lines, p->text);
	}
	add_server(p, a->web, "http");
	add_server(p, a->control, "admin");
	add_tickets(p, a->master);
	if (!a->master->unsupervised)
		add_supervisor(p);
	fputs("end\n", p->text);
}

/*
 * The other program.
 */

static void
forget_sockets(struct successor *s)
{
	if (s->control_path != NULL)
		close(s->control);
	free(s->control_path);
	s->control_path = NULL;
	while (s->web_count > 0)
		close(s->web[--s->web_count]);
}

static void
ended(struct handover *h, void *arg)
{
	struct admin *a = arg;
	struct successor *s = &a->successor;

	if (s->serves)
		log_event(LOG_LEVEL_WARN, "successor",
		    "process %d, which serves, has ended", handover_pid(h));
	else
		log_event(LOG_LEVEL_WARN, "successor",
		    "process %d has not taken over; this one goes on",
		    handover_pid(h));
	s->link = NULL;
	if (!s->serves)
		forget_sockets(s);
}

/* The successor has the admin socket; this program gets another one. */
static void
move_control(struct admin *a)
{
	struct successor *s = &a->successor;
	struct stat st;

	if (s->control_path == NULL)
		return; /* the successor has one of its own */
	http_server_leave(a->control);
	if (http_server_listen(a->control, s->control) != OK)
		close(s->control);
	free(a->socket_path);
	a->socket_path = s->control_path;
	s->control_path = NULL;
	if (stat(a->socket_path, &st) == 0)
		a->socket_inode = st.st_ino;
	log_event(LOG_LEVEL_INFO, "admin_socket", "%s is this process's now",
	    a->socket_path);
}

static void
move_web(struct admin *a)
{
	struct successor *s = &a->successor;
	size_t i;

	http_server_leave(a->web);
	for (i = 0; i < s->web_count; i++)
		if (a->web == NULL ||
		    http_server_listen(a->web, s->web[i]) != OK)
			close(s->web[i]);
	s->web_count = 0;
}

/* The successor serves: "MS", or "MS main". */
static void
leave(struct admin *a, const char *words)
{
	struct successor *s = &a->successor;
	char *rest;
	uint64_t ms = strtoull(words, &rest, 10);
	bool is_main = strcmp(rest, " main") == 0;

	/* It may have ended while this process stood still. */
	if (s->serves || handover_is_over(s->link))
		return;
	s->serves = true;
	move_control(a);
	move_web(a);
	master_replace(a->master, ms, is_main ? handover_pid(s->link) : 0);
	if (handover_send_line(s->link, "draining\n", NULL, 0) != OK)
		log_event(LOG_LEVEL_WARN, "successor", "cannot be told: %s",
		    strerror(errno));
}

static void
receive_line(struct handover *h, const char *line, void *arg)
{
	struct admin *a = arg;
	struct successor *s = &a->successor;
	int fd;

	if (strncmp(line, "serve ", 6) == 0) {
		leave(a, line + 6);
		return;
	}
	if (strncmp(line, "admin ", 6) != 0 && strcmp(line, "http") != 0)
		return;
	fd = handover_fd(h);
	if (fd == -1)
		return;
	if (line[0] == 'a' && s->control_path == NULL) {
		s->control = fd;
		s->control_path = strdup(line + 6);
	} else if (line[0] == 'h' && s->web_count < SUCCESSOR_WEB_MAX) {
		s->web[s->web_count++] = fd;
		return;
	}
	if (s->control_path == NULL || s->control != fd)
		close(fd);
}

/*
 * The request.
 */

static enum err
send_message(int fd, const struct message *p, const char *text)
{
	static const char head[] = "HTTP/1.1 101 Switching Protocols\r\n"
				   "Connection: Upgrade\r\n"
				   "Upgrade: sallyport\r\n\r\n";

	if (handover_send(fd, head, NULL, 0) != OK)
		return ERR_SYSTEM;
	return handover_send(fd, text, p->fds, p->count);
}

static enum err
hand_over(struct admin *a, struct http_call *call, const struct message *p,
    const char *text)
{
	struct handover_owner owner = { receive_line, ended, a };
	struct handover_inbox in;
	int fd = http_call_release(call);

	if (send_message(fd, p, text) != OK) {
		log_event(LOG_LEVEL_WARN, "successor",
		    "%zu sockets cannot be handed over: %s", p->count,
		    strerror(errno));
		close(fd);
		return ERR_SYSTEM;
	}
	handover_inbox_init(&in);
	a->successor.link = handover_new(a->master, fd, &in, &owner);
	if (a->successor.link == NULL) {
		close(fd);
		return ERR_NO_MEMORY;
	}
	log_event(LOG_LEVEL_INFO, "successor",
	    "process %d asks for %zu sockets", handover_pid(a->successor.link),
	    p->count);
	return OK;
}

static void
done(struct worker_query *q)
{
	struct message *p = calloc(1, sizeof(*p));
	struct admin *a = q->admin;
	char *text = NULL;
	size_t len = 0;
	int credentials;

	if (p != NULL)
		p->text = open_memstream(&text, &len);
	if (p == NULL || p->text == NULL) {
		free(p);
		reply_error(q->call, 503, "out of memory");
		return;
	}
	credentials = add_credentials(p);
	write_message(p, q);
	if (fclose(p->text) != 0 || p->failed)
		reply_error(q->call, 503,
		    "memory or descriptors ran out (raise LimitNOFILE)");
	else if (a->successor.link != NULL ||
	    a->master->state != MASTER_SERVING)
		reply_error(q->call, 409, "too late");
	else
		(void)!hand_over(a, q->call, p, text);
	if (text != NULL)
		explicit_bzero(text, len);
	free(text);
	free(p);
	if (credentials != -1)
		close(credentials);
}

static const struct worker_query_kind kind = {
	.answer_size = sizeof(struct worker_sockets),
	.work = work,
	.done = done,
	.free_answer = free_sockets,
};

void
successor_run(struct admin *a, struct http_call *call,
    const struct http_request *r)
{
	if (r->peer_uid != 0 && r->peer_uid != a->started_by)
		reply_error(call, 403,
		    "only root, or the user that started this program, may "
		    "take over");
	else if (a->successor.link != NULL && !a->successor.serves)
		reply_error(call, 409, "process %d is taking over already",
		    handover_pid(a->successor.link));
	else if (a->master->state != MASTER_SERVING)
		reply_error(call, 409,
		    "the running program is ending, or was replaced");
	else
		worker_query_send(a, call, r, &kind, NULL);
}

void
successor_stop(struct admin *a)
{
	forget_sockets(&a->successor);
	handover_free(a->successor.link);
	a->successor.link = NULL;
}
