#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The HTTP request that becomes a WebSocket: what is accepted, and which status
# and reason everything else gets.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $broker = peer('broker')->listen;
my $proxy = sallyport(backend => { address => $broker->address },
	timeouts => { ws => '500ms' },
	'listener picky' => {
		bind => '127.0.0.1:0', transport => 'websocket',
		origins => 'https://a.example, https://b.example',
		path => '/broker/mqtt',
	});
my $port = $proxy->port('wss');

sub guest
{
	return peer->tls(port => $_[0] // $port, device => 'ec');
}

# Sends a request; returns the connection and the answer's head.
sub ask
{
	my ($request, %arg) = @_;
	my $c = guest($arg{port});

	return ($c, $c->upgrade($request, chunk => $arg{chunk}));
}

# name, request, subprotocol of the answer
my %h = (
	'plain' => [{}, 'mqtt'],
	'a list of subprotocols' => [
		{ 'Sec-WebSocket-Protocol' => 'chat, mqtt , x' }, 'mqtt' ],
	'subprotocols in two headers' => [
		{ 'Sec-WebSocket-Protocol' => ['chat', 'mqtt'] }, 'mqtt' ],
	'the subprotocol of old stacks' => [
		{ 'Sec-WebSocket-Protocol' => 'mqttv3.1' }, 'mqttv3.1' ],
	'a browser' => [ {
		'Connection' => 'keep-alive, Upgrade',
		'Upgrade' => 'WebSocket', 'Origin' => 'https://x.example',
		'User-Agent' => 'Mozilla/5.0', 'Pragma' => 'no-cache',
		'Accept-Encoding' => 'gzip, deflate, br',
		'Sec-WebSocket-Extensions' => 'permessage-deflate',
	}, 'mqtt' ],
	'headers in small letters' => [ {
		map({ $_ => undef } 'Host', 'Upgrade', 'Connection',
			'Sec-WebSocket-Key'),
		'host' => 'x', 'upgrade' => 'websocket',
		'connection' => 'upgrade', 'sec-websocket-key' => $ws_key,
	}, 'mqtt' ],
	'large cookies' => [{ 'Cookie' => 'x' x 7000 }, 'mqtt'],
);
for my $what (sort keys %h) {
	my ($headers, $protocol) = @{ $h{$what} };
	my ($c, $head) = ask(ws_request(headers => $headers));

	like($head, qr{^HTTP/1\.1 101 }, "$what: 101");
	like($head, qr{^Upgrade: websocket\r$}mi, "$what: Upgrade");
	like($head, qr{^Connection: upgrade\r$}mi, "$what: Connection");
	like($head, qr{^Sec-WebSocket-Accept:\ \Q${\ws_accept($ws_key)}\E\r$}mix,
		"$what: Accept");
	like($head, qr{^Sec-WebSocket-Protocol: \Q$protocol\E\r$}mi,
		"$what: subprotocol $protocol");
	unlike($head, qr/^Sec-WebSocket-Extensions/mi, "$what: no extension");
	$c->close;
}
{
	my ($c, $head) = ask(ws_request(), chunk => 1);
	like($head, qr{^HTTP/1\.1 101 }, 'byte by byte: 101');
	$c->close;
}

# What is pipelined after the request is kept.
{
	my $packet = mqtt_connect(clientid => 'pipe');
	my ($c) = ask(ws_request() . ws_frame(payload => $packet)
		. ws_frame(payload => mqtt_subscribe()));
	my $b = $broker->accept;
	is(hex($b->packet), hex(mqtt_connect(clientid => 'pipe',
		username => 'device-001')), 'pipelined: the CONNECT');
	is(hex($b->packet), hex(mqtt_subscribe()),
		'pipelined: what comes behind it');
	$_->close for $b, $c;
}

sub without
{
	return ws_request(headers => { $_[0] => undef });
}

sub with
{
	return ws_request(headers => {@_});
}

my $bad_line = ws_request();
# name, status, reason, request
my @bad = (
	['POST', 405, 'ws_method', ws_request(method => 'POST')],
	['another path', 404, 'ws_path', ws_request(path => '/other')],
	['the root', 404, 'ws_path', ws_request(path => '/')],
	['no Upgrade', 426, 'ws_upgrade', without('Upgrade')],
	['Upgrade: h2c', 426, 'ws_upgrade', with(Upgrade => 'h2c')],
	['no Connection', 426, 'ws_upgrade', without('Connection')],
	['Connection: close', 426, 'ws_upgrade', with(Connection => 'close')],
	['version 8', 426, 'ws_upgrade', with('Sec-WebSocket-Version' => 8)],
	['no version', 426, 'ws_upgrade', without('Sec-WebSocket-Version')],
	['no Host', 400, 'ws_malformed', without('Host')],
	['two Hosts', 400, 'ws_malformed', with(Host => ['a', 'b'])],
	['no key', 400, 'ws_malformed', without('Sec-WebSocket-Key')],
	['a short key', 400, 'ws_malformed',
		with('Sec-WebSocket-Key' => 'YWJj')],
	['a key that is no base64', 400, 'ws_malformed',
		with('Sec-WebSocket-Key' => '!' x 22 . '==')],
	['two keys', 400, 'ws_malformed',
		with('Sec-WebSocket-Key' => [$ws_key, $ws_key])],
	['HTTP/1.0', '(400|426|505)', 'ws_(malformed|upgrade)',
		ws_request(http => 'HTTP/1.0')],
	['HTTP/2.0', '(400|505)', 'ws_malformed',
		ws_request(http => 'HTTP/2.0')],
	['no HTTP at all', 400, 'ws_malformed', "hello\r\n\r\n"],
	['two blanks', 400, 'ws_malformed', $bad_line =~ s/ /  /r],
	['a header without colon', 400, 'ws_malformed',
		ws_request(extra => "nonsense\r\n")],
	['a blank before the colon', 400, 'ws_malformed',
		ws_request(extra => "X : y\r\n")],
	['a folded header', 400, 'ws_malformed',
		ws_request(extra => "X: y\r\n z\r\n")],
	['a NUL', 400, 'ws_malformed', ws_request(extra => "X: \0\r\n")],
	['a bare CR', 400, 'ws_malformed', ws_request(extra => "X: a\rb\r\n")],
	['a body', 400, 'ws_malformed', with('Content-Length' => 5)],
	['headers over 8 KiB', 431, 'ws_too_large',
		with(Cookie => 'x' x 9000)],
	['a line without end', 431, 'ws_too_large', 'GET /' . 'x' x 9000],
	['another subprotocol', '(400|426)', 'ws_(upgrade|malformed)',
		with('Sec-WebSocket-Protocol' => 'chat')],
	['no subprotocol', '(400|426)', 'ws_(upgrade|malformed)',
		without('Sec-WebSocket-Protocol')],
	['TLS handshakes in TLS', 400, 'ws_malformed',
		"\x16\x03\x01\x00\x05\r\n\r\n"],
	['MQTT at once', 400, 'ws_malformed',
		mqtt_connect() . "\r\n\r\n"],
);
for (@bad) {
	my ($what, $status, $reason, $request) = @$_;
	my $from = $proxy->mark;
	my ($c, $head) = ask($request);

	like($head, qr{^HTTP/1\.1 $status }, "$what: $status");
	like($head, qr{^Connection: close\r$}mi, "$what: Connection: close");
	like($head, qr{^Sec-WebSocket-Version: 13\r$}mi,
		"$what: says which version") if $status eq 426;
	like($head, qr{^Allow: GET\r$}mi, "$what: says what is allowed")
	    if $status eq 405;
	my $end = $c->ended;
	is($end->{status}, 'eof', "$what: the end")
	    or diag(Sallyport::Peer::said($end));
	ok($proxy->wait_close($reason, from => $from), "$what: $reason");
	$c->close;
}

# Origins: exactly those named; over-long is not absent.
my $picky = $proxy->port('picky');
for (
	['https://a.example', 101], ['https://b.example', 101],
	[undef, '(101|403)'], ['https://c.example', 403],
	['https://a.example.evil', 403], ['http://a.example', 403],
	['https://a.example' . 'x' x 4000, 403], ['null', 403],
) {
	my ($origin, $status) = @$_;
	my $from = $proxy->mark;
	my ($c, $head) = ask(ws_request(path => '/broker/mqtt',
		headers => { Origin => $origin }), port => $picky);
	my $what = 'Origin ' . substr $origin // 'absent', 0, 30;

	like($head, qr{^HTTP/1\.1 $status }, "$what: $status");
	ok($proxy->wait_close('ws_origin', from => $from), "$what: ws_origin")
	    if $status eq 403;
	$c->close;
}

# The deadline, and leaving.
for (['silence', ''], ['half a request', substr ws_request(), 0, 50]) {
	my ($what, $bytes) = @$_;
	my $from = $proxy->mark;
	my $c = guest();

	$c->send($bytes) if length $bytes;
	is($c->ended->{status}, 'eof', "$what: closed");
	ok($proxy->wait_close('ws_timeout', from => $from),
		"$what: ws_timeout");
	$c->close;
}
{
	my $from = $proxy->mark;
	guest()->send('GET /mq')->close;
	ok($proxy->wait_close('ws_closed', from => $from),
		'left during the upgrade: ws_closed');
}
ok(!$broker->pending, 'none of the refused reached the broker');
done_testing;
