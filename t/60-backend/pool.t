#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Several brokers: failover, round robin, by ClientID; and the PROXY header
# that tells them who the client is.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my @brokers = map { peer('broker')->listen } 1 .. 3;
my $gone = peer('broker')->listen;
my $gone_address = $gone->address;
$gone->close;
my $all = join ', ', map { $_->address } @brokers;

my %backend = (
	failover => { address => "$gone_address, $all" },
	roundrobin => { address => $all, balance => 'roundrobin' },
	clientid => { address => $all, balance => 'clientid' },
	v1 => { address => $brokers[0]->address, proxy_protocol => 'v1' },
	v2 => { address => $brokers[0]->address, proxy_protocol => 'v2' },
);
my $proxy = sallyport(
	daemon => { workers => 1 },
	tls => { client_certificate => 'optional' },
	backend => { address => $all },
	'identity none' => { username => 'none' },
	'listener none' => { bind => '127.0.0.1:0', backend => 'v2',
		identity => 'none' },
	map {
		("backend $_" => $backend{$_},
		"listener $_" => { bind => '127.0.0.1:0', backend => $_ })
	} keys %backend);

# Connects; returns the client, the broker's end, and which broker it is.
sub visit
{
	my ($listener, %c) = @_;
	my $device = delete $c{device} // 'ec';
	my $c = peer->tls(device => $device eq 'none' ? undef : $device,
		port => $proxy->port($listener));
	my $at;

	$c->send(mqtt_connect(%c));
	wait_until('a broker is dialled', sub {
		($at) = grep { $brokers[$_]->pending } 0 .. 2;
		defined $at;
	});
	return ($c, $brokers[$at]->accept, $at);
}

my @at;
for (1 .. 3) {
	my ($c, $b, $at) = visit('failover');
	push @at, $at;
	$_->close for $c, $b;
}
is("@at", '0 0 0', 'failover: the first that answers');
@at = ();
for (1 .. 6) {
	my ($c, $b, $at) = visit('roundrobin');
	push @at, $at;
	$_->close for $c, $b;
}
is(join(' ', sort @at), '0 0 1 1 2 2', 'roundrobin: each in turn');
my %seen;
for my $id (1 .. 12) {
	@at = ();
	for (1 .. 2) {
		my ($c, $b, $at) = visit('clientid', clientid => "id$id");
		push @at, $at;
		$_->close for $c, $b;
	}
	is($at[0], $at[1], "clientid: id$id stays with its broker");
	$seen{ $at[0] } = 1;
}
cmp_ok(scalar(keys %seen), '>', 1, 'clientid: not all at one');

# PROXY v1: a line, then the CONNECT.
{
	my ($c, $b) = visit('v1');
	my $port = $proxy->port('v1');
	my $line = '';
	$line .= $b->recv(1) until $line =~ /\n/;
	like($line, qr/^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ $port\r\n$/,
		'v1: the header');
	is(hex($b->packet), hex(mqtt_connect(username => 'device-001')),
		'v1: the CONNECT behind it');
	$_->close for $c, $b;
}
# PROXY v2: the SSL TLV with the CN, for a verified certificate only.
for my $device (qw(ec none)) {
	my @who = $device eq 'none' ? (username => 'u', password => 'p') : ();
	my ($c, $b) = visit('v2', device => $device, @who);
	my $head = $b->recv(16);
	is(hex(substr $head, 0, 14), '0d0a0d0a000d0a515549540a2111',
		"v2, $device: signature, PROXY, TCP4");
	my $body = $b->recv(unpack 'n', substr $head, 14);
	my $cn = "\x22" . mqtt_string('device-001');
	if ($device eq 'ec') {
		ok(index($body, $cn) > 0, 'v2: the CN');
		like($body, qr/\x21\0\x07TLSv1\.[23]/, 'v2: the TLS version');
	} else {
		ok(index($body, 'device') < 0, 'v2, no certificate: no CN');
	}
	is(ord $b->recv(1), 0x10, "v2, $device: the CONNECT behind it");
	$_->close for $c, $b;
}
# A broker that names devices by it would otherwise use the name that they
# claim.
{
	my $c = peer->tls(device => 'two-cn', port => $proxy->port('none'));

	$c->send(mqtt_connect(username => 'one'));
	is(hex($c->ended->{bytes}), hex(mqtt_connack(code => 4)),
		'v2: a CN in doubt is refused');
	$proxy->wait_log(qr/identity_encoding .*not one short/);
}
done_testing;
