/* SPDX-License-Identifier: ISC */
/*
 * A stream is read and written by its owner, one call at a time. While an event
 * is delivered (a "turn"), bytes that were received but not yet decrypted stay
 * in the worker's scratch buffer; at the end of the turn they are saved,
 * because the buffer is then used by others.
 */
#include "tls/stream_tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/list.h"
#include "tls/ctx_body.h"
#include "tls/handshake.h"
#include "tls/hello.h"
#include "tls/socket.h"
#include "tls/verify.h"

/* Bytes that one recv asks for during the handshake: flights are a few KiB. */
#define HANDSHAKE_READ 16384

/*
 * Plaintext of a record until the client has shown that it takes bulk data: the
 * record as a whole is then shorter than 4 KiB, which is the buffer of many
 * devices. Brokers that end TLS themselves write packet by packet; here, what
 * the broker has sent may be many small packets in one piece.
 */
#define RECORD_SMALL 4032

/* Bytes that a client takes within BULK_MS when it takes bulk data. No device
 * with a small buffer is that fast. */
#define BULK_BYTES (1024 * 1024)
#define BULK_MS 1000

/* Most bytes given to the library at once: with the overhead of the records,
 * they fit the scratch buffer. */
#define WRITE_MAX 65536

/* Receives per read. A record can be padded so that it holds almost no data
 * (RFC 8446 5.4), and other connections want their turn. */
#define RECEIVES_A_READ 4

/* READABLE events per turn, before other connections have theirs. */
#define READS_A_TURN 4

/* Bytes received per turn that are not delivered as data. A record costs about
 * the same whatever it holds, and a key update ten times as much. This allows
 * 186 small records or 150 key updates per turn. */
#define OVERHEAD_A_TURN 4096

/* What a refused client may still send before it is cut off. */
#define DROP_MAX (256 * 1024)

/* The life of a stream, in this order. */
enum tls_state {
	TLS_STATE_START, /* nothing received yet */
	TLS_STATE_HANDSHAKE, /* the first bytes look like TLS */
	TLS_STATE_OPEN,
	TLS_STATE_FAILED, /* waits for its owner to close it */
	TLS_STATE_CLOSED /* is freed at the end of the turn */
};

/* The half of the connection from the client to us. */
enum tls_input {
	TLS_INPUT_OPEN,
	TLS_INPUT_ENDED, /* close_notify or FIN: reads return STREAM_EOF */
	TLS_INPUT_BROKEN /* stream.error: reads return STREAM_ERROR */
};

/* The half from us to the client. */
enum tls_output {
	TLS_OUTPUT_OPEN,
	TLS_OUTPUT_FULL, /* a WRITABLE was promised */
	TLS_OUTPUT_ENDED /* close_notify was sent; FIN follows unsent bytes */
};

/* The FIN, which is sent once. */
enum tls_fin {
	TLS_FIN_NOT_SENT,
	TLS_FIN_SENT,
	TLS_FIN_FAILED /* the client has closed both halves */
};

/* Whether an event is being delivered, and what the owner did with it. */
enum tls_turn {
	TLS_TURN_NONE,
	TLS_TURN_UNREAD, /* delivered; the owner has not read yet */
	TLS_TURN_READ
};

struct tls_stream {
	struct stream stream; /* first: each is cast to the other */
	struct tls_socket socket;
	SSL *ssl; /* owned */
	struct tls_handshake *hs; /* owned; NULL once its results are taken */
	struct tls_result failure; /* when FAILED, and after STREAM_ERROR */
	uint32_t overhead; /* bytes of this turn that were not data */
	union {
		uint32_t burst; /* OPEN: bytes written since burst_start */
		uint32_t dropped; /* FAILED: bytes discarded since then */
	};
	uint32_t burst_start; /* of loop_now(), cut to 32 bits */
	uint16_t record_max; /* what the options and the client allow */
	uint16_t record_len; /* what is used now */
	enum tls_state state : 8;
	enum tls_input input : 8;
	enum tls_output output : 8;
	enum tls_turn turn : 8;
	enum tls_fin fin : 8;
	bool wants_read; /* the owner wants READABLE */
	bool tickets_due; /* OPEN: no application data has been exchanged */
	bool drained; /* the last recv of this turn emptied the socket */
};

static struct tls_stream *
tls_stream_of(const struct stream *s)
{
	return list_entry(s, struct tls_stream, stream);
}

static bool
is_handshaking(const struct tls_stream *s)
{
	return s->state < TLS_STATE_OPEN;
}

/* Ends reading with an error. */
static void
break_input(struct tls_stream *s, enum err err)
{
	s->input = TLS_INPUT_BROKEN;
	s->stream.error = err;
}

/* Notes that the client ended its half, unless an error was found before. */
static void
end_input(struct tls_stream *s)
{
	if (s->input == TLS_INPUT_OPEN)
		s->input = TLS_INPUT_ENDED;
}

static void
set_record_len(struct tls_stream *s, uint16_t len)
{
	if (len > s->record_max)
		len = s->record_max;
	if (len == s->record_len)
		return;
	s->record_len = len;
	/* The library refuses fewer than 512; tls_write() cuts smaller. */
	(void)SSL_set_max_send_fragment(s->ssl, len < 512 ? 512 : len);
}

/* Returns how many bytes can be worked on without the socket: received bytes,
 * and plaintext of a record that was read in part. */
static uint32_t
input_len(const struct tls_stream *s)
{
	return s->socket.in_len + (uint32_t)SSL_pending(s->ssl);
}

/* Returns true if a read would return something without the socket. */
static bool
has_more(const struct tls_stream *s)
{
	if (s->state != TLS_STATE_OPEN)
		return false;
	return input_len(s) > 0 || s->input != TLS_INPUT_OPEN;
}

static bool
has_budget(const struct tls_stream *s)
{
	return s->overhead < OVERHEAD_A_TURN;
}

/* Ends a turn: the scratch buffer is free for others. */
static void
end_turn(struct tls_stream *s)
{
	s->turn = TLS_TURN_NONE;
	if (tls_socket_keep(&s->socket) != OK)
		break_input(s, ERR_NO_MEMORY);
	if (s->wants_read && has_more(s))
		loop_defer(s->socket.watch.loop, &s->socket.watch.read_again);
}

/* Delivers READABLE to the owner while there is something to read. */
static void
emit_readable(struct tls_stream *s)
{
	int i;

	s->overhead = 0;
	for (i = 0; i < READS_A_TURN && s->wants_read && has_budget(s); i++) {
		s->turn = TLS_TURN_UNREAD;
		stream_emit(&s->stream, STREAM_READABLE);
		if (s->state == TLS_STATE_CLOSED)
			return;
		if (s->turn != TLS_TURN_READ || !has_more(s))
			break;
	}
	end_turn(s);
}

/* Enters FAILED, from the handshake or from OPEN. */
static void
set_failed(struct tls_stream *s, struct tls_result v)
{
	s->state = TLS_STATE_FAILED;
	s->dropped = 0;
	s->failure = v;
	s->stream.error =
	    v.reason == REASON_TLS_CLOSED || v.reason == REASON_TLS_CHECK
	    ? ERR_CLOSED
	    : ERR_TLS;
	tls_socket_flush(&s->socket); /* the alert */
	s->socket.in_len = 0;
	s->wants_read = false;
	watch_read(&s->socket.watch, false);
}

/* Returns TLS_CHECK instead of TLS_CLOSED if the client has sent nothing, or
 * its ClientHello and then nothing: health checks of load balancers do that. */
static struct tls_result
name_check(const struct tls_stream *s, struct tls_result v)
{
	const char *state = SSL_state_string_long(s->ssl);

	if (v.reason == REASON_TLS_CLOSED &&
	    (s->state == TLS_STATE_START ||
		strstr(state, "read_second_client_flight") != NULL ||
		strstr(state, "read_client_encrypted_extensions") != NULL ||
		strstr(state, "read_client_certificate") != NULL) &&
	    strstr(state, "verify") == NULL)
		v.reason = REASON_TLS_CHECK;
	return v;
}

static void
fail_handshake(struct tls_stream *s, struct tls_result v)
{
	set_failed(s, v);
	stream_emit(&s->stream, STREAM_BROKEN); /* s may be gone */
}

/* Sends a fatal alert, unless our half has ended. */
static void
send_alert(struct tls_stream *s, enum reason reason)
{
	ERR_clear_error();
	if (s->output != TLS_OUTPUT_ENDED)
		(void)SSL_send_fatal_alert(s->ssl, tls_peer_alert(reason));
	ERR_clear_error();
}

/*
 * The client has finished its handshake and is silent: it may wait for the
 * tickets of TLS 1.3, as some do, or with Nagle's algorithm for any answer. The
 * library holds them back until we write; a write of nothing sends them. Where
 * the client has gone on, they are sent together with our answer.
 */
static void
send_tickets(struct tls_stream *s)
{
	s->tickets_due = false;
	ERR_clear_error();
	(void)SSL_write(s->ssl, "", 0);
	ERR_clear_error();
	tls_socket_flush(&s->socket);
}

/* Tells the owner to read what may have arrived while we were busy. */
static void
read_on(struct tls_stream *s)
{
	if (!s->wants_read) {
		end_turn(s);
		return;
	}
	if (!has_more(s))
		s->drained = false;
	emit_readable(s);
}

/* The library has finished the handshake. A resumed session is checked now. */
static void
finish_handshake(struct tls_stream *s)
{
	struct tls_result v = { REASON_NONE, NULL };

	if (SSL_session_reused(s->ssl))
		v = tls_handshake_resumed(s->hs, s->ssl);
	if (v.reason != REASON_NONE) {
		send_alert(s, v.reason);
		fail_handshake(s, v);
		return;
	}
	s->state = TLS_STATE_OPEN;
	s->record_max = s->hs->record_max;
	if (s->record_max > s->hs->ctx->record_max)
		s->record_max = s->hs->ctx->record_max;
	set_record_len(s, RECORD_SMALL);
	watch_read(&s->socket.watch, s->wants_read);
	s->turn = TLS_TURN_UNREAD;
	s->tickets_due = true;
	stream_emit(&s->stream, STREAM_OPEN);
	if (s->state != TLS_STATE_CLOSED)
		read_on(s);
	if (s->state == TLS_STATE_OPEN && s->tickets_due)
		send_tickets(s);
}

/* Returns true if the client has left or the connection is broken. */
static bool
is_gone(const struct tls_stream *s)
{
	return s->socket.eof || s->socket.in_error != OK ||
	    s->socket.out_error != OK;
}

/* A token is signing. What has arrived meanwhile is kept for later, and the
 * rest stays in the socket. */
static void
wait_for_signature(struct tls_stream *s)
{
	struct tls_result v = { REASON_ACCEPT_RESOURCE, NULL };

	tls_socket_flush(&s->socket);
	if (tls_socket_keep(&s->socket) != OK)
		fail_handshake(s, v);
	else if (s->socket.in_len > 0)
		watch_read(&s->socket.watch, false);
}

/* Continues the handshake with what was received. Returns true if more should
 * be received. */
static bool
step_handshake(struct tls_stream *s)
{
	bool more = s->socket.in_len == HANDSHAKE_READ;
	struct tls_result v = { REASON_TLS_NOT_TLS, NULL };
	struct slice first;
	int ok;

	if (s->state == TLS_STATE_START && s->socket.in_len > 0) {
		first = slice_make(s->socket.in, s->socket.in_len);
		if (!tls_hello_may_begin(first)) {
			v.detail = tls_hello_other_protocol(first);
			if (v.detail == NULL)
				v.detail = tls_hello_show(s->hs->text, first);
			fail_handshake(s, v);
			return false;
		}
		s->state = TLS_STATE_HANDSHAKE;
	}
	ERR_clear_error();
	ok = SSL_do_handshake(s->ssl);
	if (ok == 1) {
		tls_socket_flush(&s->socket);
		finish_handshake(s);
		return false;
	}
	if (SSL_get_error(s->ssl, ok) == SSL_ERROR_WANT_PRIVATE_KEY_OPERATION &&
	    !is_gone(s)) {
		wait_for_signature(s);
		return false;
	}
	if (SSL_get_error(s->ssl, ok) == SSL_ERROR_WANT_READ && !is_gone(s)) {
		tls_socket_flush(&s->socket);
		if (!is_gone(s))
			return more;
	}
	v = name_check(s, tls_handshake_failure(s->hs, is_gone(s)));
	if (v.reason == REASON_TLS_KEY) /* the library sends none */
		send_alert(s, v.reason);
	fail_handshake(s, v);
	return false;
}

static void
run_handshake(struct tls_stream *s)
{
	size_t n;

	do {
		n = tls_socket_fill(&s->socket, HANDSHAKE_READ);
		s->drained = n < HANDSHAKE_READ;
		if (n == 0 && !is_gone(s))
			return;
	} while (step_handshake(s)); /* s may be gone */
}

/* The token has signed, or has failed to. */
static void
signature_done(void *arg)
{
	struct tls_stream *s = arg;

	if (!is_handshaking(s))
		return;
	watch_read(&s->socket.watch, true);
	if (step_handshake(s))
		run_handshake(s); /* s may be gone */
}

/* Ends our half of the connection, once. */
static enum err
send_fin(struct tls_stream *s)
{
	if (s->fin == TLS_FIN_NOT_SENT)
		s->fin = shutdown(s->socket.watch.fd, SHUT_WR) == 0
		    ? TLS_FIN_SENT
		    : TLS_FIN_FAILED;
	return s->fin == TLS_FIN_SENT ? OK : ERR_SYSTEM;
}

/* The socket accepts bytes again. */
static void
resume_writing(struct tls_stream *s)
{
	tls_socket_flush(&s->socket);
	if (s->socket.unsent != NULL && s->socket.out_error == OK)
		return;
	if (s->output == TLS_OUTPUT_ENDED)
		(void)send_fin(s);
	if (s->output != TLS_OUTPUT_FULL)
		return;
	s->output = TLS_OUTPUT_OPEN;
	stream_emit(&s->stream, STREAM_WRITABLE); /* s may be gone */
}

static void
ready(enum watch_event event, void *arg)
{
	struct tls_stream *s = arg;

	s->drained = false;
	if (event == WATCH_WRITE)
		resume_writing(s);
	else if (is_handshaking(s))
		run_handshake(s);
	else
		emit_readable(s);
}

/* Notes why SSL_read() returned no data. */
static void
note_read_end(struct tls_stream *s, int ret)
{
	switch (SSL_get_error(s->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		break;
	case SSL_ERROR_ZERO_RETURN:
		end_input(s);
		break;
	default:
		s->failure = tls_handshake_failure(NULL, true);
		break_input(s, ERR_TLS);
		break;
	}
}

/* Receives more, unless the last recv has shown that there is no more. */
static bool
receive(struct tls_stream *s, size_t room)
{
	size_t n;

	if (s->drained || s->socket.eof)
		return false;
	n = tls_socket_fill(&s->socket, room);
	s->drained = n < room;
	if (s->socket.eof)
		end_input(s);
	if (s->socket.in_error != OK)
		break_input(s, s->socket.in_error);
	return n > 0;
}

/* Counts bytes that were used up without becoming data: there were `before'
 * bytes, and `after' are left or went to the owner. The first part of a record
 * that arrived in an earlier turn is not counted. The library accepts at most
 * 32 key updates in a row. */
static void
count_overhead(struct tls_stream *s, uint32_t before, uint32_t after)
{
	if (before > after)
		s->overhead += before - after;
}

/* Receives and decrypts until `data' is full. If little room is left, nothing
 * more is received, so that records are not read in small pieces. */
static size_t
decrypt(struct tls_stream *s, uint8_t *data, size_t len)
{
	unsigned receives = 0;
	size_t total = 0;
	uint32_t before;
	int n;

	while (total < len && s->input == TLS_INPUT_OPEN && has_budget(s)) {
		if (input_len(s) == 0 &&
		    ((total > 0 && len - total < TLS_RECORD_MAX) ||
			receives++ == RECEIVES_A_READ ||
			!receive(s, len - total)))
			break;
		/* SSL_read and SSL_write clear the error queue by themselves.
		 */
		before = input_len(s);
		n = SSL_read(s->ssl, data + total, (int)(len - total));
		if (n > 0) {
			s->tickets_due = false;
			total += (size_t)n;
			count_overhead(s, before, input_len(s) + (uint32_t)n);
		} else {
			note_read_end(s, n);
		}
	}
	return total;
}

/* Discards what a refused client sends, until it closes. */
static ssize_t
drop_input(struct tls_stream *s)
{
	s->dropped += (uint32_t)tls_socket_drop(&s->socket, LOOP_SCRATCH_LEN);
	if (s->socket.eof || s->dropped > DROP_MAX)
		return STREAM_EOF;
	return s->socket.in_error != OK ? STREAM_ERROR : STREAM_AGAIN;
}

static ssize_t
tls_read(struct stream *stream, uint8_t *data, size_t len)
{
	struct tls_stream *s = tls_stream_of(stream);
	size_t total;

	if (s->turn == TLS_TURN_NONE) {
		s->drained = false;
		s->overhead = 0;
	} else {
		s->turn = TLS_TURN_READ;
	}
	if (s->state == TLS_STATE_FAILED)
		return drop_input(s);
	if (s->state != TLS_STATE_OPEN)
		return STREAM_AGAIN;
	total = decrypt(s, data, len);
	if (s->socket.out_len > 0) /* an alert, or a key update's answer */
		tls_socket_flush(&s->socket);
	if (s->turn == TLS_TURN_NONE)
		end_turn(s);
	if (total > 0)
		return (ssize_t)total;
	if (s->input == TLS_INPUT_BROKEN)
		return STREAM_ERROR;
	return s->input == TLS_INPUT_ENDED ? STREAM_EOF : STREAM_AGAIN;
}

/* Counts `len' bytes to be written, and chooses the size of their records. */
static void
size_records(struct tls_stream *s, size_t len)
{
	uint32_t now = (uint32_t)loop_now(s->socket.watch.loop);

	if (now - s->burst_start > BULK_MS) {
		if (s->burst < BULK_BYTES)
			set_record_len(s, RECORD_SMALL);
		s->burst = 0;
		s->burst_start = now;
	}
	s->burst += (uint32_t)len;
	if (s->burst >= BULK_BYTES)
		set_record_len(s, TLS_RECORD_MAX);
}

/* Returns the most bytes that one SSL_write() may be given. */
static size_t
piece_max(const struct tls_stream *s)
{
	return s->record_len < 512 ? s->record_len : WRITE_MAX;
}

/* Encrypts and sends one piece. Returns false on an error. */
static bool
write_piece(struct tls_stream *s, const uint8_t *data, size_t len)
{
	int n;

	s->tickets_due = false;
	s->socket.direct = len <= s->record_len;
	n = SSL_write(s->ssl, data, (int)len);
	s->socket.direct = false;
	tls_socket_flush(&s->socket);
	return n == (int)len && s->socket.out_error == OK;
}

static ssize_t
fail_write(struct tls_stream *s)
{
	s->stream.error =
	    s->socket.out_error != OK ? s->socket.out_error : ERR_TLS;
	return STREAM_ERROR;
}

static ssize_t
tls_write(struct stream *stream, uint8_t *data, size_t len)
{
	struct tls_stream *s = tls_stream_of(stream);
	size_t taken = 0, piece;

	if (s->state != TLS_STATE_OPEN || s->socket.out_error != OK)
		return fail_write(s);
	size_records(s, len);
	while (taken < len && s->socket.unsent == NULL) {
		piece = len - taken < piece_max(s) ? len - taken : piece_max(s);
		if (!write_piece(s, data + taken, piece))
			return fail_write(s);
		taken += piece;
	}
	if (taken < len && s->output == TLS_OUTPUT_OPEN)
		s->output = TLS_OUTPUT_FULL;
	return (ssize_t)taken;
}

static void
tls_want_read(struct stream *stream, bool wanted)
{
	struct tls_stream *s = tls_stream_of(stream);

	s->wants_read = wanted;
	if (is_handshaking(s) || s->state == TLS_STATE_CLOSED)
		return;
	watch_read(&s->socket.watch, wanted);
	if (wanted && s->turn == TLS_TURN_NONE && has_more(s))
		loop_defer(s->socket.watch.loop, &s->socket.watch.read_again);
}

/* Sends close_notify, once. */
static void
end_our_half(struct tls_stream *s)
{
	if (s->state == TLS_STATE_OPEN && s->output != TLS_OUTPUT_ENDED) {
		ERR_clear_error();
		(void)SSL_shutdown(s->ssl);
		ERR_clear_error();
	}
	s->output = TLS_OUTPUT_ENDED;
	tls_socket_flush(&s->socket);
}

static enum err
tls_shutdown(struct stream *stream)
{
	struct tls_stream *s = tls_stream_of(stream);

	end_our_half(s);
	if (s->socket.out_error != OK)
		return s->socket.out_error;
	if (s->socket.unsent != NULL)
		return OK; /* resume_writing() sends the FIN */
	return send_fin(s);
}

static void
release(void *memory)
{
	struct tls_stream *s = memory;

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
	/* With unread bytes, close() sends a reset, which can overtake the
	 * alert. */
	if (s->state == TLS_STATE_FAILED)
		(void)tls_socket_drop(&s->socket, LOOP_SCRATCH_CIPHER_LEN);
	s->state = TLS_STATE_CLOSED;
	if (s->hs != NULL)
		tls_handshake_stop_signing(s->hs);
	tls_socket_fini(&s->socket);
	loop_free_later(s->socket.watch.loop, &s->socket.watch.garbage, s,
	    release);
}

static int
tls_descriptor(const struct stream *stream)
{
	return tls_stream_of(stream)->socket.watch.fd;
}

static const struct stream_ops ops = {
	.read = tls_read,
	.write = tls_write,
	.want_read = tls_want_read,
	.shutdown = tls_shutdown,
	.close = tls_close,
	.descriptor = tls_descriptor,
};

static enum err
init_ssl(struct tls_stream *s, SSL_CTX *ctx)
{
	BIO *bio;

	s->ssl = SSL_new(ctx);
	bio = s->ssl == NULL ? NULL : tls_socket_bio(&s->socket);
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
	s->hs = tls_handshake_new(ctx, app);
	tls_socket_init(&s->socket, loop, fd, ready, s);
	s->socket.user = s->hs;
	s->socket.ack_now = true;
	if (s->hs != NULL) {
		s->hs->loop = loop;
		s->hs->wake = signature_done;
		s->hs->wake_arg = s;
	}
	if (s->hs == NULL || init_ssl(s, ctx->ssl) != OK) {
		SSL_free(s->ssl);
		tls_handshake_free(s->hs);
		free(s);
		ERR_clear_error();
		return NULL;
	}
	watch_read(&s->socket.watch, true);
	/* The ClientHello has arrived already, so no event will report it. */
	loop_defer(loop, &s->socket.watch.read_again);
	return &s->stream;
}

void
tls_stream_set_admit(struct stream *stream, tls_admit *admit, void *arg)
{
	struct tls_stream *s = tls_stream_of(stream);

	s->hs->admit = admit;
	s->hs->admit_arg = arg;
}

void
tls_stream_refuse(struct stream *stream, enum reason reason)
{
	struct tls_stream *s = tls_stream_of(stream);
	struct tls_result v = { reason, NULL };

	if (s->state != TLS_STATE_OPEN)
		return;
	send_alert(s, reason);
	set_failed(s, v);
}

void
tls_stream_failure(const struct stream *stream, enum reason *reason,
    const char **detail)
{
	const struct tls_stream *s = tls_stream_of(stream);

	*reason = s->failure.reason;
	*detail = s->failure.detail;
}

bool
tls_stream_is_signing(const struct stream *stream)
{
	const struct tls_stream *s = tls_stream_of(stream);

	return is_handshaking(s) && s->hs->signing != NULL;
}

void
tls_stream_info(const struct stream *stream, struct tls_info *info)
{
	const struct tls_stream *s = tls_stream_of(stream);
	const SSL_CIPHER *cipher = SSL_get_current_cipher(s->ssl);
	const char *sni = SSL_get_servername(s->ssl, TLSEXT_NAMETYPE_host_name);

	info->version = SSL_get_version(s->ssl);
	info->cipher = cipher == NULL ? "" : SSL_CIPHER_standard_name(cipher);
	info->suite = cipher == NULL
	    ? TLS_SUITE_NONE
	    : tls_suite_find(SSL_CIPHER_get_protocol_id(cipher));
	info->sni = sni == NULL ? "" : sni;
	info->resumed = SSL_session_reused(s->ssl) != 0;
}

const struct cert *
tls_stream_cert(const struct stream *stream)
{
	const struct tls_stream *s = tls_stream_of(stream);

	return s->hs == NULL ? NULL : s->hs->cert;
}

enum err
tls_stream_take_cert(struct stream *stream, struct cert **out)
{
	struct tls_stream *s = tls_stream_of(stream);

	*out = NULL;
	if (s->hs != NULL) {
		*out = s->hs->cert;
		s->hs->cert = NULL;
		tls_stream_free_handshake(stream);
	}
	/* A client with a certificate must never pass as one without. */
	return *out == NULL && SSL_get0_peer_certificates(s->ssl) != NULL
	    ? ERR_NOT_FOUND
	    : OK;
}

/* Tells whether the client was verified with the client CAs of `ctx'. */
static enum tls_earlier_check
earlier_check(const struct tls_stream *s, const struct tls_ctx *ctx)
{
	const SSL_SESSION *session = SSL_get_session(s->ssl);
	const uint8_t *id;
	unsigned len;

	id = SSL_SESSION_get0_id_context(session, &len);
	return len == sizeof(ctx->session_id) &&
		memcmp(id, ctx->session_id, len) == 0
	    ? TLS_EARLIER_CHECK_SAME_CAS
	    : TLS_EARLIER_CHECK_NONE;
}

enum err
tls_stream_make_cert(const struct stream *stream, const struct tls_ctx *ctx,
    struct cert **out)
{
	const struct tls_stream *s = tls_stream_of(stream);
	const STACK_OF(CRYPTO_BUFFER) *certs =
	    SSL_get0_peer_certificates(s->ssl);
	struct tls_chain chain;

	*out = NULL;
	if (certs == NULL)
		return ERR_MALFORMED;
	if (ctx != NULL)
		(void)tls_peer_check(&chain, certs, ctx, earlier_check(s, ctx));
	else if (tls_chain_init(&chain, certs).reason != REASON_NONE)
		return ERR_MALFORMED;
	return tls_facts_make(out, &chain, ctx == NULL ? NULL : ctx->trust);
}

void
tls_stream_free_handshake(struct stream *stream)
{
	struct tls_stream *s = tls_stream_of(stream);

	if (is_handshaking(s))
		return;
	tls_handshake_free(s->hs);
	s->hs = NULL;
	s->socket.user = NULL;
	s->socket.ack_now = false;
}

enum reason
tls_stream_recheck(const struct stream *stream, const struct tls_ctx *ctx,
    int64_t *end, const char **detail)
{
	static _Thread_local char text[TLS_DETAIL_MAX];
	const struct tls_stream *s = tls_stream_of(stream);
	struct tls_chain chain;
	struct tls_result v = tls_peer_check(&chain,
	    SSL_get0_peer_certificates(s->ssl), ctx, earlier_check(s, ctx));

	tls_result_keep(&v, &chain, text);
	*end = chain.sent_count == 0 ? INT64_MAX : tls_chain_end(&chain);
	*detail = v.detail;
	return v.reason;
}
