#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Broken CONNECTs: the client gets the right answer and the broker nothing at
# all; and `explain' refuses them for the same reason.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $broker = peer('broker')->listen;
my $proxy = sallyport(backend => { address => $broker->address },
	mqtt => { max_connect_size => '4k' });

my $long = 'x' x 5000;
my %will = (topic => 'w', payload => 'gone');

sub connect_with
{
	return mqtt_connect(clientid => 'x', @_);
}

# A CONNECT of version 5 whose properties are these bytes.
sub with_properties
{
	return connect_with(version => 5, properties => $_[0]);
}

# Takes bytes off the end, with the length made right or left wrong.
sub cut
{
	my ($packet, $n) = @_;

	return mqtt_packet(0x10, substr $packet, 2, length($packet) - 2 - $n);
}

# name, answer (a pattern over hex), reason, packet
my $none = '';
my $v5 = '200300(81|82)00';
my @bad = (
	['not a CONNECT: PUBLISH', $none, 'mqtt_not_connect',
		mqtt_publish(payload => 'x')],
	['not a CONNECT: PINGREQ', $none, 'mqtt_not_connect', mqtt_pingreq],
	['not a CONNECT: CONNACK', $none, 'mqtt_not_connect', mqtt_connack()],
	['packet type 0', $none, 'mqtt_not_connect', "\0\0"],
	['HTTP', $none, 'mqtt_not_connect', "GET / HTTP/1.1\r\n\r\n"],
	['header flags', $none, 'mqtt_malformed', connect_with(first => 0x11)],
	['a fifth length byte', $none, 'mqtt_(malformed|too_large)',
		"\x10\xff\xff\xff\xff\x01"],
	['too large for us', $none, 'mqtt_too_large',
		connect_with(username => $long)],
	['too large for us, v5', '2003009500', 'mqtt_too_large',
		connect_with(version => 5, username => $long)],
	['an empty CONNECT', $none, 'mqtt_malformed', "\x10\0"],
	['another protocol', $none, 'mqtt_(malformed|protocol|version)',
		connect_with(name => 'AMQP')],
	['the name in small letters', $none,
		'mqtt_(malformed|protocol|version)', connect_with(name => 'mqtt')],
	['level 0', '20020001', 'mqtt_version', connect_with(level => 0)],
	['level 2', '20020001', 'mqtt_version', connect_with(level => 2)],
	['level 6', '(20020001|2003008400)', 'mqtt_version',
		connect_with(level => 6)],
	['level 3 of MQTT', '(20020001)?',
		'mqtt_(malformed|protocol|version)', connect_with(level => 3)],
	['level 4 of MQIsdp', '(20020001)?',
		'mqtt_(malformed|protocol|version)',
		connect_with(name => 'MQIsdp')],
	['an empty ClientID that is to be kept', '20020002', 'mqtt_clientid',
		connect_with(clientid => '', clean => 0)],
	['an empty ClientID that is to be kept, 3.1', '20020002',
		'mqtt_(clientid|malformed)',
		connect_with(version => 3, clientid => '', clean => 0)],
);
for my $version (4, 5) {
	my $answer = $version == 5 ? $v5 : $none;
	my $good = connect_with(version => $version, will => \%will,
		username => 'u', password => 'p');
	my @v = (version => $version);

	push @bad, map { ["v$version: $_->[0]", $answer,
		'mqtt_(malformed|protocol)', $_->[1]] } (
		['the reserved flag', connect_with(@v, flags => 3)],
		['will QoS 3',
			connect_with(@v, will => { %will, qos => 3 })],
		['will QoS without will', connect_with(@v, flags => 0x0a)],
		['will retain without will', connect_with(@v, flags => 0x22)],
		['bytes behind it', connect_with(@v, tail => 'x')],
		['NUL in the ClientID', connect_with(@v, clientid => "a\0b")],
		['a surrogate in the ClientID',
			connect_with(@v, clientid => "\xed\xa0\x80")],
		['an over-long code in the Username',
			connect_with(@v, username => "\xc0\xaf")],
		['half a character in the Username',
			connect_with(@v, username => "a\xc3")],
		['NUL in the will topic',
			connect_with(@v, will => { %will, topic => "\0" })],
		['a Username flagged but not there',
			connect_with(@v, flags => 0x82)],
		map { ["$_ bytes missing at its end", cut($good, $_)] }
		    1, 2, 3, 4, 7, 12,
	);
}
push @bad, ['password without Username', $none, 'mqtt_(malformed|protocol)',
	connect_with(password => 'p')];
push @bad, map { ["v5: $_->[0]", $v5, 'mqtt_(malformed|protocol)',
	with_properties($_->[1])] } (
	['an unknown property', "\x7f\0"],
	['a property of another packet', "\x01\0"],
	['session expiry twice', "\x11\0\0\0\1" x 2],
	['receive maximum twice', "\x21\0\1" x 2],
	['receive maximum 0', "\x21\0\0"],
	['maximum packet size 0', "\x27\0\0\0\0"],
	['request problem information 2', "\x17\2"],
	['authentication data without method', "\x16\0\1x"],
	['authentication method twice', "\x15\0\1x" x 2],
	['half a property', "\x11\0\0"],
	['a user property without value', "\x26\0\1k"],
	['a user property that is no text', "\x26\0\1k\0\1\xff"],
	['a subscription identifier', "\x0b\1"],
);
push @bad, ['v5: property length beyond the packet', $v5,
	'mqtt_(malformed|protocol)',
	mqtt_packet(0x10, mqtt_string('MQTT') . "\5\2\0\x3c\x7f")];
push @bad, ['v5: an unknown will property', $v5, 'mqtt_(malformed|protocol)',
	connect_with(version => 5, will => { %will, properties => "\x11\0\0\0\1" })];
push @bad, ['v5: will delay twice', $v5, 'mqtt_(malformed|protocol)',
	connect_with(version => 5,
		will => { %will, properties => "\x18\0\0\0\1" x 2 })];

my $i = 0;
for (@bad) {
	my ($what, $answer, $reason, $packet) = @$_;
	my $from = $proxy->mark;
	my $transport = $i++ % 2 ? 'wss' : 'tls';
	my $c = peer->device($transport, device => 'ec',
		port => $proxy->port($transport));
	my $r = $c->try_send($packet)->ended;

	isnt($r->{status}, 'timeout', "$what: closed");
	like(hex($r->{bytes}), qr/^$answer$/, "$what: the answer");
	ok($proxy->wait_close($reason, from => $from), "$what: $reason")
	    or diag($proxy->text);
	like(explained($proxy, $transport, 'ec', $packet),
		qr/^refused (?:$reason|mqtt_closed)$/, "$what: explain");
	$c->close;
}
ok(!$broker->pending, 'nothing of all that reached the broker');
done_testing;
