#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Ways from a device's certificate to client_ca where several CAs have one name,
# and CAs are renewed or re-made.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Paths;

my $pki = pki;
my $proxy = sallyport();

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
my $hint = 'openssl takes authorityKeyIdentifier for more than a hint';
my @rows = (
	(map { ["one name, no key id, $_", ['r1', 'r2', 'r3'], ["r-d$_"], 'in',
		'', $FIRST] } 1 .. 3),
	['one name, only another key', ['r1', 'r2'], ['r-d3'],
		'tls_bad_certificate', 'not signed by any of the CAs called'],
	['one name, one other key', ['r1'], ['r-d2'], 'tls_bad_certificate',
		'not signed by the CA'],
	(map { ["one name, key ids, no aki, $_", ['k1', 'k2', 'k3'], ["k-d$_"],
		'in', '', $FIRST] } 1 .. 3),
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
	['old alone', ['old'], ['plain'], 'tls_expired',
		'the CA CN=Renewed \(line 1 of old.crt\) expired'],
	['three certificates of one', ['old', 'new', 'newid'], ['by-new'], 'in',
		'', $hint],
);

ask_paths($proxy, @rows);
done_testing;
