#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Which way leads from a device's certificate to client_ca: a table of shapes of
# certificates, each asked of `explain' under both orders of client_ca and of
# what the device sends, and of openssl. Where openssl's answer differs, the row
# says why. Some are then asked of a daemon, at start and after a reload.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $pki = pki;
my $broker = peer('broker')->listen;
my $CA = "basicConstraints = critical, CA:true\n";
my $LEAF = "basicConstraints = CA:false\nextendedKeyUsage = clientAuth\n";
my $KEYID = "subjectKeyIdentifier = hash\n";
my $NOID = "subjectKeyIdentifier = none\nauthorityKeyIdentifier = none\n";
my $AKI = "authorityKeyIdentifier = keyid:always\n";
my $AKI_SERIAL = "authorityKeyIdentifier = keyid, issuer:always\n";

sub ca { my ($n, $s, %f) = @_; $pki->make($n, subject => $s, is_ca => 1, %f) }
sub leaf { my ($n, $by, %f) = @_;
	$pki->make($n, subject => "/CN=$n", ca => $by, %f) }

# Two CAs of one name, without key identifiers and with.
for (['r', $CA . $NOID], ['k', $CA . $KEYID]) {
	my ($n, $ext) = @$_;

	ca("$n$_", "/O=Test/CN=Same $n", ext => $ext) for 1 .. 3;
	leaf("$n-d$_", "$n$_", ext => $LEAF . $NOID) for 1 .. 3;
	leaf("$n-aki$_", "$n$_", ext => $LEAF . $AKI) for ($n eq 'k' ? (1, 2) : ());
}
# A CA renewed: the same key with other dates, serial and key identifier.
ca('old', '/CN=Renewed', ext => $CA . $KEYID, start => -20, end => -1);
ca('new', '/CN=Renewed', ext => $CA . $KEYID, key => 'old');
ca('newid', '/CN=Renewed', key => 'old',
	ext => $CA . "subjectKeyIdentifier = 0102030405\n");
leaf('by-old', 'old', ext => $LEAF . $AKI_SERIAL);
leaf('by-new', 'new', ext => $LEAF . $AKI_SERIAL);
leaf('plain', 'new', ext => $LEAF . $NOID);
# Intermediates: ended, renewed, of another key, under another root.
ca('root', '/CN=Root of paths');
ca('root2', '/CN=Other root of paths');
my %i = (subject => '/CN=Inter', is_ca => 1, ca => 'root');
$pki->make('i-old', %i, start => -20, end => -1);
$pki->make('i-new', %i, key => 'i-old');
$pki->make('i-key', %i);
$pki->make('i-cross', %i, ca => 'root2', key => 'i-old');
leaf('z', 'i-new');
leaf('z-key', 'i-key');
# Limits.
ca('low', '/CN=Low', ca => 'root',
	ext => "basicConstraints = critical, CA:true, pathlen:0\n");
ca('lower', '/CN=Lower', ca => 'low', ext => $CA);
leaf('too-low', 'lower');
leaf('low-d', 'low');
ca('no-sign', '/CN=No sign', ca => 'root',
	ext => $CA . "keyUsage = critical, cRLSign\n");
leaf('by-no-sign', 'no-sign');
ca('server-only', '/CN=Server only', ca => 'root',
	ext => $CA . "extendedKeyUsage = serverAuth\n");
leaf('by-server-only', 'server-only');
leaf('by-leaf', 'z');
leaf('ku', 'root', ext => "basicConstraints = CA:false\n"
	. "keyUsage = critical, keyEncipherment\n"
	. "extendedKeyUsage = clientAuth\n");
leaf('ku-agree', 'root', ext => "basicConstraints = CA:false\n"
	. "keyUsage = critical, keyAgreement\n");
leaf('eku', 'root', ext => "extendedKeyUsage = serverAuth\n");
leaf('crit', 'root', ext => "1.2.3.4.5 = critical, DER:0500\n");
leaf('not-crit', 'root', ext => "1.2.3.4.5 = DER:0500\n");
ca('crit-ca', '/CN=Critical', ca => 'root',
	ext => $CA . "1.2.3.4.6 = critical, DER:0500\n");
leaf('by-crit-ca', 'crit-ca');
# nameConstraints.
my $nc = 'nameConstraints = critical,';
ca('nc-o', '/O=Acme/CN=Acme CA',
	ext => "$CA$nc permitted;dirName:nc\n[nc]\nO = Acme\n");
leaf('nc-in', 'nc-o', subject => '/O=Acme/CN=dev1');
leaf('nc-out', 'nc-o', subject => '/O=Other/CN=dev1');
leaf('nc-san', 'nc-o', subject => '/O=Acme/CN=dev1', san => 'DNS:dev1');
ca('nc-dns', '/CN=DNS CA', ext => "$CA$nc permitted;DNS:example.org\n");
leaf('dns-in', 'nc-dns', subject => '/CN=dev1.example.org');
leaf('dns-out', 'nc-dns', subject => '/CN=dev1.example.com');
leaf('dns-no-host', 'nc-dns', subject => '/CN=device 1');
leaf('dns-san', 'nc-dns', subject => '/CN=x y', san => 'DNS:a.example.com');
ca('nc-not', '/CN=Not CA', ext => "$CA$nc excluded;DNS:example.org\n");
leaf('not-in', 'nc-not', subject => '/CN=dev1.example.org');
leaf('not-out', 'nc-not', subject => '/CN=dev1.example.com');
# A CA shown as a client, pinned certificates, v1.
ca('bare-ca', '/CN=Bare CA', ext => $CA);
leaf('pin', 'self', ext => "basicConstraints = CA:false\n");
leaf('pin-v1', 'self', eku => undef);
leaf('pin-mute', 'self', ext => "extendedKeyUsage = clientAuth\n");
leaf('pin-ca', 'self', ext => $CA);
leaf('by-pin', 'pin');
leaf('by-mute', 'pin-mute');
leaf('by-v1', 'pin-v1');
# A long chain: nine CAs, of which eight may be below client_ca.
ca('c0', '/CN=c0', ext => $CA);
ca("c$_", "/CN=c$_", ca => 'c' . ($_ - 1), ext => $CA) for 1 .. 9;
leaf('deep8', 'c8', ext => $LEAF);
leaf('deep9', 'c9', ext => $LEAF);

# name, client_ca, what is sent (leaf first), verdict, part of the detail;
# openssl: OK or not, and if it differs from ours, why.
my $hint = 'openssl takes authorityKeyIdentifier for more than a hint';
my $first = 'openssl goes on with the first of a name';
my $ca_leaf = 'openssl takes CA certificates from clients';
my @rows = (
	(map { ["one name, no key id, $_", ['r1', 'r2', 'r3'], ["r-d$_"], 'in',
		'', $first] } 1 .. 3),
	['one name, only another key', ['r1', 'r2'], ['r-d3'],
		'tls_bad_certificate', 'not signed by any of the CAs called'],
	['one name, one other key', ['r1'], ['r-d2'], 'tls_bad_certificate',
		'not signed by the CA'],
	(map { ["one name, key ids, no aki, $_", ['k1', 'k2', 'k3'], ["k-d$_"],
		'in', '', $first] } 1 .. 3),
	(map { ["one name, key ids and aki, $_", ['k1', 'k2'], ["k-aki$_"],
		'in'] } 1, 2),
	['one name, aki of another', ['k1', 'k3'], ['k-aki2'], 'tls_untrusted',
		'not signed by any'],
	['old and new', ['old', 'new'], ['by-old'], 'in', '', $hint],
	['old and new, by the new', ['old', 'new'], ['by-new'], 'in', '', $hint],
	['new alone, aki of the old', ['new'], ['by-old'], 'in', '', $hint],
	['new key id alone, aki of the old', ['newid'], ['by-old'], 'in', '',
		$hint],
	['new key id alone, no aki', ['newid'], ['plain'], 'in'],
	['old alone', ['old'], ['plain'], 'tls_expired', 'the CA CN=Renewed'],
	['three certificates of one', ['old', 'new', 'newid'], ['by-new'], 'in',
		'', $hint],
	['intermediate', ['root'], ['z', 'i-new'], 'in'],
	['ended and renewed intermediate', ['root'], ['z', 'i-old', 'i-new'],
		'in'],
	['ended intermediate alone', ['root'], ['z', 'i-old'], 'tls_expired',
		'the CA CN=Inter expired'],
	['intermediate of another key too', ['root'],
		['z', 'i-key', 'i-new'], 'in'],
	['... by the other key', ['root'], ['z-key', 'i-new', 'i-key'], 'in'],
	['all four', ['root', 'root2'],
		['z', 'i-old', 'i-key', 'i-cross', 'i-new'], 'in'],
	['cross-signed alone', ['root2'], ['z', 'i-new', 'i-cross'], 'in', '',
		$first],
	['cross-signed, both roots', ['root', 'root2'], ['z', 'i-cross'], 'in'],
	['no intermediate', ['root'], ['z'], 'tls_untrusted',
		'its issuer, CN=Inter, is not'],
	['intermediate in client_ca', ['i-new'], ['z'], 'in'],
	['... and its root', ['i-new', 'root'], ['z'], 'in'],
	['... and its ended twin', ['i-old', 'i-new'], ['z'], 'in'],
	['... and its ended twin and root', ['i-old', 'i-new', 'root'], ['z'],
		'in'],
	['strangers sent along', ['root'], ['z', 'r1', 'i-new', 'k1', 'bare-ca'],
		'in'],
	['the root sent along', ['root'], ['z', 'i-new', 'root'], 'in'],
	['another root of no use', ['root2'], ['z', 'i-new', 'root'],
		'tls_untrusted', 'leads to no CA of client_ca'],
	['pathlen 0', ['root'], ['low-d', 'low'], 'in'],
	['below pathlen 0', ['root'], ['too-low', 'lower', 'low'],
		'tls_untrusted', 'pathLenConstraint'],
	['below pathlen 0, trusted', ['low'], ['too-low', 'lower'],
		'tls_untrusted', 'pathLenConstraint'],
	['below pathlen 0, the lower trusted too', ['low', 'lower'],
		['too-low'], 'in', '',
		'openssl goes on above a trusted CA whatever comes of it'],
	['CA without keyCertSign', ['root'], ['by-no-sign', 'no-sign'],
		'tls_untrusted', 'CN=No sign has a keyUsage without keyCertSign'],
	['CA for servers only', ['root'], ['by-server-only', 'server-only'],
		'tls_purpose', 'CN=Server only has an extendedKeyUsage'],
	['signed by a device', ['root'], ['by-leaf', 'z', 'i-new'],
		'tls_untrusted', 'CN=z does not say that it is a CA'],
	['keyUsage', ['root'], ['ku'], 'tls_purpose',
		'keyUsage without digitalSignature'],
	['keyAgreement', ['root'], ['ku-agree'], 'tls_purpose',
		'keyUsage lacks digitalSignature',
		'openssl takes keyAgreement, for fixed DH keys (RFC 5246 7.4.6)'],
	['extendedKeyUsage', ['root'], ['eku'], 'tls_purpose',
		'extendedKeyUsage without clientAuth'],
	['critical extension', ['root'], ['crit'], 'tls_bad_certificate',
		'critical extension 1.2.3.4.5'],
	['the same, not critical', ['root'], ['not-crit'], 'in'],
	['critical extension of a CA', ['root'], ['by-crit-ca', 'crit-ca'],
		'tls_bad_certificate',
		'CN=Critical has the critical extension 1.2.3.4.6'],
	['names: O', ['nc-o'], ['nc-in'], 'in'],
	['names: another O', ['nc-o'], ['nc-out'], 'tls_untrusted',
		'nameConstraints'],
	['names: O, with subjectAltName', ['nc-o'], ['nc-san'], 'in'],
	['names: DNS, common name', ['nc-dns'], ['dns-in'], 'in'],
	['names: DNS, another common name', ['nc-dns'], ['dns-out'],
		'tls_untrusted', 'nameConstraints'],
	['names: DNS, no host name', ['nc-dns'], ['dns-no-host'], 'in'],
	['names: DNS, subjectAltName', ['nc-dns'], ['dns-san'],
		'tls_untrusted', 'nameConstraints'],
	['names: excluded', ['nc-not'], ['not-in'], 'tls_untrusted',
		'nameConstraints'],
	['names: not excluded', ['nc-not'], ['not-out'], 'in'],
	['a CA as a client', ['bare-ca'], ['bare-ca'], 'tls_purpose',
		"a CA's certificate", $ca_leaf],
	['an issuing CA as a client', ['root'], ['low'], 'tls_purpose',
		"a CA's certificate", $ca_leaf],
	['a pinned CA', ['pin-ca'], ['pin-ca'], 'tls_purpose',
		"a CA's certificate", $ca_leaf],
	['a pinned device', ['pin'], ['pin'], 'in'],
	['a pinned device of version 1', ['pin-v1'], ['pin-v1'], 'in'],
	['a pinned device that is silent', ['pin-mute'], ['pin-mute'], 'in'],
	['issued by a pinned device', ['pin'], ['by-pin'], 'tls_untrusted',
		'is not a CA|is a CA'],
	['issued by one that is silent', ['pin-mute'], ['by-mute'],
		'tls_untrusted', 'is not a CA|is a CA',
		'openssl takes a self-signed certificate for a CA'],
	['issued by one of version 1', ['pin-v1'], ['by-v1'], 'in'],
	['a stranger that is self-signed', ['root'], ['pin'], 'tls_untrusted',
		'self-signed and not in client_ca'],
	['eight CAs below', ['c0'], ['deep8', map { "c$_" } reverse 1 .. 8],
		'in'],
	['nine CAs below', ['c0'], ['deep9', map { "c$_" } reverse 1 .. 8],
		'tls_untrusted', ''],
);

sub cas { join ', ', map { $pki->cert($_) } @_ }

sub bundle
{
	my ($name, @parts) = @_;

	write_file($pki->cert($name),
		join '', map { read_file($pki->cert($_)) } @parts);
	return $pki->cert($name);
}

my $proxy = sallyport(backend => { address => $broker->address });

# What `explain' says: (in | reason, detail).
sub verdict_of
{
	my ($cas, $file) = @_;

	$proxy->write_ini(tls => { client_ca => cas(@$cas) });
	my (undef, $out) = sallyport_run('explain', '-c', $proxy->{ini}, $file);
	return $out =~ /^verdict +admitted/m ? ('in', '')
	    : $out =~ /^tls +refused: (\w+)(?:: (.*))?/m ? ($1, $2 // '')
	    : ('nothing', $out);
}

sub openssl_says
{
	my ($cas, $sent) = @_;
	my ($leaf, @others) = @$sent;
	my @args = ('openssl', 'verify', '-purpose', 'sslclient',
		'-partial_chain', '-CAfile', bundle('given', @$cas));

	push @args, '-untrusted', bundle('others', @others) if @others;
	my ($code) = Sallyport::Proc::run(30, @args, $pki->cert($leaf));
	return $code == 0 ? 'in' : 'out';
}

for (@rows) {
	my ($what, $cas, $sent, $want, $detail, $differs) = @$_;
	my ($leaf, @others) = @$sent;
	my @orders = ([$cas, $sent]);

	push @orders, [[reverse @$cas], [$leaf, reverse @others]]
	    if @$cas > 1 || @others > 1;
	for my $order (@orders) {
		my ($c, $s) = @$order;
		my ($said, $why) = verdict_of($c, bundle('sent', @$s));

		is($said, $want, "$what: @$c <- @$s") or diag($why);
		like($why, qr/$detail/, "$what: ... and why")
		    if defined $detail && $want ne 'in';
	}
	my $openssl = openssl_says($cas, $sent);
	ok(($openssl eq 'in') == ($want eq 'in') || defined $differs,
		"$what: as openssl says, or $openssl for a reason")
	    or diag("openssl: $openssl");
}

# The same of a daemon: at start, and after a reload that added or renewed a CA
# no device is lost, whichever comes first.
sub comes
{
	my ($p, $device) = @_;
	my $c = peer->try_tls(device => $device, max => '1.2',
		port => $p->port('tls'));
	my $status = $c->{tls}{status} eq 'ok' ? 'in' : 'out';

	$c->close;
	return $status;
}

{
	my $p = sallyport(backend => { address => $broker->address },
		tls => { client_ca => cas('root') });

	# The library of the test's own client takes no such certificate.
	for my $version (qw(-tls1_2 -tls1_3)) {
		my $from = $p->mark;

		Sallyport::Proc::run(30, 'openssl', 's_client', $version,
			'-connect', '127.0.0.1:' . $p->port('tls'),
			'-cert', $pki->cert('ku-agree'),
			'-key', $pki->key('ku-agree'));
		ok($p->wait_close('tls_purpose', from => $from),
			"keyAgreement: the daemon refuses it, $version");
	}
}

for (
	['r', [['r1'], ['r2', 'r1'], ['r1', 'r2', 'r3'], ['r3', 'r1']],
		{ 'r-d1' => 'in in in in', 'r-d2' => 'out in in out',
			'r-d3' => 'out out in in' }],
	['renewal', [['new'], ['new', 'newid'], ['newid'], ['old', 'newid']],
		{ plain => 'in in in in', 'by-new' => 'in in in in' }],
    ) {
	my ($what, $steps, $devices) = @$_;
	my %said;

	for my $i (0 .. $#$steps) {
		my $p = sallyport(backend => { address => $broker->address },
			tls => { client_ca => cas(@{ $steps->[$i] }) });
		for my $device (sort keys %$devices) {
			my @want = split ' ', $devices->{$device};
			is(comes($p, $device), $want[$i],
				"$what: start with @{ $steps->[$i] }: $device");
		}
		next if $i == $#$steps;
		$p->write_ini(tls => { client_ca => cas(@{ $steps->[$i + 1] }) });
		my $from = $p->mark;
		$p->signal('HUP');
		$p->wait_log(qr/event=reload /, from => $from);
		for my $device (sort keys %$devices) {
			my @want = split ' ', $devices->{$device};
			is(comes($p, $device), $want[$i + 1],
				"$what: reload to @{ $steps->[$i + 1] }: $device");
		}
	}
}
done_testing;
