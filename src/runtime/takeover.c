/* SPDX-License-Identifier: ISC */
#include "runtime/takeover.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "accept/listener.h"
#include "base/address.h"
#include "base/encode.h"
#include "base/log.h"
#include "runtime/handover.h"
#include "runtime/master.h"

/* How long the running program may take to answer. */
#define ANSWER_S 30

/* How long it may take to say that it leaves. After that this program reports
 * that it is ready all the same: it has been accepting connections since before
 * it asked. */
#define LEAVE_MS 30000

/* The most descriptors that are offered to it. */
#define OFFERS_MAX 16

struct handed_socket {
	enum takeover_kind kind;
	bool passed; /* by a supervisor, to the first of all programs */
	int fd; /* owned; -1: taken */
	char *name; /* owned; "" unless it is a listener's */
	struct sockaddr_storage at;
};

struct takeover {
	const struct config *cfg; /* both borrowed, during takeover_begin() */
	struct report *why;
	int fd; /* owned; the connection, until there is a link; then -1 */
	struct handover_inbox in;
	long pid; /* of the running program */
	int credentials; /* owned; a folder; -1: there is none */
	bool supervised; /* its supervisor is ours */
	struct handed_socket *sockets; /* owned */
	size_t count;
	uint8_t keys[TLS_TICKETS_EXPORT_MAX];
	size_t keys_len;
	uint64_t keys_ms; /* until the next key is due */
	char offers[OFFERS_MAX * HANDOVER_LINE_MAX];
	int offer_fds[OFFERS_MAX]; /* owned */
	size_t offer_count;
	struct master *master; /* borrowed, from takeover_run() on */
	struct reload_waiter waiter;
	struct handover *link; /* owned; NULL: none, or it has ended */
	struct timer leave_timer; /* runs until the other program leaves */
	bool ready; /* it has, or it is not waited for any more */
};

static enum err
fail(struct takeover *t, const char *path, const char *what)
{
	report_add(t->why,
	    "%s: take-over: %s: %s; the running program goes on as before",
	    t->cfg->file, path, what);
	return ERR_CONFIG;
}

/* There is no program to take over from. */
static enum err
fail_absent(struct takeover *t, const char *path)
{
	report_add(t->why,
	    "%s: take-over: no program listens at %s (is one running? its "
	    "admin socket is named by --take-over=SOCKET)",
	    t->cfg->file, path);
	return ERR_CONFIG;
}

/*
 * The answer.
 */

/* Names the folder by its descriptor: the path of the running program may lead
 * nowhere in this process's file system. */
static void
take_credentials(struct takeover *t, int fd)
{
	const char *own = getenv("CREDENTIALS_DIRECTORY");
	char path[32];

	if (t->credentials != -1 || (own != NULL && access(own, R_OK) == 0)) {
		close(fd);
		return;
	}
	t->credentials = fd;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	(void)setenv("CREDENTIALS_DIRECTORY", path, 1);
}

static enum err
take_socket(struct takeover *t, const char *words)
{
	static const struct {
		const char *word;
		enum takeover_kind kind;
		bool passed;
	} rows[] = {
		{ "listener bound ", TAKEOVER_LISTENER, false },
		{ "listener passed ", TAKEOVER_LISTENER, true },
		{ "http", TAKEOVER_HTTP, false },
		{ "admin", TAKEOVER_ADMIN, false },
	};
	struct handed_socket *more =
	    realloc(t->sockets, (t->count + 1) * sizeof(*more));
	int fd = handover_take_fd(&t->in);
	struct handed_socket *s;
	size_t i;

	if (more != NULL)
		t->sockets = more;
	if (fd == -1 || more == NULL) {
		if (fd != -1)
			close(fd);
		return fd == -1 ? ERR_PROTOCOL : ERR_NO_MEMORY;
	}
	if (strcmp(words, "credentials") == 0) {
		take_credentials(t, fd);
		return OK;
	}
	s = &t->sockets[t->count];
	memset(s, 0, sizeof(*s));
	s->fd = fd;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strncmp(words, rows[i].word, strlen(rows[i].word)) != 0)
			continue;
		s->kind = rows[i].kind;
		s->passed = rows[i].passed;
		s->name = strdup(words + strlen(rows[i].word));
		break;
	}
	if (i == sizeof(rows) / sizeof(rows[0])) {
		close(fd); /* a kind that a later version has */
		return OK;
	}
	t->count++;
	if (s->name == NULL)
		return ERR_NO_MEMORY;
	return listener_bound(fd, &s->at);
}

static void
take_tickets(struct takeover *t, const char *words)
{
	char *hex;
	size_t len = 0;
	int high, low;

	t->keys_ms = strtoull(words, &hex, 10);
	hex += *hex == ' ';
	for (; len < sizeof(t->keys) && hex[0] != '\0'; hex += 2) {
		high = encode_hex_value((uint8_t)hex[0]);
		low = high == -1 ? -1 : encode_hex_value((uint8_t)hex[1]);
		if (low == -1)
			return;
		t->keys[len++] = (uint8_t)(high << 4 | low);
	}
	t->keys_len = len;
}

/* A supervisor that this program has been started by itself is another one. */
static void
take_supervisor(struct takeover *t, const char *path)
{
	if (getenv("NOTIFY_SOCKET") != NULL)
		return;
	t->supervised = setenv("NOTIFY_SOCKET", path, 1) == 0;
}

static void
take_watchdog(const struct takeover *t, const char *usec)
{
	if (!t->supervised)
		return;
	(void)unsetenv("WATCHDOG_PID");
	(void)setenv("WATCHDOG_USEC", usec, 1);
}

/* True if `line' begins with `word'; *rest is what follows. */
static bool
begins(const char *line, const char *word, const char **rest)
{
	size_t len = strlen(word);

	*rest = line + len;
	return strncmp(line, word, len) == 0;
}

static enum err
take_line(struct takeover *t, const char *line)
{
	const char *rest;

	if (begins(line, "pid ", &rest))
		t->pid = strtol(rest, NULL, 10);
	else if (begins(line, "socket ", &rest))
		return take_socket(t, rest);
	else if (begins(line, "tickets ", &rest))
		take_tickets(t, rest);
	else if (begins(line, "notify ", &rest))
		take_supervisor(t, rest);
	else if (begins(line, "watchdog ", &rest))
		take_watchdog(t, rest);
	return OK;
}

/* The sockets come before the lines about them. */
static enum err
take_lines(struct takeover *t, bool *complete)
{
	char line[HANDOVER_LINE_MAX];
	enum err err = OK;

	while (err == OK && !*complete && handover_next_line(&t->in, line)) {
		*complete = strcmp(line, "end") == 0;
		err = take_line(t, line);
	}
	explicit_bzero(line, sizeof(line));
	return err;
}

/* The answer is an error: what it says is in the body, {"error": "..."}. */
static enum err
refused(struct takeover *t, const char *path, const char *status)
{
	char what[HANDOVER_LINE_MAX];
	char body[HANDOVER_LINE_MAX] = "";
	size_t len;

	if (strncmp(status, "HTTP/1.1 404", 12) == 0)
		return fail(t, path,
		    "the running program cannot hand over its sockets, because "
		    "it is too old (restart it)");
	while (handover_receive(&t->in, t->fd) == OK)
		;
	while (handover_next_line(&t->in, body) && body[0] != '\0')
		;
	len = buf_len(&t->in.text);
	if (len >= sizeof(body))
		len = sizeof(body) - 1;
	if (len > 0)
		memcpy(body, buf_data(&t->in.text), len);
	body[len] = '\0';
	snprintf(what, sizeof(what), "%.16s %.400s", status, body);
	return fail(t, path, what);
}

static enum err
receive(struct takeover *t, const char *path)
{
	char status[HANDOVER_LINE_MAX];
	bool have_status = false;
	bool complete = false;
	enum err err = OK;

	while (err == OK && !complete) {
		err = handover_receive(&t->in, t->fd);
		if (err == OK && !have_status)
			have_status = handover_next_line(&t->in, status);
		if (have_status && strncmp(status, "HTTP/1.1 101", 12) != 0)
			return refused(t, path, status);
		if (err == OK && have_status)
			err = take_lines(t, &complete);
	}
	if (err == ERR_NO_MEMORY)
		return err;
	if (err == ERR_BLOCKED)
		return fail(t, path, "it does not answer");
	return err == OK ? OK : fail(t, path, err_text(err));
}

/*
 * The beginning.
 */

static enum err
send_request(struct takeover *t, const char *path)
{
	static const char request[] =
	    "POST /take-over HTTP/1.1\r\nHost: sallyport\r\n\r\n";
	struct timeval timeout = { .tv_sec = ANSWER_S };
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(at.sun_path))
		return fail(t, path, strerror(ENAMETOOLONG));
	memcpy(at.sun_path, path, strlen(path) + 1);
	t->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (t->fd == -1 ||
	    setsockopt(t->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout,
		sizeof(timeout)) == -1 ||
	    connect(t->fd, (struct sockaddr *)&at, sizeof(at)) == -1 ||
	    handover_send(t->fd, request, NULL, 0) != OK)
		return errno == ENOENT || errno == ECONNREFUSED
		    ? fail_absent(t, path)
		    : fail(t, path, strerror(errno));
	return receive(t, path);
}

enum err
takeover_begin(struct takeover **out, const struct config *cfg,
    const char *path, struct report *why)
{
	struct takeover *t = calloc(1, sizeof(*t));
	enum err err;

	*out = NULL;
	if (t == NULL)
		return ERR_NO_MEMORY;
	t->cfg = cfg;
	t->why = why;
	t->fd = -1;
	t->credentials = -1;
	handover_inbox_init(&t->in);
	if (path[0] == '\0')
		path = cfg->daemon.admin_socket;
	if (path[0] == '\0')
		err = fail(t, "no admin_socket",
		    "the program whose work is to be taken over is asked there "
		    "(set [daemon] admin_socket, or write --take-over=SOCKET)");
	else
		err = send_request(t, path);
	t->cfg = NULL;
	t->why = NULL;
	if (err != OK) {
		takeover_free(t);
		return err;
	}
	*out = t;
	return OK;
}

void
takeover_use_tickets(const struct takeover *t, struct tls_tickets *tickets)
{
	if (t->keys_len > 0 &&
	    tls_tickets_import(tickets, t->keys, t->keys_len, t->keys_ms) != OK)
		log_event(LOG_LEVEL_WARN, "take_over",
		    "the other program's ticket keys are not understood: its "
		    "devices need full handshakes");
}

long
takeover_pid(const struct takeover *t)
{
	return t->pid;
}

/*
 * The sockets.
 */

static bool
is_wanted(const struct handed_socket *s, const struct takeover_want *w)
{
	struct sockaddr_storage at = s->at;

	if (s->fd == -1)
		return false;
	if (w->at == NULL)
		return s->passed && s->kind == w->kind &&
		    strcmp(s->name, w->name) == 0;
	if (s->kind != w->kind)
		return false;
	if (w->kind == TAKEOVER_ADMIN || address_port(w->at) != 0)
		return address_equal(&s->at, w->at);
	address_set_port(&at, 0);
	return !s->passed && address_equal(&at, w->at) &&
	    (w->kind != TAKEOVER_LISTENER || strcmp(s->name, w->name) == 0);
}

size_t
takeover_take(struct takeover *t, const struct takeover_want *want, int **fds)
{
	struct handed_socket *first = NULL;
	struct handed_socket *s;
	size_t count = 0;
	size_t i;

	*fds = NULL;
	if (t == NULL || t->count == 0)
		return 0;
	*fds = calloc(t->count, sizeof(**fds));
	for (i = 0; *fds != NULL && i < t->count; i++) {
		s = &t->sockets[i];
		if (first == NULL && is_wanted(s, want))
			first = s;
		if (first == NULL || s->fd == -1 || s->kind != first->kind ||
		    s->passed != first->passed ||
		    !address_equal(&s->at, &first->at))
			continue;
		(*fds)[count++] = s->fd;
		s->fd = -1;
	}
	if (count == 0) {
		free(*fds);
		*fds = NULL;
	}
	return count;
}

enum err
takeover_check(const struct takeover *t, const struct config *cfg,
    struct report *why)
{
	const struct handed_socket *s;
	size_t i;

	for (i = 0; t != NULL && i < t->count; i++) {
		s = &t->sockets[i];
		if (s->fd == -1 || !s->passed)
			continue;
		report_add(why,
		    "%s: a socket of the running program was passed to it as "
		    "%s, and this is no [listener NAME] here",
		    cfg->file, s->name);
		return ERR_CONFIG;
	}
	return OK;
}

enum err
takeover_offer(struct takeover *t, const char *line, int fd)
{
	size_t len = strlen(t->offers);

	if (t->offer_count == OFFERS_MAX ||
	    len + strlen(line) + 2 > sizeof(t->offers)) {
		close(fd);
		return ERR_LIMIT;
	}
	snprintf(t->offers + len, sizeof(t->offers) - len, "%s\n", line);
	t->offer_fds[t->offer_count++] = fd;
	return OK;
}

/*
 * Taking over.
 */

/* This program has what it needs; the other one leaves, or does not answer. */
static void
be_ready(struct takeover *t, const char *how)
{
	if (t->ready)
		return;
	t->ready = true;
	timer_stop(&t->leave_timer);
	log_event(LOG_LEVEL_INFO, "take_over", "process %ld %s", t->pid, how);
	master_is_ready(t->master);
}

static void
leave_timed_out(void *arg)
{
	be_ready(arg, "does not say that it leaves");
}

static void
receive_line(struct handover *h, const char *line, void *arg)
{
	(void)h;
	if (strcmp(line, "draining") == 0)
		be_ready(arg, "accepts no more, and lets its sessions leave");
}

static void
ended(struct handover *h, void *arg)
{
	struct takeover *t = arg;

	(void)h;
	t->link = NULL;
	if (t->ready)
		log_event(LOG_LEVEL_INFO, "predecessor",
		    "process %ld has ended", t->pid);
	else
		be_ready(t, "has ended");
}

/* Adds the connection to the loop. Without it the other program would continue
 * to accept, beside this one. */
static enum err
link_up(struct takeover *t)
{
	struct handover_owner owner = { receive_line, ended, t };
	int flags = fcntl(t->fd, F_GETFL);

	if (flags == -1 || fcntl(t->fd, F_SETFL, flags | O_NONBLOCK) == -1)
		return ERR_SYSTEM;
	t->link = handover_new(t->master, t->fd, &t->in, &owner);
	if (t->link == NULL)
		return ERR_NO_MEMORY;
	t->fd = -1;
	return OK;
}

/* Tells the other program to serve its sessions to their end, and passes it the
 * descriptors on offer. The message arrives unless that program has ended. */
static void
serve(struct takeover *t)
{
	uint64_t ms = t->master->snapshot->config->daemon.take_over_drain;
	char text[sizeof(t->offers) + 64];

	snprintf(text, sizeof(text), "%sserve %" PRIu64 "%s\n", t->offers, ms,
	    t->supervised ? " main" : "");
	if (handover_send_line(t->link, text, t->offer_fds, t->offer_count) !=
	    OK)
		log_event(LOG_LEVEL_WARN, "take_over",
		    "process %ld cannot be told: %s", t->pid, strerror(errno));
	while (t->offer_count > 0)
		close(t->offer_fds[--t->offer_count]);
	timer_start(&t->leave_timer, LEAVE_MS);
}

static void
give_up(struct takeover *t, enum err err, const char *what)
{
	log_event(LOG_LEVEL_ERROR, "take_over",
	    "%s; process %ld goes on as before", what, t->pid);
	t->master->start_error = err;
	loop_stop(t->master->loop);
}

/* Closes the sockets of listeners that this program does not have. */
static void
drop_rest(struct takeover *t)
{
	size_t i;

	for (i = 0; i < t->count; i++) {
		if (t->sockets[i].fd != -1)
			close(t->sockets[i].fd);
		t->sockets[i].fd = -1;
	}
}

static void
reloaded(struct reload_waiter *w, const struct reload_result *result)
{
	struct takeover *t = list_entry(w, struct takeover, waiter);
	struct master *m = t->master;
	size_t i;

	if (result->err == ERR_REFUSED || m->state != MASTER_STARTING)
		return; /* this program is ending */
	if (result->err != OK) {
		for (i = 0; i < result->complaints->kept; i++)
			log_event(LOG_LEVEL_ERROR, "take_over", "%s",
			    result->complaints->lines[i]);
		give_up(t, ERR_CONFIG,
		    "the files have changed and have errors");
		return;
	}
	if (link_up(t) != OK || master_accept(m) != OK) {
		give_up(t, ERR_NO_MEMORY, "out of memory");
		return;
	}
	/* From here on nothing can fail. */
	drop_rest(t);
	serve(t);
}

void
takeover_run(struct takeover *t, struct master *m)
{
	t->master = m;
	t->waiter.done = reloaded;
	timer_init(&t->leave_timer, m->loop, leave_timed_out, t);
	log_event(LOG_LEVEL_INFO, "take_over", "from process %ld", t->pid);
	master_reload(m, RELOAD_TAKE_OVER, &t->waiter);
}

void
takeover_free(struct takeover *t)
{
	size_t i;

	if (t == NULL)
		return;
	if (t->master != NULL)
		timer_stop(&t->leave_timer);
	handover_free(t->link);
	if (t->fd != -1)
		close(t->fd);
	handover_inbox_fini(&t->in);
	if (t->credentials != -1)
		close(t->credentials);
	drop_rest(t);
	for (i = 0; i < t->count; i++)
		free(t->sockets[i].name);
	free(t->sockets);
	while (t->offer_count > 0)
		close(t->offer_fds[--t->offer_count]);
	explicit_bzero(t->keys, sizeof(t->keys));
	free(t);
}
