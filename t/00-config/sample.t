#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The sample etc/sallyport.ini works once the files that it names exist.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $sample = srcdir() . '/etc/sallyport.ini';
plan skip_all => 'there is no sample yet' unless -e $sample;

my $pki = pki;
my $ini = write_file(tmp('sallyport.ini'), read_file($sample));
for (['server', 'crt', 'server.crt'], ['server', 'key', 'server.key'],
	['client-ca', 'crt', 'client-ca.crt']) {
	my ($name, $suffix, $as) = @$_;
	write_file(tmp($as), read_file("$pki->{dir}/$name.$suffix"));
}
my ($code, $out, $err) = sallyport_check('-c', $ini);
is($code, 0, 'the sample is good') or diag($err);
done_testing;
