#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Resumption by ticket: it works, the identity is the same, and the certificate
# is judged as it is now.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $pki = pki;

my $broker = peer('broker')->listen;
my $proxy = sallyport(backend => { address => $broker->address },
	'listener off' => { bind => '127.0.0.1:0', tls => 'off' },
	'tls off' => {
		certificate => $pki->cert('server'),
		private_key => $pki->key('server'),
		client_ca => $pki->cert('client-ca'),
		session_tickets => 'off',
	});
my $port = $proxy->port('tls');

# Connects, gets a CONNACK, and returns the connection and the Username that
# the broker saw.
sub visit
{
	my (%arg) = @_;
	my $c = peer->tls(port => $port, %arg);

	$c->send(mqtt_connect(clientid => 'x'));
	my $b = $broker->accept;
	my $packet = $b->packet;
	$b->send(mqtt_connack());
	$c->packet;
	$b->close;
	return ($c, $packet);
}

my $dies = time + 6 * slow;
$pki->make('short', subject => '/CN=short-lived', end_at => $dies);
for my $version ('1.2', '1.3') {
	my ($c) = visit(device => 'short', max => $version);
	$c->ticket("short-$version")->close;
}
for my $version ('1.2', '1.3') {
	my ($c) = visit(device => 'ec', max => $version);
	is($c->{tls}{resumed}, 0, "TLS $version: first in full");
	$c->ticket("ec-$version")->close;
	# Without certificate and key: the session must know who this is.
	my ($again, $packet) = visit(max => $version,
		session => "ec-$version");
	is($again->{tls}{resumed}, 1, "TLS $version: then resumed");
	is(hex($packet), hex(mqtt_connect(clientid => 'x',
		username => 'device-001')),
		"TLS $version: the identity is the same");
	$again->close;
}

my $c = peer->tls(port => $proxy->port('off'), device => 'ec');
is($c->command('ticket', as => 'none', timeout => 200)->{status}, 'timeout',
	'session_tickets = off: no ticket is given');
$c->close;

# A ticket of another profile must not be accepted.
{
	my $r = peer->try_tls(port => $proxy->port('off'), device => 'ec',
		session => 'ec-1.3')->{tls};
	is($r->{resumed}, 0, 'session_tickets = off: none is taken');
}

wait_until('the certificate expires', sub { time > $dies });
for my $version ('1.2', '1.3') {
	my $from = $proxy->mark;
	my $r = peer->refused(port => $port, max => $version,
		session => "short-$version");

	isnt($r->{status}, 'timeout', "TLS $version: expired: closed");
	ok($proxy->wait_close('tls_expired', from => $from),
		"TLS $version: expired since: refused on resumption");
}

# The CA is trusted no longer.
$proxy->write_ini(backend => { address => $broker->address },
	tls => { client_ca => $pki->cert('other-ca') },
	'listener off' => { bind => '127.0.0.1:0' });
my $from = $proxy->mark;
$proxy->signal('HUP');
$proxy->wait_log(qr/event=reload/, from => $from);
for my $version ('1.2', '1.3') {
	$from = $proxy->mark;
	my $r = peer->refused(port => $port, max => $version,
		session => "ec-$version", device => 'ec');

	isnt($r->{status}, 'timeout', "TLS $version: CA gone: closed");
	ok($proxy->wait_close('tls_untrusted', from => $from),
		"TLS $version: CA gone: refused on resumption");
}
ok(!$broker->pending, 'none of the refused reached the broker');
done_testing;
