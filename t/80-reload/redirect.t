#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# A drain tells MQTT 5 clients which server to use, if their listener names one
# and the packet is not too long for them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $broker = peer('broker')->listen;
my %listener = (bind => '127.0.0.1:0');
my $proxy = sallyport(backend => { address => $broker->address },
	daemon => { drain_timeout => '1s' },
	'listener tls' => { %listener,
		server_reference => 'b.example:8883 [2001:db8::1]:8883' },
	'listener wss' => { %listener, transport => 'websocket',
		server_reference => 'c.example:443', server_moved => 'on' },
	'listener plain' => \%listener);

sub dial
{
	my ($listener, %c) = @_;
	my $transport = $listener eq 'wss' ? 'wss' : 'tls';
	my $c = peer->device($transport, device => 'ec',
		port => $proxy->port($listener));

	$c->send(mqtt_connect(version => 5, %c));
	my $b = $broker->accept;
	$b->packet;
	return ($c, $b);
}

sub session
{
	my ($listener, %c) = @_;
	my ($c, $b) = dial($listener, %c);

	$b->send(mqtt_connack(
		($c{version} || 5) == 5 ? (properties => '') : ()));
	$c->packet;
	return ($c, $b);
}

# MQTT 5: property 0x27, Maximum Packet Size; 0x1c, Server Reference.
sub most
{
	return (properties => pack 'CN', 0x27, $_[0]);
}

sub redirect
{
	my ($code, $reference) = @_;

	return mqtt_packet(0xe0, pack 'CC/a*', $code,
		pack 'Cn/a*', 0x1c, $reference);
}

my $place = 'b.example:8883 [2001:db8::1]:8883';
my $size = length redirect(0x9c, $place);
my @expected = (
	['use another server', redirect(0x9c, $place), 'tls'],
	['server moved, over wss', redirect(0x9d, 'c.example:443'), 'wss'],
	['a packet just short enough', redirect(0x9c, $place), 'tls',
		most($size)],
	['a byte too long: without the place', "\xe0\x02\x8b\x00", 'tls',
		most($size - 1)],
	['far too long: without a word', '', 'tls', most(3)],
	['no place is known', "\xe0\x02\x8b\x00", 'plain'],
	['MQTT 3.1.1', '', 'tls', version => 4],
);
my @sessions = map { [session(@$_[2 .. $#$_])] } @expected;
# The broker has not answered this one yet.
my ($new, $nb) = dial('tls');

$proxy->signal('TERM');
for my $i (0 .. $#expected) {
	my ($c, $b) = @{ $sessions[$i] };

	is(hex($c->ended->{bytes}), hex($expected[$i][1]), $expected[$i][0]);
	is(hex($b->ended->{bytes}), 'e000', 'its broker: DISCONNECT');
	$_->close for $c, $b;
}
my $connack = mqtt_packet(0x20, pack 'CCC/a*', 0, 0x9c,
	pack 'Cn/a*', 0x1c, $place);
is(hex($new->ended->{bytes}), hex($connack), 'the CONNACK says it too');
$_->close for $new, $nb;
is($proxy->wait_exit(5), 0, 'exit 0');
done_testing;
