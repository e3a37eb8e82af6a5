#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# What leads to client_ca under nameConstraints, and which certificates of
# client_ca are clients themselves: pinned devices, but no CA.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Paths;

my $pki = pki;
my $proxy = sallyport();

ca('root', '/CN=Root of paths');
ca('low', '/CN=Low', ca => 'root',
	ext => "basicConstraints = critical, CA:true, pathlen:0\n");
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

my $ca_leaf = 'openssl takes CA certificates from clients';
my @rows = (
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
);

ask_paths($proxy, @rows);
done_testing;
