#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# client_certificate = optional: no certificate is accepted, but a bad one is
# refused.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $broker = peer('broker')->listen;
my $proxy = sallyport(backend => { address => $broker->address },
	'listener strict' => {
		bind => '127.0.0.1:0', identity => 'strict',
	},
	'identity strict' => {
		username => '${cn}', without_certificate => 'refuse',
	},
	tls => { client_certificate => 'optional' });

# Sends a CONNECT; returns what the broker got.
sub admitted
{
	my ($listener, $packet, %arg) = @_;
	my $c = peer->tls(port => $proxy->port($listener), %arg);

	$c->send($packet);
	my $b = $broker->accept;
	my $seen = $b->packet;
	$_->close for $b, $c;
	return $seen;
}

# Sends a CONNECT; returns all that came back until the end.
sub refusal
{
	my ($listener, $packet, %arg) = @_;
	my $c = peer->tls(port => $proxy->port($listener), %arg);
	my $r = $c->try_send($packet)->ended;

	$c->close;
	return $r->{bytes};
}

my @both = (username => 'ada', password => 'secret');
for my $version (3, 4, 5) {
	my $mine = mqtt_connect(version => $version, @both);
	is(hex(admitted('tls', $mine)), hex($mine),
		"v$version: Username and password pass unchanged");
	for (
		['nothing', []],
		['a Username alone', [username => 'ada']],
		['an empty password', [username => 'a', password => '']],
		['an empty Username', [username => '', password => 'p']],
	) {
		my ($what, $fields) = @$_;
		my $from = $proxy->mark;
		my $answer = refusal('tls', mqtt_connect(
			version => $version, @$fields));
		is(hex($answer), $version == 5 ? '2003008600' : '20020004',
			"v$version: $what: refused");
		ok($proxy->wait_close('identity_no_credentials',
			from => $from), "v$version: $what: the reason");
	}
	my $from = $proxy->mark;
	is(hex(refusal('strict', $mine)), $version == 5 ? '2003008700' : '20020005',
		"v$version: without_certificate = refuse");
	ok($proxy->wait_close('identity_no_certificate', from => $from),
		"v$version: without_certificate = refuse: the reason");
}
is(hex(admitted('tls', mqtt_connect(@both), device => 'ec')),
	hex(mqtt_connect(username => 'device-001')),
	'with a certificate it rules');

for my $device (qw(expired untrusted)) {
	my $from = $proxy->mark;
	my $r = peer->refused(port => $proxy->port('tls'),
		device => $device);
	isnt($r->{alert}, undef, "$device: an alert");
	ok($proxy->wait_close("tls_$device", from => $from),
		"$device: refused, not treated as none");
}
ok(!$broker->pending, 'none of the refused reached the broker');
# A client that waits for the broker while certificates become required is
# refused.
{
	my $late = peer('broker')->listen;
	my %backend = (backend => { address => $late->address });
	my $door = sallyport(%backend,
		tls => { client_certificate => 'optional' });
	my $with = sub { peer->tls(port => $door->port('tls'), @_) };

	$late->close;
	my @c = ($with->(), $with->(device => 'ec'));
	my $from = $door->mark;
	$_->send(mqtt_connect(version => 5, @both)) for @c;
	$door->wait_log(qr/event=backend_down/, from => $from);
	$door->write_ini(%backend, tls => {});
	$from = $door->mark;
	$door->signal('HUP');
	$door->wait_log(qr/event=reload /, from => $from);
	$late = peer('broker')->listen(port => $late->{port});
	ok($door->wait_close('relay_untrusted', from => $from),
		'required meanwhile: relay_untrusted');
	is(hex($c[0]->ended->{bytes}), '2003008700',
		'required meanwhile: who waited without one is refused');
	my ($b, $packet) = $late->accept_packet;
	like($packet, qr/device-001/, 'and who has one is in');
	$_->close for @c, $b, $late;
}
done_testing;
