#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Frames: MQTT packets across and inside them, fragments, pings, closing, and
# what breaks RFC 6455.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $broker = peer('broker')->listen;
my $proxy = sallyport(backend => { address => $broker->address });
my $port = $proxy->port('wss');
my $connect = mqtt_connect(clientid => 'w');
my $expected = mqtt_connect(clientid => 'w', username => 'device-001');

sub guest
{
	return peer->wss(port => $port, device => 'ec');
}

# A whole session: client and broker ends, CONNECT and CONNACK done.
sub session
{
	my $c = guest()->send($connect);
	my $b = $broker->accept;

	$b->packet;
	$b->send(mqtt_connack());
	$c->packet;
	return ($c, $b);
}

# Ways to cut a CONNECT and the SUBSCRIBE behind it.
my $both = $connect . mqtt_subscribe();
my @ways = (
	['one frame', ws_frame(payload => $both)],
	['a frame for each byte',
		join '', map { ws_frame(payload => $_) } split //, $both],
	['three fragments',
		ws_frame(fin => 0, payload => substr $both, 0, 5)
		. ws_frame(op => 0, fin => 0, payload => substr $both, 5, 5)
		. ws_frame(op => 0, payload => substr $both, 10)],
	['fragments with a ping between',
		ws_frame(fin => 0, payload => substr $both, 0, 3)
		. ws_frame(op => 9, payload => 'hey')
		. ws_frame(op => 0, payload => substr $both, 3)],
	['empty frames between',
		ws_frame() . ws_frame(payload => substr $both, 0, 9)
		. ws_frame(fin => 0) . ws_frame(op => 0)
		. ws_frame(payload => substr $both, 9)],
	['a zero mask', ws_frame(mask => "\0\0\0\0", payload => $both)],
	['an unasked pong', ws_frame(op => 10, payload => 'x')
		. ws_frame(payload => $both)],
);
for (@ways) {
	my ($what, $bytes) = @$_;

	for my $chunk (length $bytes, 1) {
		my $c = guest()->send($bytes, raw => 1, chunk => $chunk);
		my $b = $broker->accept;
		my $how = $chunk == 1 ? "$what, bytewise" : $what;

		is(hex($b->packet), hex($expected), "$how: CONNECT");
		is(hex($b->packet), hex(mqtt_subscribe()),
			"$how: and the next packet");
		$_->close for $b, $c;
	}
}

# Pings, before the CONNECT and after it.
{
	my $c = guest()->send(ws_frame(op => 9, payload => 'p1'), raw => 1);
	my $f = $c->frame;
	is("$f->{op} $f->{payload} $f->{masked}", '10 p1 0',
		'a ping before the CONNECT is answered');
	$c->close;
}
{
	my ($c, $b) = session();
	$c->send(ws_frame(op => 9, payload => 'p' x 125), raw => 1);
	my $f = $c->frame;
	is("$f->{op} $f->{payload}", '10 ' . 'p' x 125,
		'a ping during the relay is answered');
	$c->send(ws_frame(op => 9), raw => 1);
	$f = $c->frame;
	is("$f->{op} $f->{payload}", '10 ', 'an empty ping too');
	$c->send(mqtt_pingreq);
	is(hex($b->packet), hex(mqtt_pingreq),
		'and the broker has heard nothing of them');

	# What goes to the client: binary, unmasked, whole.
	$b->send(mqtt_publish(payload => 'x' x 200_000));
	my ($bytes, $ok) = ('', 1);
	while (length $bytes < 200_000) {
		$f = $c->frame;
		$ok &&= $f->{status} eq 'ok' && !$f->{masked}
		    && !$f->{rsv} && $f->{op} =~ /^[02]$/;
		last unless $ok;
		$bytes .= $f->{payload};
	}
	ok($ok, 'binary frames without mask');
	ok($bytes eq mqtt_publish(payload => 'x' x 200_000),
		'200 kB arrive as they were');
	$_->close for $b, $c;
}

# Closing, by the client.
for my $code (1000, 1001) {
	my ($c, $b) = session();
	my $from = $proxy->mark;

	$c->send(ws_frame(op => 8, payload => pack 'n', $code), raw => 1);
	my $f = $c->frame;
	is($f->{op}, 8, "close $code: a close frame answers");
	is($b->ended->{status}, 'eof', "close $code: the broker sees the end");
	$b->close;
	is($c->ended->{status}, 'eof', "close $code: then the connection ends");
	ok($proxy->wait_close('relay_client_closed', from => $from),
		"close $code: relay_client_closed");
	$c->close;
}
{
	my ($c, $b) = session();
	$c->send(ws_frame(op => 8), raw => 1);
	is($c->frame->{op}, 8, 'a close without a code is answered');
	is($b->ended->{status}, 'eof', 'and ends the session');
	$_->close for $b, $c;
}
# Closing, by the broker.
{
	my ($c, $b) = session();
	my $from = $proxy->mark;
	$b->send(mqtt_pingresp)->close;
	is(hex($c->packet), hex(mqtt_pingresp), 'the broker\'s last words');
	my $f = $c->frame;
	is("$f->{op} " . hex($f->{payload}), '8 03e8',
		'then a close frame, 1000');
	$c->send(ws_frame(op => 8, payload => pack 'n', 1000), raw => 1);
	is($c->ended->{status}, 'eof', 'then the end');
	ok($proxy->wait_close('relay_broker_closed', from => $from),
		'relay_broker_closed');
	$c->close;
}

# What breaks the rules: name, close code, reason, bytes.
my @bad = (
	['text', 1003, 'ws_text', ws_frame(op => 1, payload => $connect)],
	['text in fragments', 1003, 'ws_text',
		ws_frame(op => 1, fin => 0, payload => $connect)],
	['no mask', 1002, 'ws_protocol',
		ws_frame(mask => '', payload => $connect)],
	['RSV1', 1002, 'ws_protocol', ws_frame(rsv => 4, payload => 'x')],
	['RSV3', 1002, 'ws_protocol', ws_frame(rsv => 1, payload => 'x')],
	['opcode 3', 1002, 'ws_protocol', ws_frame(op => 3)],
	['opcode 11', 1002, 'ws_protocol', ws_frame(op => 11)],
	['a ping in fragments', 1002, 'ws_protocol',
		ws_frame(op => 9, fin => 0)],
	['a ping of 126 bytes', 1002, 'ws_protocol',
		ws_frame(op => 9, payload => 'x' x 126)],
	['a continuation of nothing', 1002, 'ws_protocol',
		ws_frame(op => 0, payload => 'x')],
	['a new message in the middle of one', 1002, 'ws_protocol',
		ws_frame(fin => 0, payload => "\x10") . ws_frame()],
	['a length of 2^63', '(1002|1009)', 'ws_protocol',
		"\x82\xff\x80" . "\0" x 11],
	['a length in more bytes than it needs', 1002, 'ws_protocol',
		"\x82\xfe\x00\x05\0\0\0\0hello"],
	['a close of one byte', 1002, 'ws_protocol',
		ws_frame(op => 8, payload => 'x')],
	['a close with 1005', 1002, 'ws_protocol',
		ws_frame(op => 8, payload => pack 'n', 1005)],
);
for (@bad) {
	my ($what, $code, $reason, $bytes) = @$_;
	my $from = $proxy->mark;
	my $c = guest()->try_send($bytes, raw => 1);
	my $r = $c->ended;

	like($r->{close} // -1, qr/^$code$/, "$what: close $code")
	    or diag(Sallyport::Peer::said($r));
	ok($proxy->wait_close($reason, from => $from), "$what: $reason");
	$c->close;
}
ok(!$broker->pending, 'none of those reached the broker');

# The same in the middle of a session ends it.
for (['text', 1003, ws_frame(op => 1, payload => 'x')],
	['no mask', 1002, ws_frame(mask => '', payload => "\xc0\0")]) {
	my ($what, $code, $bytes) = @$_;
	my ($c, $b) = session();

	$c->try_send($bytes, raw => 1);
	is($c->ended->{close}, $code, "$what in a session: close $code");
	my $end = $b->ended;
	is("$end->{status} $end->{bytes}", 'eof ',
		"$what in a session: nothing of it passes");
	$_->close for $b, $c;
}
# Gone without a close frame.
{
	my ($c, $b) = session();
	$c->eof;
	is($b->ended->{status}, 'eof', 'TLS ends without a close frame');
	$_->close for $b, $c;
}
{
	my ($c, $b) = session();
	$c->reset;
	isnt($b->ended->{status}, 'timeout', 'TCP is reset');
	$b->close;
}
done_testing;
