#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# What a certificate and its CAs must be to lead to client_ca: limits of depth,
# usages, critical extensions.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Paths;

my $pki = pki;
my $proxy = sallyport();

ca('root', '/CN=Root of paths');
$pki->make('i-new', subject => '/CN=Inter', is_ca => 1, ca => 'root');
leaf('z', 'i-new');
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
# A long chain: nine CAs, of which eight may be below client_ca.
ca('c0', '/CN=c0', ext => $CA);
ca("c$_", "/CN=c$_", ca => 'c' . ($_ - 1), ext => $CA) for 1 .. 9;
leaf('deep8', 'c8', ext => $LEAF);
leaf('deep9', 'c9', ext => $LEAF);


my $anchor = 'openssl limits trusted CAs by their extensions';
my @rows = (
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
	['... in client_ca', ['root', 'no-sign'], ['by-no-sign'],
		'tls_untrusted', 'CN=No sign \(line 1 of no-sign.crt\) has a '
		. 'keyUsage without keyCertSign'],
	['CA for servers only', ['root'], ['by-server-only', 'server-only'],
		'tls_purpose', 'CN=Server only has an extendedKeyUsage'],
	# The start and -t warn of both.
	['... in client_ca', ['root', 'server-only'], ['by-server-only'], 'in',
		'', $anchor],
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
	['... in client_ca', ['crit-ca'], ['by-crit-ca'], 'in', '', $anchor],
	['critical extension of a CA', ['root'], ['by-crit-ca', 'crit-ca'],
		'tls_bad_certificate',
		'CN=Critical has the critical extension 1.2.3.4.6'],
	['eight CAs below', ['c0'], ['deep8', map { "c$_" } reverse 1 .. 8],
		'in'],
	['nine CAs below', ['c0'], ['deep9', map { "c$_" } reverse 1 .. 8],
		'tls_untrusted', ''],
);


ask_paths($proxy, @rows);
done_testing;
