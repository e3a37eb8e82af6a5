#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# MQTT 5's enhanced authentication is a second way to log in at the broker. By
# default it is not passed on for a client with a certificate.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $broker = peer('broker')->listen;
my $proxy = sallyport(backend => { address => $broker->address });
my $method = "\x15" . mqtt_string('SCRAM-SHA-256');
my $data = "\x16" . mqtt_string('n,,n=admin,r=x');
my %will = (topic => 'w', payload => 'gone');

# An AUTH packet that continues the authentication.
sub auth
{
	my $properties = $method . "\x16" . mqtt_string('p=proof');

	return "\xf0" . chr(2 + length $properties) . "\x18"
	    . chr(length $properties) . $properties;
}

# A v5 client whose CONNECT the broker has accepted; and what the broker got.
sub session
{
	my ($properties) = @_;
	my $c = peer->tls(device => 'ec', port => $proxy->port('tls'));

	$c->send(mqtt_connect(version => 5, properties => $properties,
		will => { %will, properties => '' }));
	my $b = $broker->accept;
	my $got = $b->packet;
	$b->send(mqtt_connack(version => 5, properties => ''));
	$c->packet;
	return ($c, $b, $got);
}

sub rewritten
{
	return hex(mqtt_connect(version => 5, properties => $_[0],
		username => 'device-001',
		will => { %will, properties => '' }));
}

my $expiry = "\x11\0\0\0\5";
for (['method and data', $expiry . $method . $data, $expiry],
	['data first', $data . $method . $expiry, $expiry],
	['a method alone', $method, ''],
	['none', $expiry, $expiry],
) {
	my ($what, $sent, $left) = @$_;
	my ($c, $b, $got) = session($sent);

	is(hex($got), rewritten($left), "$what: the broker gets none");
	$_->close for $c, $b;
}

for my $properties ($method . $data, '') {
	my ($c, $b) = session($properties);
	my $from = $proxy->mark;

	$c->try_send(mqtt_pingreq . auth());
	is(hex($b->ended->{bytes}), hex(mqtt_pingreq . "\xe0\x02\x04\0"),
		'AUTH: the broker gets what came before, and a DISCONNECT that '
		. 'lets the Will be published');
	is(hex($c->ended->{bytes}), 'e0028c00', 'AUTH: the client is told');
	ok($proxy->wait_close('relay_auth', from => $from),
		'AUTH: the reason');
	$_->close for $c, $b;
}

$proxy->stop;
$proxy = sallyport(backend => { address => $broker->address },
	identity => { authentication => 'keep' });
{
	my ($c, $b, $got) = session($method . $data);

	is(hex($got), rewritten($method . $data),
		'keep: the broker gets both');
	$c->send(auth());
	is(hex($b->packet), hex(auth()), 'keep: and AUTH');
	$_->close for $c, $b;
}
done_testing;
