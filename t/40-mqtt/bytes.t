#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# However the bytes of a CONNECT are divided, and whatever follows them, the
# broker gets them once and in order; and they have to arrive before the
# deadline.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $broker = peer('broker')->listen;
my $proxy = sallyport(backend => { address => $broker->address },
	timeouts => { mqtt => '500ms' });
my $connect = mqtt_connect(clientid => 'b', username => 'me',
	password => 'pw', will => { topic => 't', payload => 'w' });
my $expected = mqtt_connect(clientid => 'b', username => 'device-001',
	will => { topic => 't', payload => 'w' });
my $behind = mqtt_subscribe(topic => 'a/b')
    . join '', map { mqtt_publish(payload => "$_ " . 'z' x $_) } 1 .. 100;

sub guest
{
	my ($transport) = @_;

	return peer->device($transport, device => 'ec',
		port => $proxy->port($transport));
}

for my $transport (qw(tls wss)) {
	for my $chunk (1, 2, 7, length $connect, 1000) {
		my $c = guest($transport);

		$c->send($connect, chunk => $chunk);
		$c->send($behind);
		my $b = $broker->accept;
		is(hex($b->recv(length $expected)), hex($expected),
			"$transport: CONNECT in chunks of $chunk");
		ok($b->recv(length $behind) eq $behind,
			"$transport: what came behind, in order");
		$b->send(mqtt_connack());
		is(hex($c->packet), hex(mqtt_connack()),
			"$transport: and the CONNACK");
		$_->close for $b, $c;
	}
	# All in one record, and the end of it with it.
	my $c = guest($transport);
	$c->send($connect . $behind . mqtt_disconnect);
	$c->eof;
	my $b = $broker->accept;
	is(hex($b->ended->{bytes}),
		hex($expected . $behind . mqtt_disconnect),
		"$transport: CONNECT, data and half-close in one");
	$_->close for $b, $c;

	# Deadlines are absolute.
	for (['silence', ''], ['half a CONNECT', substr $connect, 0, 9]) {
		my ($what, $bytes) = @$_;
		my $from = $proxy->mark;

		$c = guest($transport);
		$c->send($bytes) if length $bytes;
		is($c->ended->{status}, 'eof', "$transport: $what: closed");
		ok($proxy->wait_close('mqtt_timeout', from => $from),
			"$transport: $what: mqtt_timeout");
		$c->close;
	}
	my $from = $proxy->mark;
	my $sent = 0;
	$c = guest($transport);
	# A byte in 50 ms, ten in the time there is; a slow machine sends fewer.
	for my $byte (split //, $connect) {
		$c->try_send($byte);
		$sent++;
		my $r = $c->command('recv', n => 1, timeout => 50);
		last if $r->{status} ne 'timeout';
	}
	cmp_ok($sent, '<', length $connect,
		"$transport: a byte now and then: ended");
	ok($proxy->wait_close('mqtt_timeout', from => $from),
		"$transport: a byte now and then: mqtt_timeout");
	$c->close;

	$from = $proxy->mark;
	guest($transport)->send(substr $connect, 0, 9)->close;
	ok($proxy->wait_close('mqtt_closed', from => $from),
		"$transport: left before the CONNECT: mqtt_closed");
}
ok(!$broker->pending, 'nothing else reached the broker');
done_testing;
