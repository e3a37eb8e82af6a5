#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# IPv4, IPv6, several addresses and several listeners with their profiles.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $pki = pki;
my $broker = peer('broker')->listen;
my $other = peer('broker')->listen;
my $six = IO::Socket::IP->new(LocalHost => '::1', Listen => 1);
my $proxy = sallyport(
	backend => { address => $broker->address },
	'backend other' => { address => $other->address },
	'identity plain' => { username => 'none' },
	'listener both' => {
		bind => '127.0.0.1:0, 127.0.0.2:0'
		    . ($six ? ', [::1]:0' : ''),
	},
	'listener other' => {
		bind => '127.0.0.1:0', backend => 'other',
		identity => 'plain',
	});

sub reaches
{
	my ($backend, $username, %arg) = @_;
	my $c = peer->tls(device => 'ec', %arg);

	$c->send(mqtt_connect());
	my $b = $backend->accept;
	my $seen = $b->packet;
	$_->close for $b, $c;
	return $seen eq mqtt_connect(username => $username);
}

my @ports = $proxy->ports('both');
is(scalar @ports, $six ? 3 : 2, 'each address has its line in ports_file');
ok(reaches($broker, 'device-001', port => $ports[0]), 'IPv4');
ok(reaches($broker, 'device-001', port => $ports[1], host => '127.0.0.2'),
	'IPv4, the second address');
SKIP: {
	skip 'no IPv6 here', 1 unless $six;
	ok(reaches($broker, 'device-001', port => $ports[2], host => '::1'),
		'IPv6');
}
ok(reaches($other, undef, port => $proxy->port('other')),
	'a listener with its own backend and identity');
ok(reaches($broker, 'device-001', port => $proxy->port('tls')),
	'the others are not touched by that');
for my $port (@ports, $proxy->port('wss')) {
	like($proxy->text, qr/\blisten.*:$port\b/,
		'the log tells the port too');
}

# Every worker takes connections: with two, forty do not all go to one.
my @guests = map { peer->tls(port => $proxy->port('tls'), device => 'ec') }
    1 .. 40;
ok(scalar(@guests) == 40, 'forty at once');
$_->close for @guests;
done_testing;
