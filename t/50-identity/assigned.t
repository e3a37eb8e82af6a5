#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# A v5 client that sent no ClientID is told once which one it was given: in the
# CONNACK that accepts it, and in no other packet.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $broker = peer('broker')->listen;
my %id = (username => 'none', clientid => 'cn');
my $proxy = sallyport(backend => { address => $broker->address },
	'listener off' => { bind => '127.0.0.1:0', identity => 'off' },
	identity => \%id,
	'identity off' => { %id, assigned_clientid => 'off' });

my $given = "\x12" . mqtt_string('device-001');

# What the client gets for what the broker answers.
sub hears
{
	my ($transport, $listener, $connect, @answers) = @_;
	my $c = peer->device($transport, device => 'ec',
		port => $proxy->port($listener));

	$c->send(mqtt_connect(version => 5, clientid => '', %$connect));
	my $b = $broker->accept;
	$b->packet;
	$b->send(join '', @answers);
	$b->eof;
	my $bytes = $c->ended->{bytes};
	$_->close for $b, $c;
	return hex($bytes);
}

for my $transport (qw(tls wss)) {
	my %ack = (properties => '');
	is(hears($transport, $transport, {}, mqtt_connack(%ack)),
		hex(mqtt_connack(properties => $given)),
		"$transport: it is told");
	is(hears($transport, $transport, {},
		mqtt_connack(properties => "\x21\0\x0a\x13\0\x3c")),
		hex(mqtt_connack(properties => "\x21\0\x0a\x13\0\x3c$given")),
		"$transport: behind the broker's own properties");
	is(hears($transport, $transport, {},
		mqtt_connack(session => 1, properties => ''),
		mqtt_publish(properties => '', payload => 'x' x 1000)),
		hex(mqtt_connack(session => 1, properties => $given)
			. mqtt_publish(properties => '',
				payload => 'x' x 1000)),
		"$transport: what comes behind the CONNACK follows");
	is(hears($transport, $transport, {},
		mqtt_connack(code => 0x87, properties => '')),
		hex(mqtt_connack(code => 0x87, properties => '')),
		"$transport: a refusal is left alone");
	is(hears($transport, $transport, { clientid => 'mine' },
		mqtt_connack(%ack)), hex(mqtt_connack(%ack)),
		"$transport: who had a ClientID is not told");
	is(hears($transport, $transport, {},
		mqtt_connack(properties => $given)),
		hex(mqtt_connack(properties => $given)),
		"$transport: never twice");
	my $auth = mqtt_packet(0xf0, "\x18\x06\x15" . mqtt_string('abc'));
	is(hears($transport, $transport,
		{ properties => "\x15" . mqtt_string('abc') },
		$auth, mqtt_connack(properties => "\x15" . mqtt_string('abc'))),
		hex($auth . mqtt_connack(properties => "\x15"
			. mqtt_string('abc') . $given)),
		"$transport: after an AUTH exchange");
	is(hears($transport, $transport, { version => 4 }, mqtt_connack()),
		hex(mqtt_connack()), "$transport: v3.1.1 has no word for it");
}
is(hears('tls', 'off', {}, mqtt_connack(properties => '')),
	hex(mqtt_connack(properties => '')), 'assigned_clientid = off');

# The ClientID would exceed the client's Maximum Packet Size: the client is
# refused instead of not being told, and before the broker learns of it where
# that is known by then.
for my $transport (qw(tls wss)) {
	my $what = "$transport: a client whose Maximum Packet Size is";
	my $c = peer->device($transport, device => 'ec',
		port => $proxy->port($transport));
	my $from = $proxy->mark;
	$c->send(mqtt_connect(version => 5, clientid => '',
		properties => "\x27\0\0\0\x11"));
	is(hex($c->ended->{bytes}), '2003008500', "$what too small is told");
	like($proxy->wait_close('identity_clientid', from => $from),
		qr/Maximum Packet Size/, "$what too small: the log says why");
	ok(!$broker->pending, "$what too small: the broker is not dialled");
	$c->close;

	$c = peer->device($transport, device => 'ec',
		port => $proxy->port($transport));
	$from = $proxy->mark;
	$c->send(mqtt_connect(version => 5, clientid => '',
		properties => "\x27\0\0\0\x12", will => { topic => 't',
			payload => 'gone' }));
	my $b = $broker->accept;
	$b->packet;
	$b->send(mqtt_connack(properties => "\x13\0\x3c"));
	is(hex($c->ended->{bytes}), '2003008500',
		"$what too small for this broker's CONNACK is told");
	is(hex($b->ended->{bytes}), 'e000',
		"$what too small for it: no Will is published");
	ok($proxy->wait_close('identity_clientid', from => $from),
		"$what too small for it: the reason");
	$_->close for $b, $c;
	is(hears($transport, $transport, { properties => "\x27\0\0\0\x12" },
		mqtt_connack(properties => '')),
		hex(mqtt_connack(properties => $given)),
		"$what just large enough");
}
done_testing;
