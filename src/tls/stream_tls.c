/*
 * The TLS stream: a handshake, then reads and writes, each over the wire's
 * scratch buffers.
 */
#include "tls/stream_tls.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tls/ctx_body.h"
#include "tls/stream_body.h"
#include "tls/verify.h"

/* What one recv of a handshake asks for: flights are a few KiB. */
#define HANDSHAKE_READ 16384

/* Plaintext of one record at the most (RFC 8446 5.1). */
#define RECORD_MAX 16384

/* Handed to the library in one go: with its records' overhead this fits the
 * scratch. */
#define WRITE_MAX 65536

/* Receives for one read: a record may be padded so that it holds next to
 * nothing (RFC 8446 5.4), and others want their turn. */
#define RECEIVES_A_READ 4

/* READABLE events in one turn, before others have theirs. */
#define READS_A_TURN 4

/* Bytes received in one turn beside those that are handed on. A record costs as
 * much whatever is in it, and a key update ten times as much: by this measure
 * there can be 186 small records in a turn, or 150 key updates. */
#define OVERHEAD_A_TURN 4096

/* What a refused client may still send before it is cut off. */
#define DROP_MAX (256 * 1024)

/* There is nothing more to be read, for this reason. */
static void
go_deaf(struct tls_stream *s, enum err err)
{
	s->deaf = true;
	s->stream.error = err;
}

/* What the library has left to work on: bytes received, and plaintext of a
 * record that was not asked for yet. */
static uint32_t
input_len(const struct tls_stream *s)
{
	return s->wire.in_len + (uint32_t)SSL_pending(s->ssl);
}

/* Would a read give anything without the socket's help? */
static bool
has_more(const struct tls_stream *s)
{
	if (s->state != TLS_STATE_OPEN)
		return false;
	return input_len(s) > 0 || s->ended || s->deaf;
}

static bool
has_budget(const struct tls_stream *s)
{
	return s->overhead < OVERHEAD_A_TURN;
}

/* Leaves the scratch to others. */
static void
end_turn(struct tls_stream *s)
{
	s->in_turn = false;
	if (tls_wire_keep(&s->wire) != OK)
		go_deaf(s, ERR_NO_MEMORY);
	if (s->want && has_more(s))
		loop_defer(s->wire.watch.loop, &s->wire.watch.read_again);
}

/* Tells the owner as often as there is something. */
static void
tell_readable(struct tls_stream *s)
{
	int i;

	s->in_turn = true;
	s->overhead = 0;
	for (i = 0; i < READS_A_TURN && s->want && has_budget(s); i++) {
		s->did_read = false;
		stream_tell(&s->stream, STREAM_READABLE);
		if (s->state == TLS_STATE_CLOSED)
			return;
		if (!s->did_read || !has_more(s))
			break;
	}
	end_turn(s);
}

/* Ends a handshake, or an open stream, badly. */
static void
set_failed(struct tls_stream *s, struct tls_verdict v)
{
	s->state = TLS_STATE_FAILED;
	s->failure = v;
	s->stream.error = v.reason == REASON_TLS_CLOSED ? ERR_CLOSED : ERR_TLS;
	tls_wire_flush(&s->wire); /* the alert */
	s->wire.in_len = 0;
	s->want = false;
	watch_read(&s->wire.watch, false);
}

static void
fail_handshake(struct tls_stream *s, struct tls_verdict v)
{
	set_failed(s, v);
	stream_tell(&s->stream, STREAM_BROKEN); /* s may be gone */
}

/* Sends a fatal alert, if there is still somebody to hear it. */
static void
send_alert(struct tls_stream *s, enum reason reason)
{
	ERR_clear_error();
	if (!s->fin)
		(void)SSL_send_fatal_alert(s->ssl, tls_peer_alert(reason));
	ERR_clear_error();
}

/* The library is content; are we, with a session that was resumed? */
static void
finish_handshake(struct tls_stream *s)
{
	struct tls_verdict v = { REASON_NONE, NULL };

	if (SSL_session_reused(s->ssl))
		v = tls_handshake_resumed(s->hs, s->ssl);
	if (v.reason != REASON_NONE) {
		send_alert(s, v.reason);
		fail_handshake(s, v);
		return;
	}
	s->state = TLS_STATE_OPEN;
	watch_read(&s->wire.watch, s->want);
	s->in_turn = true;
	stream_tell(&s->stream, STREAM_OPEN);
	if (s->state == TLS_STATE_CLOSED)
		return;
	if (s->want && has_more(s))
		tell_readable(s);
	else
		end_turn(s);
}

/* Are the first bytes a handshake record's? RFC 8446 5.1: type 22, version
 * 3.x. Sees to it that strangers' bytes never reach the TLS code. */
static bool
looks_like_tls(const struct tls_wire *w)
{
	return w->in[0] == SSL3_RT_HANDSHAKE &&
	    (w->in_len < 2 || w->in[1] == SSL3_VERSION_MAJOR);
}

/* Has the client left, one way or another? */
static bool
is_gone(const struct tls_stream *s)
{
	return s->wire.eof || s->wire.in_error != OK || s->wire.out_error != OK;
}

/* Moves the handshake on with what was received; true to go on receiving. */
static bool
step_handshake(struct tls_stream *s)
{
	bool more = s->wire.in_len == HANDSHAKE_READ;
	struct tls_verdict not_tls = { REASON_TLS_NOT_TLS, NULL };
	int ok;

	if (!s->looked && s->wire.in_len > 0) {
		if (!looks_like_tls(&s->wire)) {
			fail_handshake(s, not_tls);
			return false;
		}
		s->looked = true;
	}
	ERR_clear_error();
	ok = SSL_do_handshake(s->ssl);
	if (ok == 1) {
		tls_wire_flush(&s->wire);
		finish_handshake(s);
		return false;
	}
	if (SSL_get_error(s->ssl, ok) == SSL_ERROR_WANT_READ && !is_gone(s)) {
		tls_wire_flush(&s->wire);
		if (!is_gone(s))
			return more;
	}
	fail_handshake(s, tls_handshake_failure(s->hs, is_gone(s)));
	return false;
}

static void
shake(struct tls_stream *s)
{
	size_t n;

	do {
		n = tls_wire_fill(&s->wire, HANDSHAKE_READ);
		s->dry = n < HANDSHAKE_READ;
		if (n == 0 && !is_gone(s))
			return;
	} while (step_handshake(s)); /* s may be gone after it */
}

/* The socket takes bytes again. */
static void
resume_writing(struct tls_stream *s)
{
	tls_wire_flush(&s->wire);
	if (s->wire.unsent != NULL && s->wire.out_error == OK)
		return;
	if (s->fin)
		(void)shutdown(s->wire.watch.fd, SHUT_WR);
	if (!s->owes)
		return;
	s->owes = false;
	stream_tell(&s->stream, STREAM_WRITABLE); /* s may be gone */
}

static void
ready(enum watch_event event, void *arg)
{
	struct tls_stream *s = arg;

	s->dry = false;
	if (event == WATCH_WRITE)
		resume_writing(s);
	else if (s->state == TLS_STATE_SHAKING)
		shake(s);
	else
		tell_readable(s);
}

/* What a read that decrypted nothing means for the stream. */
static void
note_read_end(struct tls_stream *s, int ret)
{
	switch (SSL_get_error(s->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		break;
	case SSL_ERROR_ZERO_RETURN:
		s->ended = true;
		break;
	default:
		s->failure = tls_handshake_failure(NULL, true);
		go_deaf(s, ERR_TLS);
		break;
	}
}

/* Receives more, if the last receive did not already say that there is no
 * more. */
static bool
receive(struct tls_stream *s, size_t room)
{
	size_t n;

	if (s->dry || s->wire.eof)
		return false;
	n = tls_wire_fill(&s->wire, room);
	s->dry = n < room;
	if (s->wire.eof)
		s->ended = true;
	if (s->wire.in_error != OK)
		go_deaf(s, s->wire.in_error);
	return n > 0;
}

/* Of `before' bytes `after' are left, or with the owner. A record's first part
 * that came before the rest is not counted; the library lets no more than 32
 * key updates follow each other without data. */
static void
spend(struct tls_stream *s, uint32_t before, uint32_t after)
{
	if (before > after)
		s->overhead += before - after;
}

/* What is received goes through the library until `data' is full. The last
 * room is not received for: it would take a record in small pieces. */
static size_t
decrypt(struct tls_stream *s, uint8_t *data, size_t len)
{
	unsigned receives = 0;
	size_t total = 0;
	uint32_t before;
	int n;

	while (total < len && !s->ended && !s->deaf && has_budget(s)) {
		if (input_len(s) == 0 &&
		    ((total > 0 && len - total < RECORD_MAX) ||
			receives++ == RECEIVES_A_READ ||
			!receive(s, len - total)))
			break;
		/* SSL_read and SSL_write clear the error queue by themselves.
		 */
		before = input_len(s);
		n = SSL_read(s->ssl, data + total, (int)(len - total));
		if (n > 0) {
			total += (size_t)n;
			spend(s, before, input_len(s) + (uint32_t)n);
		} else {
			note_read_end(s, n);
		}
	}
	return total;
}

/* A refused client's bytes: dropped, until it has understood. */
static ssize_t
drop_input(struct tls_stream *s)
{
	s->dropped += (uint32_t)tls_wire_drop(&s->wire, LOOP_SCRATCH_LEN);
	if (s->wire.eof || s->dropped > DROP_MAX)
		return STREAM_EOF;
	return s->wire.in_error != OK ? STREAM_ERROR : STREAM_AGAIN;
}

static ssize_t
tls_read(struct stream *stream, uint8_t *data, size_t len)
{
	struct tls_stream *s = tls_stream_of(stream);
	size_t total;

	s->did_read = true;
	if (!s->in_turn) {
		s->dry = false;
		s->overhead = 0;
	}
	if (s->state == TLS_STATE_FAILED)
		return drop_input(s);
	if (s->state != TLS_STATE_OPEN)
		return STREAM_AGAIN;
	total = decrypt(s, data, len);
	if (s->wire.out_len > 0) /* an alert, or a key update's answer */
		tls_wire_flush(&s->wire);
	if (!s->in_turn)
		end_turn(s);
	if (total > 0)
		return (ssize_t)total;
	if (s->deaf)
		return STREAM_ERROR;
	return s->ended ? STREAM_EOF : STREAM_AGAIN;
}

/* Encrypts one piece and sends it; false on an error. */
static bool
write_piece(struct tls_stream *s, const uint8_t *data, size_t len)
{
	int n;

	s->wire.direct = len <= RECORD_MAX;
	n = SSL_write(s->ssl, data, (int)len);
	s->wire.direct = false;
	tls_wire_flush(&s->wire);
	return n == (int)len && s->wire.out_error == OK;
}

static ssize_t
fail_write(struct tls_stream *s)
{
	s->stream.error = s->wire.out_error != OK ? s->wire.out_error : ERR_TLS;
	return STREAM_ERROR;
}

static ssize_t
tls_write(struct stream *stream, uint8_t *data, size_t len)
{
	struct tls_stream *s = tls_stream_of(stream);
	size_t taken = 0, piece;

	if (s->state != TLS_STATE_OPEN || s->wire.out_error != OK)
		return fail_write(s);
	while (taken < len && s->wire.unsent == NULL) {
		piece = len - taken < WRITE_MAX ? len - taken : WRITE_MAX;
		if (!write_piece(s, data + taken, piece))
			return fail_write(s);
		taken += piece;
	}
	if (taken < len)
		s->owes = true;
	return (ssize_t)taken;
}

static void
tls_want_read(struct stream *stream, bool wanted)
{
	struct tls_stream *s = tls_stream_of(stream);

	s->want = wanted;
	if (s->state == TLS_STATE_SHAKING || s->state == TLS_STATE_CLOSED)
		return;
	watch_read(&s->wire.watch, wanted);
	if (wanted && !s->in_turn && has_more(s))
		loop_defer(s->wire.watch.loop, &s->wire.watch.read_again);
}

/* Puts a close_notify into the wire, once. */
static void
end_our_half(struct tls_stream *s)
{
	if (s->state == TLS_STATE_OPEN && !s->fin) {
		ERR_clear_error();
		(void)SSL_shutdown(s->ssl);
		ERR_clear_error();
	}
	s->fin = true;
	tls_wire_flush(&s->wire);
}

static enum err
tls_shutdown(struct stream *stream)
{
	struct tls_stream *s = tls_stream_of(stream);

	end_our_half(s);
	if (s->wire.out_error != OK)
		return s->wire.out_error;
	if (s->wire.unsent != NULL)
		return OK; /* the FIN follows it */
	return shutdown(s->wire.watch.fd, SHUT_WR) == 0 ? OK : ERR_SYSTEM;
}

static void
bury(struct loop_grave *g)
{
	struct tls_stream *s = list_entry(g, struct tls_stream, grave);

	SSL_free(s->ssl);
	tls_handshake_free(s->hs);
	free(s);
}

static void
tls_close(struct stream *stream)
{
	struct tls_stream *s = tls_stream_of(stream);

	if (s->state == TLS_STATE_CLOSED)
		return;
	if (s->state == TLS_STATE_OPEN)
		end_our_half(s);
	/* Unread bytes would turn the close into a reset, and that would
	 * overtake the alert. */
	if (s->state == TLS_STATE_FAILED)
		(void)tls_wire_drop(&s->wire, LOOP_SCRATCH_CIPHER_LEN);
	s->state = TLS_STATE_CLOSED;
	loop_bury(s->wire.watch.loop, &s->grave);
	tls_wire_fini(&s->wire);
}

static const struct stream_ops ops = {
	.read = tls_read,
	.write = tls_write,
	.want_read = tls_want_read,
	.shutdown = tls_shutdown,
	.close = tls_close,
};

static enum err
init_ssl(struct tls_stream *s, SSL_CTX *ctx)
{
	BIO *bio;

	s->ssl = SSL_new(ctx);
	bio = s->ssl == NULL ? NULL : tls_wire_bio(&s->wire);
	if (bio == NULL)
		return ERR_NO_MEMORY;
	SSL_set_bio(s->ssl, bio, bio);
	SSL_set_accept_state(s->ssl);
	SSL_set_shed_handshake_config(s->ssl, 1);
	return OK;
}

struct stream *
tls_stream_new(struct loop *loop, struct tls_ctx *ctx, int fd, enum tls_app app)
{
	struct tls_stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->stream.ops = &ops;
	s->grave.bury = bury;
	list_init(&s->grave.node);
	s->hs = tls_handshake_new(ctx, app);
	tls_wire_init(&s->wire, loop, fd, ready, s);
	s->wire.user = s->hs;
	if (s->hs == NULL || init_ssl(s, ctx->ssl) != OK) {
		SSL_free(s->ssl);
		tls_handshake_free(s->hs);
		free(s);
		ERR_clear_error();
		return NULL;
	}
	watch_read(&s->wire.watch, true);
	return &s->stream;
}

void
tls_stream_refuse(struct stream *stream, enum reason reason)
{
	struct tls_stream *s = tls_stream_of(stream);
	struct tls_verdict v = { reason, NULL };

	if (s->state != TLS_STATE_OPEN)
		return;
	send_alert(s, reason);
	set_failed(s, v);
}
