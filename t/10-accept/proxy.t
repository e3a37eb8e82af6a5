#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# accept_proxy = required: a PROXY header from a trusted balancer, v1 or v2,
# gives the client's address; all other connections are refused.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Socket qw(inet_aton inet_pton AF_INET6);

my $broker = peer('broker')->listen;
my %listener = (bind => '127.0.0.1:0', accept_proxy => 'required');
my $proxy = sallyport(backend => { address => $broker->address },
	timeouts => { tls => '500ms' },
	'listener lb' => { %listener, trusted_proxies => '127.0.0.0/8' },
	'listener other' => { %listener, trusted_proxies => '10.0.0.0/8' });

my $v2 = "\r\n\r\n\0\r\nQUIT\n";

sub v2
{
	my ($command, $family, $body) = @_;

	return $v2 . pack 'CCn/a*', 0x20 | $command, $family, $body;
}

my $v4 = inet_aton('192.0.2.7') . inet_aton('192.0.2.1')
    . pack 'nn', 4711, 8883;
my $v6 = inet_pton(AF_INET6, '2001:db8::7')
    . inet_pton(AF_INET6, '2001:db8::1') . pack 'nn', 4711, 8883;
# header, the peer in the log
my @good = (
	['v1', "PROXY TCP4 192.0.2.7 192.0.2.1 4711 8883\r\n",
		'192.0.2.7:4711'],
	['v1, IPv6', "PROXY TCP6 2001:db8::7 2001:db8::1 4711 8883\r\n",
		'[2001:db8::7]:4711'],
	['v2', v2(1, 0x11, $v4), '192.0.2.7:4711'],
	['v2, IPv6', v2(1, 0x21, $v6), '[2001:db8::7]:4711'],
	['v2, TLVs', v2(1, 0x11, $v4 . "\x04\0\x03abc" . "\x02\0\1x"),
		'192.0.2.7:4711'],
	['v2, LOCAL', v2(0, 0, ''), undef],
);
for (@good) {
	my ($what, $header, $peer) = @$_;
	for my $chunk (length $header, 1) {
		my $from = $proxy->mark;
		my $c = peer->open(port => $proxy->port('lb'));
		$c->send($header, chunk => $chunk);
		my $r = $c->command('tls', cert => pki->cert('ec'),
			key => pki->key('ec'));
		is($r->{status}, 'ok', "$what: TLS goes on behind it")
		    or diag(Sallyport::Peer::said($r));
		$c->send(mqtt_connect());
		my $b = $broker->accept;
		is(hex($b->packet), hex(mqtt_connect(
			username => 'device-001')), "$what: it is let in");
		$b->send(mqtt_connack());
		like($proxy->wait_log(qr/event=open /, from => $from),
			defined $peer ? qr/peer="?\Q$peer\E"? /
			: qr/peer=127\.0\.0\.1:/, "$what: the log knows who");
		$_->close for $b, $c;
	}
}
my @bad = (
	['no header', "\x16\x03\x01\x02\0\1\0\1\xfc\3\3", 'lb'],
	['HTTP', "GET / HTTP/1.1\r\n\r\n", 'lb'],
	['a bad port', "PROXY TCP4 1.2.3.4 1.2.3.4 99999 1\r\n", 'lb'],
	['a bad address', "PROXY TCP4 1.2.3 1.2.3.4 9 1\r\n", 'lb'],
	['a line without end', 'PROXY TCP4 ' . '1' x 200, 'lb'],
	['v2 that is too short', v2(1, 0x11, 'abc'), 'lb'],
	['v2 of another version', $v2 . "\x31\x11\0\0", 'lb'],
	['a balancer that is not trusted', $good[0][1], 'other'],
);
for (@bad) {
	my ($what, $bytes, $listener) = @$_;
	my $from = $proxy->mark;
	my $c = peer->open(port => $proxy->port($listener));

	isnt($c->try_send($bytes)->ended->{status}, 'timeout',
		"$what: closed");
	ok($proxy->wait_close('accept_proxy', from => $from),
		"$what: accept_proxy");
	$c->close;
}
for (['silence', ''], ['half a header', 'PROXY TC']) {
	my ($what, $bytes) = @$_;
	my $from = $proxy->mark;
	my $c = peer->open(port => $proxy->port('lb'));
	$c->send($bytes) if length $bytes;
	isnt($c->ended->{status}, 'timeout', "$what: closed");
	ok($proxy->wait_close('accept_timeout', from => $from),
		"$what: accept_timeout");
	$c->close;
}
ok(!$broker->pending, 'none of those reached the broker');
done_testing;
