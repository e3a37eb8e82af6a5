#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Which certificates are accepted, and which alert and reason the other clients
# get.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $broker = peer('broker')->listen;
my $proxy = sallyport(backend => { address => $broker->address });
my $port = $proxy->port('tls');
my %name = (ec => 'device-001', rsa => 'device-002', bare => 'device-003',
	inter => 'device-004');

for my $version ('1.2', '1.3') {
	for my $device (sort keys %name) {
		my $c = peer->tls(port => $port, device => $device,
			max => $version, min => $version);
		$c->send(mqtt_connect(clientid => 'x'));
		my $b = $broker->accept;
		is(hex($b->packet), hex(mqtt_connect(clientid => 'x',
			username => $name{$device})),
			"$version: $device is let in as $name{$device}");
		$c->close;
		is($b->ended->{status}, 'eof', "$version: $device leaves");
		$b->close;
	}
}

# device, alerts (TLS 1.2, TLS 1.3), close reason
my @bad = (
	['expired', [45], 'tls_expired'],
	['future', [42, 45, 46], 'tls_not_yet_valid'],
	['purpose', [42, 43, 46], 'tls_purpose'],
	['untrusted', [48], 'tls_untrusted'],
	['false', [48, 42, 51], 'tls_(untrusted|bad_certificate)'],
	['self', [48], 'tls_untrusted'],
	['inter-alone', [48], 'tls_untrusted'],
	['broken', [42, 48, 51], 'tls_bad_certificate'],
	['sha1', [42], 'tls_bad_certificate'],
	['short', [42], 'tls_bad_certificate'],
	[undef, [40, 116], 'tls_no_certificate'],
);

for my $version ('1.2', '1.3') {
	for (@bad) {
		my ($device, $alerts, $reason) = @$_;
		my $what = "$version: " . ($device // 'no certificate');
		my $from = $proxy->mark;
		my $r = peer->refused(port => $port, device => $device,
			max => $version, min => $version);

		ok(scalar(grep { $_ == ($r->{alert} // -1) } @$alerts),
			"$what: alert @$alerts")
		    or diag(Sallyport::Peer::said($r));
		like($proxy->wait_close($reason, from => $from),
			qr/stage=tls .*peer=127\.0\.0\.1:/,
			"$what: $reason");
	}
}
like($proxy->text, qr/detail="it is signed with SHA-1 .*CN=device-009/,
	'the log says what is weak about a signature');
like($proxy->text, qr/detail="it has an RSA key of less .*CN=device-010/,
	'and about a key');
ok(!$broker->pending, 'none of those reached the broker');
is(peer->refused(port => $port)->{alert}, 116,
	'TLS 1.3 has an alert of its own for no certificate');

# A weak CA is not even loaded.
pki->make('weak-ca', subject => '/CN=Weak CA', is_ca => 1, key => 'short');
$proxy->write_ini(tls => { client_ca => pki->cert('weak-ca') });
my ($code, undef, $said) = sallyport_check('-c', $proxy->{ini});
is($code, 78, 'a CA with a short key is refused');
like($said, qr/client_ca: .*weak-ca.crt: line 1: certificate 1 \(.*Weak CA\): it has an RSA key of less/,
	'and the complaint says why');
done_testing;
