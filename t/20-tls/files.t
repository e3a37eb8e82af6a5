#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The forms in which files of CAs and CRLs come. What is read from each, and
# what is reported, must be the same for `sallyport -t', the start, a reload and
# `sallyport explain'.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use MIME::Base64;
use POSIX qw(mkfifo);
use Sallyport;

my $pki = pki;
my $a = read_file($pki->cert('client-ca'));
my $b = read_file($pki->cert('other-ca'));
my $mark = "\xef\xbb\xbf";
my $connect = mqtt_connect(clientid => 'x');

# The purposes that the device's CA is trusted for, as `openssl x509 -trustout'
# writes them.
sub trusted
{
	my ($usage) = @_;
	my $file = tmp('trusted.pem');

	Sallyport::Pki::openssl('x509', '-in', $pki->cert('client-ca'),
		'-trustout', '-addtrust', $usage, '-out', $file);
	return read_file($file);
}

my $crl_a = read_file($pki->crl(tmp('a.crl'), 'client-ca',
	revoked => ['rsa']));
my $crl_b = read_file($pki->crl(tmp('b.crl'), 'other-ca'));
my $crl_der = read_file($pki->crl(tmp('der.crl'), 'client-ca',
	revoked => ['rsa'], der => 1));

my $proxy = sallyport(backend => { address => '127.0.0.1:1' });

# Reloads the changed configuration and returns what the log says of it.
sub reload
{
	my $from = $proxy->mark;

	$proxy->signal('HUP');
	$proxy->wait_log(qr/event=(?:reload|reload_failed) /, from => $from);
	return substr $proxy->text, $from;
}

# One file, named by OPTION. SAID is what is reported about it, undef if
# nothing; it is an error if REFUSED. IN are the devices that are admitted if it
# is not.
sub ask
{
	my ($what, $option, $file, $refused, $said, %expected) = @_;
	my %tls = (client_ca => join(', ', map { $pki->cert($_) }
		qw(client-ca other-ca)), %{ $expected{tls} || {} },
		$option => $file);

	$proxy->write_ini(tls => \%tls, daemon => { user => 'nobody' });
	my ($code, $out, $err) = sallyport_run('-t', '-c', $proxy->{ini});
	is($code, $refused ? 78 : 0, "$what: -t") or diag($err);
	if (defined $said) {
		like($err, qr/$option: .*$said/, "$what: -t says it");
	} else {
		unlike($err, qr/ $option: /, "$what: -t says nothing");
	}
	my $log = reload();
	if ($refused) {
		like($log, qr/event=reload_failed/, "$what: no reload");
		($code, $out, $err) = sallyport_run('-c', $proxy->{ini});
		is($code, 78, "$what: no start");
		like($err, qr/$option: .*$said/, "$what: the start says it");
		return;
	}
	like($log, qr/event=reload /, "$what: reload");
	like($log, qr/$option: .*$said/, "$what: it is in the log")
	    if defined $said;
	for my $device (sort keys %{ $expected{in} }) {
		like(explained($proxy, 'tls', $device, $connect),
			$expected{in}{$device}, "$what: explain $device");
	}
}

my $in = qr/^admitted/;
my $out = qr/^refused tls_untrusted/;
my %both = (in => { ec => $in, untrusted => $in });
my %first = (in => { ec => $in, untrusted => $out });

sub ca
{
	my ($what, $bytes, $refused, $said, %expected) = @_;

	ask("CA: $what", 'client_ca', write_file(tmp('ca.pem'), $bytes),
		$refused, $said, %expected);
}
ca('PEM', $a . $b, 0, undef, %both);
ca('a byte order mark', $mark . $a . $b, 0, undef, %both);
ca('a byte order mark inside', $a . $mark . $b, 0, undef, %both);
ca('X509 CERTIFICATE', $b . ($a =~ s/ CERT/ X509 CERT/gr), 0, undef, %both);
ca('TRUSTED CERTIFICATE', trusted('clientAuth') . $b, 0, undef, %both);
ca('text that begins with 0', "0 s:CN = x\n" . $a . $b, 0, undef, %both);
ca('CR LF', ($a . $b) =~ s/\n/\r\n/gr, 0, undef, %both);
ca('DER', $pki->der('client-ca'), 0, undef, %first);
ca('with its key', read_file($pki->key('client-ca')) . $a, 0, undef, %first);
ca('a comment', $a . $b =~ s/^/#/gmr, 0, 'line \d+: a block behind .?"#',
	%first);
ca('a CRL beside it', $a . $crl_a, 0, 'line \d+: a block .?"X509 CRL',
	%first);
ca('indented', $a . $b =~ s/^/  /gmr, 1, 'line \d+: a block must begin');
ca('a strange label', $a . $b =~ s/CERTIFICATE/CERT/gr, 1,
	'line \d+: "BEGIN CERT" is not a known');
ca('a label in small letters', $a . ($b =~ s/BEGIN CERT/begin cert/r), 1,
	'line \d+: .*does not begin a block');
ca('without BEGIN', $a . ($b =~ s/^.*BEGIN.*\n//mr), 1,
	'line \d+: a block without its BEGIN');
ca('without BEGIN and END', $a . ($b =~ s/^-.*\n//mgr), 1,
	'line \d+: a block without its BEGIN');
ca('cut', $a . substr($b, 0, 300), 1, 'line \d+: the block has no END');
ca('damaged', $a . $b =~ s/\nM/\n?/r, 1, 'line \d+: the block of line \d+');
ca('for servers only', trusted('serverAuth') . $b, 1,
	'line 1: by its trust settings');
# CAs that verify no client, and pinned clients that no CA verifies: told, with
# the line, which certificate it is, and what helps; but no reason to keep the others
# out. Another certificate of the same CA makes up for it.
my $is_ca = "basicConstraints = critical, CA:true\n";
my %useless = (
	'no-sign' => [$is_ca . "keyUsage = critical, cRLSign\n",
		'its keyUsage lacks keyCertSign: the clients that it '
		. 'issued are refused .*keyCertSign, cRLSign'],
	'server-only' => [$is_ca . "extendedKeyUsage = serverAuth\n",
		'its extendedKeyUsage lacks clientAuth: it is trusted .*with clientAuth'],
	'critical' => [$is_ca . "1.2.3.4.5 = critical, DER:0500\n",
		'its critical extension 1\.2\.3\.4\.5 is not supported: it is trusted'],
	'pin-ku' => ["basicConstraints = CA:false\n"
		. "keyUsage = critical, keyEncipherment\n",
		'its keyUsage lacks digitalSignature: this client is refused'],
	'pin-eku' => ["basicConstraints = CA:false\n"
		. "extendedKeyUsage = serverAuth\n",
		'its extendedKeyUsage lacks clientAuth: this client is refused'],
);
for my $name (sort keys %useless) {
	my ($ext, $said) = @{ $useless{$name} };

	$pki->make($name, subject => "/CN=$name", is_ca => 1, ext => $ext);
	my $cert = read_file($pki->cert($name));
	ca($name, $a . $cert . $b, 0, 'line ' . (1 + $a =~ tr/\n//)
		. ": certificate 2 \\(CN=$name\\): $said", %both);
	next if $ext !~ /CA:true/;
	$pki->make("$name-good", subject => "/CN=$name", is_ca => 1,
		key => $name, ext => $is_ca);
	ca("$name and a sound one", $a . $cert
		. read_file($pki->cert("$name-good")) . $b, 0, undef, %both);
}
$pki->make('any-eku', subject => '/CN=any-eku', is_ca => 1, ext => $is_ca
	. "extendedKeyUsage = serverAuth, clientAuth\nkeyUsage = keyCertSign\n");
ca('usages that fit', $a . read_file($pki->cert('any-eku')) . $b, 0, undef,
	%both);
$pki->make('ended-ca', subject => '/CN=ended-ca', is_ca => 1, start => -20,
	end => -1);
ca('an ended one', $a . read_file($pki->cert('ended-ca')) . $b, 0, 'line '
	. (1 + $a =~ tr/\n//) . ': CN=ended-ca expired on', %both);
ca('empty', '', 1, 'no certificate is in it');
ca('UTF-16', "\xff\xfe" . ($a =~ s/(.)/$1\0/gsr), 1, 'UTF-16');
ca('DER and more', $pki->der('client-ca') . $pki->der('other-ca'), 1,
	'more follow');
ca('a device in a bundle', $a . $b . read_file($pki->cert('ec')), 1,
	'line \d+: certificate 3 \(.*device-001');

mkfifo(tmp('fifo'), 0666) or die "fifo: $!";
ask('CA: a FIFO', 'client_ca', tmp('fifo'), 1, '[Nn]ot a regular file');
ask('CA: a device', 'client_ca', '/dev/null', 1, '[Nn]ot a regular file');

my $valid = { ec => $in, rsa => qr/^refused tls_revoked/ };
my $dir = tmp('crls');

sub list
{
	my ($what, $bytes, $refused, $said) = @_;

	ask("CRL: $what", 'crl', write_file(tmp('some.crl'), $bytes), $refused,
		$said, tls => { crl_policy => 'soft' }, in => $valid);
}
list('PEM', $crl_a . $crl_b, 0, undef);
list('a byte order mark', $mark . $crl_a . $crl_b, 0, undef);
list('DER', $crl_der, 0, undef);
list('a CA beside it', $a . $crl_a, 0, 'line 1: a block .?"CERTIFICATE');
list('indented', $crl_b . $crl_a =~ s/^/ /gmr, 1,
	'line \d+: a block must begin');
list('without X509', $crl_b . $crl_a =~ s/X509 CRL/CRL/gr, 1,
	'line \d+: "BEGIN CRL" is not a known');
list('without BEGIN', $crl_b . ($crl_a =~ s/^-.*\n//mgr), 1,
	'line \d+: a block without its BEGIN');
list('cut', substr($crl_a, 0, 200), 1, 'line 1: the block has no END');

mkdir $dir or die "$dir: $!";
write_file("$dir/a.crl", $crl_a);
mkfifo("$dir/b.crl", 0666) or die "fifo: $!";
mkdir "$dir/folder";
ask('CRL: a FIFO in a folder', 'crl', $dir, 0, 'b.crl: is [Nn]ot a regular file',
	tls => { crl_policy => 'soft' }, in => $valid);
done_testing;
