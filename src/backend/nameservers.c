/* SPDX-License-Identifier: ISC */
#include "backend/nameservers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <resolv.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/file.h"

/* resolv.conf is read no further than this. */
#define CONF_MAX ((size_t)64 << 10)

/* How long nameservers have to answer. */
#define ANSWER_TIMEOUT_MS 1500

/* The most names that a search list leads to. */
#define NAMES_MAX (MAXDNSRCH + 1)

#define PROBES_MAX (NAMES_MAX * MAXNS)

/* A DNS message (RFC 1035, 4.1): a header of 12 bytes, then the question. */
#define HEADER_LEN 12
#define QUERY_MAX (HEADER_LEN + ADDRESS_HOST_MAX + 2 + 4)

/*
 * The library's settings.
 */

/* Sets nameserver number `i' of `s'. The library keeps IPv6 addresses on the
 * heap and frees them itself. */
static bool
set_server(struct __res_state *s, int i, const struct sockaddr_storage *a)
{
	struct sockaddr_in6 *in6;

	memset(&s->nsaddr_list[i], 0, sizeof(s->nsaddr_list[i]));
	if (a->ss_family == AF_INET) {
		memcpy(&s->nsaddr_list[i], a, sizeof(s->nsaddr_list[i]));
		return true;
	}
	in6 = s->_u._ext.nsaddrs[i];
	if (in6 == NULL)
		in6 = malloc(sizeof(*in6));
	if (in6 == NULL)
		return false;
	memcpy(in6, a, sizeof(*in6));
	s->_u._ext.nsaddrs[i] = in6;
	return true;
}

/* Takes the address of a line "nameserver ADDRESS"; other lines are ignored. */
static void
take_line(struct __res_state *s, char *line)
{
	struct sockaddr_storage a;
	char *rest = NULL;
	char *word = strtok_r(line, " \t\r", &rest);

	if (word == NULL || strcmp(word, "nameserver") != 0 ||
	    s->nscount == MAXNS)
		return;
	word = strtok_r(NULL, " \t\r", &rest);
	if (word == NULL || address_parse_host(&a, word) != OK ||
	    a.ss_family == AF_UNIX)
		return;
	address_set_port(&a, NAMESERVER_PORT);
	if (set_server(s, s->nscount, &a))
		s->nscount++;
}

/* Sets the nameservers that `conf' names, and removes a CR from the domains of
 * the search list. The library has read the options. */
static void
take_conf(struct __res_state *s, char *conf)
{
	char *rest = NULL;
	char *line;
	int i, n = 0;

	s->nscount = 0;
	for (line = strtok_r(conf, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest))
		take_line(s, line);
	for (i = 0; i < MAXDNSRCH && s->dnsrch[i] != NULL; i++) {
		s->dnsrch[i][strcspn(s->dnsrch[i], "\r")] = '\0';
		if (s->dnsrch[i][0] != '\0')
			s->dnsrch[n++] = s->dnsrch[i];
	}
	s->dnsrch[n] = NULL;
}

/* True if the library does not see the nameserver of the line that begins at
 * `line': because of a CR, a blank in front, or a comment at its end. */
static bool
is_unusual(const char *line)
{
	size_t blanks = strspn(line, " \t");
	size_t len = strcspn(line, "\n");

	if (memchr(line, '\r', len) != NULL)
		return true;
	return strncmp(line + blanks, "nameserver", 10) == 0 &&
	    (blanks > 0 || memchr(line, '#', len) != NULL ||
		memchr(line, ';', len) != NULL);
}

/* Reads resolv.conf if it has unusual lines; NULL if not. The caller frees
 * it. */
static char *
read_unusual_conf(void)
{
	char *line;
	uint8_t *conf;
	size_t len;

	if (file_read(&conf, &len, _PATH_RESCONF, CONF_MAX) != OK)
		return NULL;
	for (line = (char *)conf; line != NULL && *line != '\0';) {
		if (is_unusual(line))
			return (char *)conf;
		line = strchr(line, '\n');
		if (line != NULL)
			line++;
	}
	free(conf);
	return NULL;
}

/* Changes what the library has read into `s'; false if nothing is to be
 * changed. */
static bool
adjust(struct __res_state *s, const struct sockaddr_storage *only)
{
	char *conf;

	if (only->ss_family != AF_UNSPEC) {
		s->nscount = set_server(s, 0, only) ? 1 : 0;
		s->dnsrch[0] = NULL;
		s->retrans = 1;
		return true;
	}
	conf = read_unusual_conf();
	if (conf == NULL)
		return false;
	take_conf(s, conf);
	free(conf);
	return true;
}

void
nameservers_prepare(const struct sockaddr_storage *only)
{
	/* The library's settings are per thread, and so is whether they have
	 * been changed here. */
	if ((_res.options & RES_NORELOAD) == 0 &&
	    only->ss_family == AF_UNSPEC) {
		char *conf = read_unusual_conf();

		if (conf == NULL)
			return;
		free(conf);
	}
	_res.options &= ~(unsigned long)RES_NORELOAD;
	if (res_init() == 0 && adjust(&_res, only))
		_res.options |= RES_NORELOAD;
}

/*
 * Asking each nameserver.
 */

/* One question to one nameserver. */
struct probe {
	const char *name; /* borrowed */
	struct sockaddr_storage server;
	int fd; /* owned; -1: not waiting */
	uint16_t id;
	const char *result; /* static, or strerror()'s */
};

/* Writes the question for the A records of `name'; 0 if it is not a name. */
static size_t
write_query(uint8_t out[QUERY_MAX], const char *name, uint16_t id)
{
	size_t len = HEADER_LEN;
	size_t label;

	memset(out, 0, HEADER_LEN);
	out[0] = (uint8_t)(id >> 8);
	out[1] = (uint8_t)id;
	out[2] = 1; /* recursion desired */
	out[5] = 1; /* one question */
	while (*name != '\0') {
		label = strcspn(name, ".");
		if (label == 0 || label > 63 || len + label + 2 > QUERY_MAX - 5)
			return 0;
		out[len++] = (uint8_t)label;
		memcpy(out + len, name, label);
		len += label;
		name += label + (name[label] == '.' ? 1 : 0);
	}
	memcpy(out + len, "\0\0\1\0\1", 5); /* the root, A, IN */
	return len + 5;
}

static void
start_probe(struct probe *p)
{
	uint8_t query[QUERY_MAX];
	size_t len;

	p->fd = -1;
	if (getrandom(&p->id, sizeof(p->id), 0) != sizeof(p->id))
		p->id = (uint16_t)clock_mono_ms();
	len = write_query(query, p->name, p->id);
	if (len == 0) {
		p->result = "not a name";
		return;
	}
	p->fd = socket(p->server.ss_family,
	    SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->fd == -1 ||
	    connect(p->fd, (struct sockaddr *)&p->server,
		address_len(&p->server)) == -1 ||
	    send(p->fd, query, len, MSG_NOSIGNAL) == -1) {
		p->result = strerror(errno);
		if (p->fd != -1)
			close(p->fd);
		p->fd = -1;
		return;
	}
	p->result = "no answer";
}

/* Returns what an answer means, by its code (RFC 1035, 4.1.1). */
static const char *
answer_text(const uint8_t *answer)
{
	static const char *const codes[] = { "no address", "FORMERR",
		"SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED" };
	unsigned code = answer[3] & 0x0f;

	if ((answer[2] & 0x02) != 0)
		return "a truncated answer";
	if (code >= sizeof(codes) / sizeof(codes[0]))
		return "an unknown code";
	if (code == 0 && (answer[6] | answer[7]) != 0)
		return "an answer";
	return codes[code];
}

static void
read_probe(struct probe *p)
{
	uint8_t answer[HEADER_LEN];
	ssize_t n = recv(p->fd, answer, sizeof(answer), MSG_TRUNC);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n >= HEADER_LEN &&
	    (answer[0] != p->id >> 8 || answer[1] != (p->id & 0xff)))
		return; /* not the answer to this question */
	p->result = n == -1  ? strerror(errno)
	    : n < HEADER_LEN ? "a malformed answer"
			     : answer_text(answer);
	close(p->fd);
	p->fd = -1;
}

/* Waits until all nameservers have answered, or for ANSWER_TIMEOUT_MS. */
static void
wait_for_answers(struct probe *probes, int count)
{
	uint64_t end = clock_mono_ms() + ANSWER_TIMEOUT_MS;
	struct pollfd fds[PROBES_MAX];
	uint64_t now;
	int waiting, i;

	for (;;) {
		waiting = 0;
		for (i = 0; i < count; i++) {
			fds[i].fd = probes[i].fd; /* poll() skips -1 */
			fds[i].events = POLLIN;
			waiting += probes[i].fd != -1;
		}
		now = clock_mono_ms();
		if (waiting == 0 || now >= end ||
		    poll(fds, (nfds_t)count, (int)(end - now)) <= 0)
			break;
		for (i = 0; i < count; i++)
			if (fds[i].fd != -1 && fds[i].revents != 0)
				read_probe(&probes[i]);
	}
	for (i = 0; i < count; i++)
		if (probes[i].fd != -1)
			close(probes[i].fd);
}

/* Fills `names' in the order in which the library asks for them. Returns how
 * many there are. */
static int
list_names(char names[NAMES_MAX][ADDRESS_HOST_MAX], const char *host,
    const struct __res_state *s)
{
	size_t len = strlen(host);
	unsigned dots = 0;
	bool as_is_first;
	int n = 0, i;

	for (i = 0; host[i] != '\0'; i++)
		dots += host[i] == '.';
	as_is_first = dots >= s->ndots;
	if (len > 0 && host[len - 1] == '.') {
		snprintf(names[0], ADDRESS_HOST_MAX, "%.*s", (int)len - 1,
		    host);
		return 1;
	}
	if (as_is_first)
		snprintf(names[n++], ADDRESS_HOST_MAX, "%s", host);
	for (i = 0; i < MAXDNSRCH && s->dnsrch[i] != NULL; i++)
		if (s->dnsrch[i][0] != '\0' && strcmp(s->dnsrch[i], ".") != 0)
			snprintf(names[n++], ADDRESS_HOST_MAX, "%s.%s", host,
			    s->dnsrch[i]);
	if (!as_is_first)
		snprintf(names[n++], ADDRESS_HOST_MAX, "%s", host);
	return n;
}

/* The address of nameserver number `i'; false if there is none. */
static bool
get_server(struct sockaddr_storage *out, const struct __res_state *s, int i)
{
	memset(out, 0, sizeof(*out));
	if (s->nsaddr_list[i].sin_family == AF_INET)
		memcpy(out, &s->nsaddr_list[i], sizeof(s->nsaddr_list[i]));
	else if (s->_u._ext.nsaddrs[i] != NULL)
		memcpy(out, s->_u._ext.nsaddrs[i],
		    sizeof(*s->_u._ext.nsaddrs[i]));
	return out->ss_family != AF_UNSPEC;
}

static void
append(char *out, size_t size, size_t *len, const char *text)
{
	int n = snprintf(out + *len, size - *len, "%s", text);

	*len = n < 0 || (size_t)n >= size - *len ? size - 1 : *len + (size_t)n;
}

static void
write_results(char *out, size_t size, const struct probe *probes, int count)
{
	char server[ADDRESS_TEXT_MAX];
	const char *name = NULL;
	size_t len = 0;
	int i;

	out[0] = '\0';
	for (i = 0; i < count; i++) {
		if (probes[i].name != name) {
			append(out, size, &len, name == NULL ? "" : "; ");
			append(out, size, &len, probes[i].name);
			append(out, size, &len, ": ");
		} else {
			append(out, size, &len, ", ");
		}
		name = probes[i].name;
		address_text(server, &probes[i].server);
		append(out, size, &len, server);
		append(out, size, &len, " ");
		append(out, size, &len, probes[i].result);
	}
}

void
nameservers_explain(char *out, size_t size, const char *host,
    const struct sockaddr_storage *only)
{
	static const struct __res_state zero;
	struct __res_state s = zero;
	char names[NAMES_MAX][ADDRESS_HOST_MAX];
	struct probe probes[PROBES_MAX];
	int name_count, n, i, count = 0;

	out[0] = '\0';
	if (res_ninit(&s) != 0)
		return;
	(void)adjust(&s, only);
	name_count = list_names(names, host, &s);
	for (n = 0; n < name_count; n++) {
		for (i = 0; i < s.nscount && i < MAXNS; i++) {
			probes[count].name = names[n];
			if (!get_server(&probes[count].server, &s, i))
				continue;
			start_probe(&probes[count++]);
		}
	}
	res_nclose(&s);
	wait_for_answers(probes, count);
	write_results(out, size, probes, count);
}
