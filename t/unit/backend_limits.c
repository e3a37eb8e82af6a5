/* SPDX-License-Identifier: ISC */
/*
 * Connections are counted by where they come from and where they go, until
 * they are closed.
 */
#include "backend/limits.h"

#include <sys/socket.h>

#include "base/address.h"
#include "tap.h"

struct seen {
	unsigned pairs;
	char text[512];
};

static void
note(const struct backend_flow_status *s, void *arg)
{
	struct seen *seen = arg;
	char one[128];
	size_t len = strlen(seen->text);

	seen->pairs++;
	snprintf(one, sizeof(one), "%s>%s %u/%u ", s->source, s->endpoint,
	    s->flows, s->ports);
	if (len + strlen(one) < sizeof(seen->text))
		memcpy(seen->text + len, one, strlen(one) + 1);
}

static const char *
tell(struct backend_flows *f)
{
	static struct seen seen;

	memset(&seen, 0, sizeof(seen));
	backend_flows_each(f, note, &seen);
	return seen.text;
}

static struct stream *
open_flow(struct backend_flows *f, struct loop *loop, const char *from,
    const char *to)
{
	struct sockaddr_storage a, b;
	struct stream *s;

	if (address_parse(&a, from) != OK || address_parse(&b, to) != OK)
		return NULL;
	s = stream_fd_new(loop, socket(AF_UNIX, SOCK_STREAM, 0));
	backend_flows_count(f, s, &a, &b);
	return s;
}

static void
test_pairs(struct loop *loop)
{
	struct backend_flows *f = backend_flows_new();
	struct stream *s[5];
	int i;

	backend_flows_set_ports(f, 10);
	is_str(tell(f), "", "nothing yet");
	s[0] = open_flow(f, loop, "10.0.0.1:40000", "10.0.0.9:1883");
	s[1] = open_flow(f, loop, "10.0.0.1:40001", "10.0.0.9:1883");
	is_str(tell(f), "10.0.0.1>10.0.0.9:1883 2/10 ",
	    "the near port makes no difference");
	s[2] = open_flow(f, loop, "10.0.0.2:40000", "10.0.0.9:1883");
	s[3] = open_flow(f, loop, "10.0.0.1:40000", "10.0.0.9:1884");
	s[4] = open_flow(f, loop, "unix:/a", "unix:/b");
	is_str(tell(f),
	    "10.0.0.1>10.0.0.9:1884 1/10 10.0.0.2>10.0.0.9:1883 1/10 "
	    "10.0.0.1>10.0.0.9:1883 2/10 ",
	    "addresses and the far port do; unix sockets do not count");
	for (i = 0; i < 5; i++)
		stream_close(s[i]);
	is_str(tell(f),
	    "10.0.0.1>10.0.0.9:1884 0/10 10.0.0.2>10.0.0.9:1883 0/10 "
	    "10.0.0.1>10.0.0.9:1883 0/10 ",
	    "nor does a closed one");
	backend_flows_free(f);
}

static void
test_bound(struct loop *loop)
{
	struct backend_flows *f = backend_flows_new();
	struct seen seen = { 0 };
	char to[64];
	int i;

	for (i = 0; i < BACKEND_FLOWS_MAX + 10; i++) {
		snprintf(to, sizeof(to), "10.0.0.9:%d", i + 1);
		stream_close(open_flow(f, loop, "10.0.0.1:1", to));
	}
	seen.text[0] = '\0';
	backend_flows_each(f, note, &seen);
	is_int(seen.pairs, BACKEND_FLOWS_MAX, "there is an end to the table");
	backend_flows_free(f);
}

int
main(void)
{
	struct loop *loop = loop_new();

	test_pairs(loop);
	test_bound(loop);
	loop_free(loop);
	return done_testing();
}
