#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Ways from a device's certificate to client_ca over intermediates that ended,
# were renewed or cross-signed, and past certificates of no use.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Paths;

my $pki = pki;
my $proxy = sallyport();

ca('r1', '/O=Test/CN=Same r', ext => $CA . $NOID);
ca('k1', '/O=Test/CN=Same k', ext => $CA . $KEYID);
ca('bare-ca', '/CN=Bare CA', ext => $CA);
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

my @rows = (
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
		$FIRST],
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
);

ask_paths($proxy, @rows);
done_testing;
