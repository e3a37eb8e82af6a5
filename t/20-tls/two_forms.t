#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# An ECDSA signature (r, s) is as valid as (r, n - s), so any person can write a
# second form of a certificate, with another SHA-256. Both are one certificate
# for the deny list, sessions by certificate, commands and templates.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Der;

my $pki = pki;
my $broker = peer('broker')->listen;

sub write_cert
{
	my ($name, $der, $like) = @_;

	write_file($pki->cert($name),
		Sallyport::Pki::der_to_pem('CERTIFICATE', $der));
	Sallyport::Pki::keep_key(Sallyport::Pki::write_all($pki->key($name),
		read_file($pki->key($like))));
}

sub start
{
	my %extra = @_;

	my $proxy = sallyport(backend => { address => $broker->address },
		%extra);
	my ($code, undef, $err) = sallyport_check('-c', $proxy->{ini});

	is("$code $err", '0 ', '-t takes the same');
	return $proxy;
}

# Connects; returns the Username that the broker receives, or undef.
sub name_of
{
	my ($proxy, $device) = @_;
	my $c = peer->try_tls(device => $device, max => '1.2',
		port => $proxy->port('tls'));
	my $name;

	if ($c->{tls}{status} eq 'ok') {
		$c->send(mqtt_connect(clientid => 'x'));
		my $b = $broker->accept;
		($name) = $b->packet =~ /MQTT.{4}\0\x01x..(.*)/s;
		$b->close;
	}
	$c->close;
	return $name;
}

$pki->make('p384-ca', subject => '/CN=P-384 CA', is_ca => 1, key => 'p384');
my %form; # device => [canonical form, other form]
for (['ec', 'client-ca'], ['one', 'client-ca'], ['two', 'client-ca'],
    ['big', 'p384-ca']) {
	my ($name, $ca) = @$_;

	$pki->make($name, subject => "/CN=$name", ca => $ca)
	    if $name ne 'ec';
	write_cert("$name-other", der_other_form($pki->der($name)), $name);
	$form{$name} = [$name, "$name-other"];
}
my $cas = join ', ', map { $pki->cert($_) } qw(client-ca p384-ca);

# openssl accepts both forms, and both give the same name.
for my $variable (qw(sha256 md5 crt pem tbs_sha256)) {
	my $proxy = start(tls => { client_ca => $cas },
		identity => { username => $variable });

	for my $device (sort keys %form) {
		my @names = map { name_of($proxy, $_) } @{ $form{$device} };
		ok(defined $names[0] && $names[0] eq ($names[1] // ''),
			"$variable of $device: one name for both forms");
		is($names[0], sha256_hex($pki->der($device)),
			'... which is of the form with the smaller s')
		    if $variable eq 'sha256';
		next if $variable ne 'tbs_sha256';
		is($names[0],
			sha256_hex((der_children($pki->der($device)))[0]),
			'... which is of the TBSCertificate');
	}
}
for my $device (sort keys %form) {
	for (@{ $form{$device} }) {
		my $said = qx(openssl verify -CAfile @{[ $pki->cert(
			$device eq 'big' ? 'p384-ca' : 'client-ca') ]} @{[
			$pki->cert($_) ]} 2>&1);
		like($said, qr/: OK$/, "openssl: $_ is valid");
	}
}

# A hash of any of the three denies both.
for my $device (sort keys %form) {
	my @hashes = ((map { sha256_hex($pki->der($_)) } @{ $form{$device} }),
		sha256_hex((der_children($pki->der($device)))[0]));

	for my $i (0 .. 2) {
		my $deny = tmp("deny-$device-$i.csv");
		write_file($deny, "as,who,reason,until\nsha256,$hashes[$i],,\n");
		my $proxy = start(tls => { client_ca => $cas },
			denylist => { file => $deny });
		for (@{ $form{$device} }) {
			my $from = $proxy->mark;
			my $c = peer->try_tls(device => $_, max => '1.2',
				port => $proxy->port('tls'));
			like($proxy->wait_close('tls_denied', from => $from),
				qr/sha256 $hashes[$i]/,
				"sha256 no. $i of $device denies $_");
			$c->close;
		}
	}
}

# Sessions by certificate.
{
	my $proxy = start(tls => { sessions_per_certificate => 1 });
	my $c = peer->tls(device => 'one', port => $proxy->port('tls'));
	$c->send(mqtt_connect(clientid => 'x'));
	my $b = $broker->accept;
	$b->packet;
	my $from = $proxy->mark;
	my $other = peer->tls(device => 'one-other',
		port => $proxy->port('tls'));
	$other->send(mqtt_connect(clientid => 'y'));
	like($proxy->wait_close('identity_sessions', from => $from),
		qr/cert_sha256=@{[ sha256_hex($pki->der('one-other')) ]}/,
		'sessions_per_certificate: the other form is the same one');
	$_->close for $other, $c, $b;
}

# A CA's own certificate is no client's, pinned device certificates are.
$pki->make('plain-ca', subject => '/CN=collector', is_ca => 1,
	ext => "basicConstraints = critical, CA:true\n");
$pki->make('pinned-v1', subject => '/CN=pinned-v1', ca => 'self', eku => undef);
$pki->make('pinned-v3', subject => '/CN=pinned-v3', ca => 'self',
	ext => "basicConstraints = CA:false\n");
$pki->make('below-ca', subject => '/CN=device', ca => 'plain-ca');
{
	my $proxy = start(tls => { client_ca => join ', ',
		map { $pki->cert($_) } qw(plain-ca pinned-v1 pinned-v3) });
	my $from = $proxy->mark;

	is(name_of($proxy, 'plain-ca'), undef, 'a CA as a client: refused');
	like($proxy->wait_close('tls_purpose', from => $from),
		qr/detail="it is a CA's certificate/, '... and named so');
	is(name_of($proxy, $_->[0]), $_->[1], "$_->[0] is in")
	    for ['below-ca', 'device'], ['pinned-v1', 'pinned-v1'],
	    ['pinned-v3', 'pinned-v3'];
}
done_testing;
