/* SPDX-License-Identifier: ISC */
#include "tls_kit.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/timer.h"
#include "tap.h"

void
kit_list(struct kit_options *k, struct config_list *list, ...)
{
	struct config_list *first = &k->o.certificates;
	size_t which = (size_t)(list - first);
	const char **items = k->lists[which], *name;
	va_list ap;

	list->items = items;
	list->count = 0;
	va_start(ap, list);
	while ((name = va_arg(ap, const char *)) != NULL) {
		items[list->count] =
		    strcpy(k->paths[which][list->count], pki_path(name));
		list->count++;
	}
	va_end(ap);
}

void
kit_options(struct kit_options *k)
{
	memset(k, 0, sizeof(*k));
	kit_list(k, &k->o.certificates, "server.crt", NULL);
	kit_list(k, &k->o.private_keys, "server.key", NULL);
	kit_list(k, &k->o.client_cas, "root.crt", NULL);
	k->o.min_version = CONFIG_TLS_VERSION_1_2;
	k->o.max_version = CONFIG_TLS_VERSION_1_3;
	k->o.session_tickets = true;
	k->o.send_ca_names = true;
}

enum err
kit_ctx_try(struct kit_options *k, const struct tls_ctx *previous,
    struct tls_ctx **out, struct report *why, struct report *warnings)
{
	struct pki_reports reports = { why, warnings };
	struct tls_load_report report = pki_say(&reports);

	report_init(why);
	report_init(warnings);
	return tls_ctx_new(out, &k->o, NULL, previous, &report);
}

struct tls_ctx *
kit_ctx(struct kit_options *k)
{
	struct report why, warnings;
	struct tls_ctx *ctx;
	size_t i;

	if (kit_ctx_try(k, NULL, &ctx, &why, &warnings) != OK)
		diag("no profile");
	for (i = 0; i < why.kept; i++)
		diag("%s", why.lines[i]);
	report_fini(&why);
	report_fini(&warnings);
	return ctx;
}

struct tls_ctx *
kit_ctx_with(struct tls_tickets *t)
{
	struct report why, warnings;
	struct pki_reports reports = { &why, &warnings };
	struct tls_load_report report = pki_say(&reports);
	struct kit_options o;
	struct tls_ctx *ctx;

	report_init(&why);
	report_init(&warnings);
	kit_options(&o);
	if (tls_ctx_new(&ctx, &o.o, t, NULL, &report) != OK)
		abort();
	report_fini(&why);
	report_fini(&warnings);
	tls_tickets_put(t);
	return ctx;
}

static struct kit *
kit_of(const SSL *ssl)
{
	return SSL_get_app_data(ssl);
}

static int
keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct kit *k = kit_of(ssl);

	SSL_SESSION_free(k->session);
	k->session = session;
	return 1;
}

static void
note_alert(const SSL *ssl, int type, int value)
{
	if (type == SSL_CB_READ_ALERT)
		kit_of(ssl)->alert = value & 0xff;
}

SSL_CTX *
kit_client(const char *cert, const char *key, int min, int max)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());

	SSL_CTX_set_min_proto_version(ctx, (uint16_t)min);
	SSL_CTX_set_max_proto_version(ctx, (uint16_t)max);
	SSL_CTX_set_session_cache_mode(ctx,
	    SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, keep_session);
	SSL_CTX_set_info_callback(ctx, note_alert);
	if (cert != NULL &&
	    (!SSL_CTX_use_certificate_chain_file(ctx, pki_path(cert)) ||
		!SSL_CTX_use_PrivateKey_file(ctx, pki_path(key),
		    SSL_FILETYPE_PEM)))
		diag("%s cannot be loaded", cert);
	return ctx;
}

void
kit_hear(struct stream *s, enum stream_event event, void *arg)
{
	struct kit *k = arg;

	switch (event) {
	case STREAM_OPEN:
		k->opened++;
		if (k->close_on_open) {
			stream_close(s);
			k->stream = NULL;
		}
		break;
	case STREAM_BROKEN:
		k->broken++;
		tls_stream_failure(s, &k->reason, &k->detail);
		break;
	case STREAM_WRITABLE:
		k->writable++;
		break;
	case STREAM_READABLE:
		k->last = stream_read(s, k->data, 65536);
		if (k->last > 0)
			k->received += (size_t)k->last;
		if (k->last == STREAM_EOF) {
			k->eof = true;
			stream_want_read(s, false);
		}
		if (k->last == STREAM_ERROR) {
			tls_stream_failure(s, &k->reason, &k->detail);
			stream_want_read(s, false);
		}
		break;
	}
}

static void
set_nonblocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

void
kit_open_raw(struct kit *k, struct tls_ctx *ctx)
{
	int fds[2];

	memset(k, 0, offsetof(struct kit, data));
	k->session = NULL;
	k->client = NULL;
	k->alert = -1;
	k->loop = loop_new();
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == -1)
		abort();
	set_nonblocking(fds[0]);
	set_nonblocking(fds[1]);
	k->fd = fds[0];
	k->stream = tls_stream_new(k->loop, ctx, fds[1], TLS_APP_MQTT);
	stream_set_owner(k->stream, kit_hear, k);
}

void
kit_open(struct kit *k, struct tls_ctx *ctx, SSL_CTX *client,
    SSL_SESSION *resume)
{
	kit_open_raw(k, ctx);
	k->client = SSL_new(client);
	SSL_set_app_data(k->client, k);
	SSL_set_fd(k->client, k->fd);
	SSL_set_connect_state(k->client);
	if (resume != NULL)
		SSL_set_session(k->client, resume);
}

static void
stop(void *arg)
{
	loop_stop(arg);
}

void
kit_turn(struct kit *k)
{
	struct timer timer;

	timer_init(&timer, k->loop, stop, k->loop);
	timer_start(&timer, 0);
	loop_run(k->loop);
	timer_stop(&timer);
}

bool
kit_handshake(struct kit *k)
{
	int i, ok = 0;

	for (i = 0; i < 100 && k->broken == 0; i++) {
		ERR_clear_error();
		ok = SSL_do_handshake(k->client);
		k->client_error = SSL_get_error(k->client, ok);
		kit_turn(k);
		if (ok == 1 && k->opened > 0)
			return true;
		if (ok != 1 && k->client_error != SSL_ERROR_WANT_READ)
			break;
	}
	kit_turn(k);
	return false;
}

int
kit_client_read(struct kit *k, void *data, int len)
{
	int n;

	ERR_clear_error();
	n = SSL_read(k->client, data, len);
	k->client_error = SSL_get_error(k->client, n);
	if (n > 0)
		return n;
	return k->client_error == SSL_ERROR_WANT_READ ? 0 : -1;
}

void
kit_close(struct kit *k)
{
	stream_close(k->stream);
	k->stream = NULL;
	loop_free(k->loop);
	SSL_free(k->client);
	close(k->fd);
}

bool
kit_connect(struct kit *k, struct tls_ctx *ctx, SSL_CTX *client,
    SSL_SESSION *resume)
{
	uint8_t hello[STREAM_HEADROOM + 2] = { 0 }, byte[16];
	bool good;

	kit_open(k, ctx, client, resume);
	good = kit_handshake(k);
	/* An alert or a ticket that was held back is sent with a write. */
	if (good && k->stream != NULL)
		(void)stream_write(k->stream, hello + STREAM_HEADROOM, 2);
	kit_client_read(k, byte, sizeof(byte));
	return good;
}
