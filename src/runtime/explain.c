#include "runtime/explain.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "identity/text.h"
#include "runtime/decode.h"
#include "runtime/runtime.h"
#include "session/verdict.h"
#include "tls/facts.h"

#define ADMITTED 0
#define REFUSED 1

/* A plain MQTT 5 CONNECT: clean start, no ClientID, no names. */
static const uint8_t plain_connect[] = { 0x10, 0x0d, 0x00, 0x04, 'M', 'Q', 'T',
	'T', 0x05, 0x02, 0x00, 0x3c, 0x00, 0x00, 0x00 };

/* All that is known of the client while it is led through the stages. */
struct client {
	const struct explain_options *o;
	const struct snapshot *snapshot;
	const struct config_listener *listener;
	struct sockaddr_storage peer;
	struct cert *cert; /* owned */
	struct mqtt_connect connect;
	uint8_t bytes[65536 + MQTT_HEADER_MAX]; /* the CONNECT's file */
	size_t len;
};

/* One step: the stage's word, and what came of it. */
__attribute__((format(printf, 2, 3))) static void
say(const char *stage, const char *fmt, ...)
{
	char text[1024];
	struct slice shown;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	shown = slice_str(text);
	printf("%-9s ", stage);
	decode_text(stdout, shown);
	putchar('\n');
}

static int
refused(const char *stage, enum reason reason, const char *detail)
{
	say(stage, "refused: %s%s%s", reason_name(reason),
	    detail != NULL && detail[0] != '\0' ? ": " : "",
	    detail != NULL ? detail : "");
	say("", "%s", reason_text(reason));
	if (reason_v3(reason) != 0 || reason_v5(reason) != 0)
		say("", "the client hears %u (MQTT 3), 0x%02x (MQTT 5)",
		    reason_v3(reason), reason_v5(reason));
	return REFUSED;
}

static void
trace(void *arg, const char *step, struct slice outcome)
{
	(void)arg;
	printf("%-9s %s: ", "identity", step);
	decode_text(stdout, outcome);
	putchar('\n');
}

static int
find_listener(struct client *c)
{
	const struct config *cfg = c->snapshot->config;
	size_t i;

	for (i = 0; i < cfg->listener_count; i++) {
		c->listener = &cfg->listener[i];
		if (c->o->listener == NULL ||
		    strcmp(c->o->listener, c->listener->head.name) == 0)
			return ADMITTED;
	}
	fprintf(stderr, "sallyport: %s: there is no [listener %s]\n",
	    c->o->file, c->o->listener);
	return RUNTIME_EXIT_CONFIG;
}

static int
accept_stage(struct client *c)
{
	const char *peer = c->o->peer != NULL ? c->o->peer : "127.0.0.1";
	struct verdict_detail detail;
	enum reason reason;

	if (address_parse_host(&c->peer, peer) != OK) {
		fprintf(stderr, "sallyport: --peer %s: is not an IP address\n",
		    peer);
		return RUNTIME_EXIT_CONFIG;
	}
	reason = verdict_peer(c->snapshot, &c->peer, clock_wall_s(), &detail);
	if (reason != REASON_NONE)
		return refused("accept", reason, detail.text);
	say("accept", "%s at [listener %s]", peer, c->listener->head.name);
	return ADMITTED;
}

static int
no_certificate(const struct client *c)
{
	if (c->listener->tls_profile->client_certificate ==
	    CONFIG_CLIENT_CERTIFICATE_REQUIRED)
		return refused("tls", REASON_TLS_NO_CERTIFICATE, NULL);
	say("tls", "no certificate, and none is required");
	return ADMITTED;
}

static void
say_subject(const struct cert *cert)
{
	uint8_t dn[512];
	struct identity_text_out out = { dn, sizeof(dn), 0 };

	if (identity_dn_append(cert->subject, cert->subject_count,
		IDENTITY_DN_EMQX, &out, NULL) == IDENTITY_TEXT_OK)
		say("tls", "subject %.*s", (int)out.len, (char *)dn);
}

static int
tls_stage(struct client *c)
{
	const struct tls_ctx *ctx =
	    c->snapshot->tls[c->listener->tls_profile->head.index];
	struct verdict_detail detail;
	const char *why = NULL;
	enum reason reason;
	enum err err;

	if (strcmp(c->o->cert, "none") == 0)
		return no_certificate(c);
	reason = tls_ctx_explain(ctx, c->o->cert, &c->cert, &why, &err);
	if (err != OK) {
		fprintf(stderr,
		    "sallyport: %s: %s (name a PEM file, leaf "
		    "first)\n",
		    c->o->cert,
		    err == ERR_SYSTEM ? strerror(errno) : err_text(err));
		return RUNTIME_EXIT_CONFIG;
	}
	if (c->cert != NULL)
		say_subject(c->cert);
	if (reason != REASON_NONE)
		return refused("tls", reason, why);
	reason = verdict_cert(c->snapshot, c->cert, clock_wall_s(), &detail);
	if (reason != REASON_NONE)
		return refused("tls", reason, detail.text);
	say("tls", "the certificate is good");
	return ADMITTED;
}

static int
read_connect(struct client *c)
{
	FILE *f;

	if (c->o->connect == NULL) {
		memcpy(c->bytes, plain_connect, sizeof(plain_connect));
		c->len = sizeof(plain_connect);
		return ADMITTED;
	}
	f = fopen(c->o->connect, "rbe");
	if (f != NULL) {
		c->len = fread(c->bytes, 1, sizeof(c->bytes), f);
		if (!ferror(f)) {
			fclose(f);
			return ADMITTED;
		}
		fclose(f);
	}
	fprintf(stderr, "sallyport: %s: %s\n", c->o->connect, strerror(errno));
	return RUNTIME_EXIT_CONFIG;
}

static int
mqtt_stage(struct client *c)
{
	const char *why = NULL;
	size_t used;
	int code = read_connect(c);

	if (code != ADMITTED)
		return code;
	switch (mqtt_policy_parse(&c->snapshot->mqtt, &c->connect,
	    slice_make(c->bytes, c->len), &used, &why)) {
	case PARSE_OK:
		break;
	case PARSE_MORE:
		return refused("mqtt", REASON_MQTT_CLOSED,
		    "the file ends inside the packet");
	case PARSE_BAD:
		return refused("mqtt", c->connect.reason, why);
	}
	say("mqtt", "a good CONNECT of %zu bytes, level %d%s", used,
	    (int)c->connect.level, c->connect.bridge ? ", from a bridge" : "");
	decode_names(stdout, "client", &c->connect);
	return ADMITTED;
}

static void
show_packet(const struct client *c, const struct buf *packet)
{
	struct mqtt_connect after;
	struct slice bytes = buf_slice(packet);
	const char *why;
	size_t used;

	if (slice_equal(bytes, c->connect.raw))
		say("packet", "goes to the broker unchanged");
	decode_hex(stdout, bytes);
	if (mqtt_connect_parse(&after, bytes, &used, &why) == PARSE_OK)
		decode_names(stdout, "broker", &after);
}

static int
identity_stage(struct client *c)
{
	static const struct identity_trace tracer = { trace, NULL };
	struct identity_verdict v = { 0 };
	struct verdict_detail detail;
	char address[ADDRESS_TEXT_MAX];
	struct verdict_input in;
	enum reason reason;
	struct buf packet;

	address_text(address, &c->peer);
	in.listener = c->listener;
	in.client.cert = c->cert;
	in.client.connect = &c->connect;
	in.client.sni = slice_str(c->o->sni != NULL ? c->o->sni : "");
	in.client.peer = slice_str(address);
	in.now = clock_wall_s();
	in.trace = &tracer;
	buf_init(&packet, 0);
	reason = verdict_connect(c->snapshot, &in, &v, &packet, &detail);
	if (reason == REASON_NONE)
		show_packet(c, &packet);
	buf_fini(&packet);
	identity_verdict_fini(&v);
	if (reason != REASON_NONE)
		return refused("identity", reason, detail.text);
	say("verdict", "admitted");
	return ADMITTED;
}

int
explain_run(const struct explain_options *o)
{
	static int (*const stages[])(struct client *) = { find_listener,
		accept_stage, tls_stage, mqtt_stage, identity_stage };
	static struct client c; /* large; this is the whole program's work */
	struct snapshot *snapshot = NULL;
	int code = ADMITTED;
	size_t i;

	if (runtime_load(&snapshot, o->file) != OK)
		return RUNTIME_EXIT_CONFIG;
	memset(&c, 0, sizeof(c));
	c.o = o;
	c.snapshot = snapshot;
	for (i = 0; code == ADMITTED && i < sizeof(stages) / sizeof(stages[0]);
	     i++)
		code = stages[i](&c);
	if (code == REFUSED)
		say("verdict", "refused");
	tls_cert_free(c.cert);
	snapshot_put(snapshot);
	return code;
}
