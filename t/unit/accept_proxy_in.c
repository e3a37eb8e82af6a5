/* SPDX-License-Identifier: ISC */
/*
 * The stage that takes the PROXY header off a socket: in one piece, in many,
 * with TLS right behind it, never, and from whom it should not come.
 */
#include "accept/proxy_in.h"

#include <stdlib.h>
#include <unistd.h>

#include "byte_kit.h"
#include "net_kit.h"
#include "tap.h"

#define V1 "'PROXY TCP4 192.0.2.1 203.0.113.9 54321 8883' 0d0a"
#define V2 "0d0a0d0a000d0a515549540a 2111000c c0000201 cb007109 d431 22b3"
#define TLS "'the handshake'"

struct seen {
	struct loop *loop;
	int calls;
	enum reason reason;
	enum accept_proxy_kind kind;
	char source[ADDRESS_TEXT_MAX];
	char detail[128];
};

static void
on_done(void *arg, enum reason reason, const struct accept_proxy_header *header,
    const char *detail)
{
	struct seen *s = arg;

	s->calls++;
	s->reason = reason;
	snprintf(s->detail, sizeof(s->detail), "%s", detail);
	if (header != NULL) {
		s->kind = header->kind;
		address_text_port(s->source, &header->source);
	}
	loop_stop(s->loop);
}

/* A connection and the stage on its near end. */
struct stage {
	struct seen seen;
	int fds[2];
	struct accept_proxy *proxy;
};

static void
begin(struct stage *st, struct loop *loop, const char *trusted)
{
	struct accept_proxy_options o = { 0 };
	struct sockaddr_storage peer;
	struct address_net net;

	memset(st, 0, sizeof(*st));
	st->seen.loop = loop;
	if (trusted != NULL) {
		if (address_net_parse(&net, trusted) != OK)
			abort();
		o.trusted = &net;
		o.trusted_count = 1;
	}
	net_kit_pair(st->fds);
	o.peer = &peer;
	if (address_parse(&peer, "127.0.0.1:1") != OK ||
	    accept_proxy_start(&st->proxy, loop, st->fds[0], &o, on_done,
		&st->seen) != OK)
		abort();
	if (st->seen.calls > 0)
		abort(); /* never from inside the start */
}

static void
end(struct stage *st)
{
	close(st->fds[0]);
	if (st->fds[1] != -1)
		close(st->fds[1]);
	net_kit_turns(st->seen.loop);
}

static void
send_hex(struct stage *st, const char *text)
{
	struct kit_bytes b = kit_hex(text);

	if (send(st->fds[1], b.data, b.len, MSG_NOSIGNAL) != (ssize_t)b.len)
		abort();
	kit_free(&b);
}

/* What the next stage would read. */
static void
is_left(struct stage *st, const char *want, const char *name)
{
	char data[64];
	ssize_t n = recv(st->fds[0], data, sizeof(data), 0);

	is_mem(data, n < 0 ? 0 : (size_t)n, want, strlen(want), "%s", name);
}

static void
test_whole(struct loop *loop, const char *header, const char *name)
{
	struct stage st;

	begin(&st, loop, "127.0.0.0/8");
	send_hex(&st, header);
	ok(net_kit_run(loop, NET_KIT_TIMEOUT_MS), "%s: answered", name);
	is_int(st.seen.reason, REASON_NONE, "%s: taken", name);
	is_str(st.seen.source, "192.0.2.1:54321", "%s: its source", name);
	is_left(&st, "", "and nothing is left");
	end(&st);
}

static void
test_with_tls(struct loop *loop, const char *both, const char *name)
{
	struct stage st;

	begin(&st, loop, "127.0.0.0/8");
	send_hex(&st, both);
	ok(net_kit_run(loop, NET_KIT_TIMEOUT_MS), "%s with TLS", name);
	is_int(st.seen.reason, REASON_NONE, "%s with TLS: taken", name);
	is_left(&st, "the handshake", "and not a byte more");
	end(&st);
}

static void
test_bytewise(struct loop *loop, const char *header, const char *name)
{
	struct kit_bytes b = kit_hex(header);
	struct stage st;
	size_t i;

	begin(&st, loop, "127.0.0.0/8");
	for (i = 0; i < b.len; i++) {
		if (send(st.fds[1], b.data + i, 1, MSG_NOSIGNAL) != 1)
			abort();
		if (i + 1 < b.len)
			net_kit_turns(loop);
		if (st.seen.calls > 0)
			break;
	}
	is_int((long long)i, (long long)b.len, "%s waits for its last byte",
	    name);
	send_hex(&st, TLS);
	ok(net_kit_run(loop, NET_KIT_TIMEOUT_MS), "%s bytewise", name);
	is_int(st.seen.reason, REASON_NONE, "%s bytewise: taken", name);
	is_str(st.seen.source, "192.0.2.1:54321", "%s bytewise: its source",
	    name);
	is_left(&st, "the handshake", "and not a byte more");
	end(&st);
	kit_free(&b);
}

static void
test_local(struct loop *loop)
{
	struct stage st;

	begin(&st, loop, "127.0.0.0/8");
	send_hex(&st, "0d0a0d0a000d0a515549540a 20000000");
	ok(net_kit_run(loop, NET_KIT_TIMEOUT_MS), "LOCAL");
	ok(st.seen.reason == REASON_NONE && st.seen.kind == ACCEPT_PROXY_LOCAL,
	    "is taken as such");
	end(&st);
}

static void
refused(struct loop *loop, const char *bytes, const char *trusted,
    const char *detail)
{
	struct stage st;

	begin(&st, loop, trusted);
	send_hex(&st, bytes);
	ok(net_kit_run(loop, NET_KIT_TIMEOUT_MS), "answered: %s", detail);
	is_int(st.seen.reason, REASON_ACCEPT_PROXY, "refused");
	is_str(st.seen.detail, detail, "and it says why");
	end(&st);
}

/* Half a header must not keep the loop awake. */
static void
test_slow(struct loop *loop)
{
	struct stage st;
	double before = net_kit_cpu_ms();

	begin(&st, loop, "127.0.0.0/8");
	send_hex(&st, "'PROXY TCP4 192.0'");
	ok(!net_kit_run(loop, 60), "half a header: the rest is waited for");
	ok(net_kit_cpu_ms() - before < 30, "and the loop sleeps meanwhile");
	accept_proxy_cancel(st.proxy);
	end(&st);
}

static void
test_closed(struct loop *loop)
{
	struct stage st;

	begin(&st, loop, "127.0.0.0/8");
	send_hex(&st, "'PROXY '");
	net_kit_turns(loop);
	close(st.fds[1]);
	st.fds[1] = -1;
	ok(net_kit_run(loop, NET_KIT_TIMEOUT_MS), "the balancer leaves");
	is_str(st.seen.detail, "the connection ended inside its PROXY header",
	    "which is said");
	end(&st);
}

static void
test_cancel(struct loop *loop)
{
	struct stage st;

	begin(&st, loop, "127.0.0.0/8");
	send_hex(&st, V1);
	accept_proxy_cancel(st.proxy);
	accept_proxy_cancel(st.proxy);
	accept_proxy_cancel(NULL);
	ok(!net_kit_run(loop, 20), "cancelled");
	is_int(st.seen.calls, 0, "the owner is not told");
	is_int(write(st.fds[0], "x", 1), 1, "the socket is still open");
	end(&st);
	begin(&st, loop, NULL);
	accept_proxy_cancel(st.proxy);
	net_kit_turns(loop);
	is_int(st.seen.calls, 0, "nor after a refusal");
	end(&st);
}

int
main(void)
{
	struct loop *loop = loop_new();

	test_whole(loop, V1, "v1");
	test_whole(loop, V2, "v2");
	test_with_tls(loop, V1 TLS, "v1");
	test_with_tls(loop, V2 TLS, "v2");
	test_bytewise(loop, V1, "v1");
	test_bytewise(loop, V2, "v2");
	test_local(loop);
	refused(loop, V1, NULL, "the peer is not a trusted load balancer");
	refused(loop, V1, "10.0.0.0/8",
	    "the peer is not a trusted load balancer");
	refused(loop, "160301", "127.0.0.1",
	    "the connection does not begin with PROXY");
	refused(loop, "'PROXY TCP4 1.2.3.4 1.2.3.4 1 70000' 0d0a", "127.0.0.1",
	    "a port is malformed");
	test_slow(loop);
	test_closed(loop);
	test_cancel(loop);
	loop_free(loop);
	return done_testing();
}
