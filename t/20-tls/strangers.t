#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Bytes that are not TLS, half handshakes and broken records end, with a
# reason and without disturbing a session.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Time::HiRes qw(time);

my $broker = peer('broker')->listen;
my $proxy = sallyport(backend => { address => $broker->address },
	timeouts => { tls => '500ms' });
my $port = $proxy->port('tls');

# A client that is connected, and must not notice any of this.
my $guest = peer('guest')->tls(port => $port, device => 'ec');
$guest->send(mqtt_connect(clientid => 'guest'));
my $session = $broker->accept;
$session->packet;
$session->send(mqtt_connack());
is(hex($guest->packet), hex(mqtt_connack()), 'a guest is in');

my @strangers = (
	['HTTP', "GET / HTTP/1.1\r\nHost: x\r\n\r\n"],
	['MQTT without TLS', mqtt_connect(clientid => 'x')],
	['SSH', "SSH-2.0-OpenSSH_9.2\r\n"],
	['zeroes', "\0" x 100],
	['noise', join '', map { chr($_ * 37 % 256) } 1 .. 600],
);
for (@strangers) {
	my ($what, $bytes) = @$_;
	my $from = $proxy->mark;
	my $c = peer->open(port => $port)->try_send($bytes);

	isnt($c->ended->{status}, 'timeout', "$what: closed");
	ok($proxy->wait_close('tls_not_tls', from => $from),
		"$what: tls_not_tls");
	$c->close;
}

# Garbage that starts like TLS.
my $hello = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
for (
	['a broken ClientHello', "\x16\x03\x01\x00\x05\x01\x00\x00\x01\xff",
		'tls_handshake'],
	['an over-long record', "\x16\x03\x01\xff\xff" . 'x' x 70000,
		'tls_(handshake|not_tls)'],
	['data before a handshake', "\x17\x03\x03\x00\x05hello",
		'tls_(handshake|not_tls)'],
) {
	my ($what, $bytes, $reason) = @$_;
	my $from = $proxy->mark;
	my $c = peer->open(port => $port)->try_send($bytes);

	isnt($c->ended->{status}, 'timeout', "$what: closed");
	ok($proxy->wait_close($reason, from => $from), "$what: $reason");
	$c->close;
}

# Deadlines are absolute: neither silence nor a byte now and then helps.
for (['silence', ''], ['half a ClientHello', $hello]) {
	my ($what, $bytes) = @$_;
	my $from = $proxy->mark;
	my $began = time;
	my $c = peer->open(port => $port);

	$c->send($bytes) if length $bytes;
	is($c->ended->{status}, 'eof', "$what: closed");
	cmp_ok(time - $began, '<', 3 * slow, "$what: by the deadline");
	ok($proxy->wait_close('tls_timeout', from => $from),
		"$what: tls_timeout");
	$c->close;
}
{
	my $from = $proxy->mark;
	my $sent = 0;
	my $c = peer->open(port => $port);

	# A byte in 50 ms, ten in the time there is; a slow machine sends fewer.
	for my $byte (split //, $hello x 5) {
		$c->try_send($byte);
		$sent++;
		my $r = $c->command('recv', n => 1, timeout => 50);
		last if $r->{status} ne 'timeout';
	}
	cmp_ok($sent, '<', 30, 'a byte now and then: ended');
	ok($proxy->wait_close('tls_timeout', from => $from),
		'a byte now and then: tls_timeout');
	$c->close;
}

# Leaving in the middle.
{
	my $from = $proxy->mark;

	peer->open(port => $port)->send($hello)->close;
	ok($proxy->wait_close('tls_closed', from => $from),
		'left within its ClientHello: tls_closed');
	$from = $proxy->mark;
	peer->open(port => $port)->close;
	like($proxy->wait_close('tls_check', from => $from),
		qr/level=debug/, 'left without a byte: tls_check');
}
# A client that does not trust the server says so.
{
	my $from = $proxy->mark;
	my $c = peer->try_tls(port => $port, device => 'ec',
		ca => pki->cert('other-ca'));

	is($c->{tls}{status}, 'error', 'the client refuses our certificate');
	ok($proxy->wait_close('tls_alert', from => $from), 'tls_alert');
	$c->close;
}
# OpenSSL's clients send that alert unencrypted, which TLS 1.3 does not allow.
SKIP: {
	my $from = $proxy->mark;
	my ($openssl) = grep { -x } map { "$_/openssl" } split /:/, $ENV{PATH};

	skip 'openssl is not installed', 1 unless $openssl;
	Sallyport::Proc::run(10 * slow, $openssl, 's_client', '-tls1_3',
		'-verify_return_error', '-connect', "127.0.0.1:$port",
		'-CAfile', pki->cert('other-ca'));
	ok($proxy->wait_close('tls_alert', from => $from),
		'an alert in the clear: tls_alert');
}
# A record that fails its MAC, after the CONNECT.
{
	my $from = $proxy->mark;
	my $c = peer->tls(port => $port, device => 'ec', max => '1.2');

	$c->send(mqtt_connect(clientid => 'mac'));
	my $b = $broker->accept;
	$b->packet;
	$c->send("\x17\x03\x03\x00\x20" . 'x' x 32, tcp => 1);
	isnt($c->ended->{status}, 'timeout', 'a forged record: closed');
	is($b->ended->{bytes}, '', 'a forged record: nothing of it passed');
	ok($proxy->wait_close('relay_client_error', from => $from),
		'a forged record: relay_client_error');
	$_->close for $b, $c;
}

ok(!$broker->pending, 'none of those reached the broker');
$session->send(mqtt_publish(payload => 'still here'));
is(hex($guest->packet), hex(mqtt_publish(payload => 'still here')),
	'the guest is still served');
done_testing;
