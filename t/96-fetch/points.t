#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The distribution points that the client CAs' certificates name: an issuing CA
# is revoked by its root, whose list is not configured.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Fetch;
use Sallyport::Live;

fetch_program;
my $web = tmp('web');
my $crls = tmp('crls');
for ($web, $crls) {
	mkdir $_;
	chown +(getpwnam 'nobody')[2, 3], $_ if $> == 0;
}
my $http = http_server($web);
my $uri = "$http->{url}/file/root.crl";
my $ext = "basicConstraints = critical, CA:true\n"
    . "keyUsage = critical, keyCertSign, cRLSign\n"
    . "subjectKeyIdentifier = hash\n";
# One point with three names, of which one can be fetched and a mirror fails;
# and points that cannot be fetched.
pki->make('issuing', subject => '/O=Test/CN=Issuing CA', ca => 'client-ca',
	is_ca => 1, ext => "${ext}crlDistributionPoints = one, two\n"
	    . "[one]\nfullname = URI:ldap://ca.example/cn=x?y,"
	    . "URI:http://127.0.0.1:1/x.crl,URI:$uri\n"
	    . "[two]\nfullname = URI:ldap://ca.example/cn=z\n");
pki->make('device', subject => '/CN=device', ca => 'issuing');
pki->crl("$crls/issuing.crl", 'issuing', number => '01');
pki->crl("$web/root.crl", 'client-ca', number => '01');

my %tls = (client_ca => join(', ', map { pki->cert($_) }
	qw(client-ca issuing)), crl => $crls);
my $ini = fetch_ini('points', $crls, tls => \%tls,
	'fetch roots' => { points_folder => $crls });
my ($code, $said) = fetch('-c', $ini, '-t');
is($code, 0, '-t') or diag($said);
like($said, qr/good, 1 list$/, 'one point can be fetched');
($code, $said) = fetch('-c', $ini);
is($code, 0, 'fetched') or diag($said);
my @files = glob "$crls/point-*.crl";
is(@files, 1, 'one file');
like($files[0], qr/point-[0-9a-f]{16}\.crl$/, 'named for its URL');
is(read_file($files[0]) =~ tr/-//dr =~ /BEGIN X509 CRL/, 1, 'a list');

my $broker = peer('broker')->listen;
my $proxy = sallyport(daemon => { watch_interval => '100ms' },
	backend => { address => $broker->address }, tls => \%tls);
my $live = Sallyport::Live->new(peer, $proxy, $broker);
my @device = $live->begin_both(device => 'device');
$live->lives('a list of both CAs', @device);

my $from = $proxy->mark;
pki->crl("$web/root.crl", 'client-ca', number => '02', revoked => ['issuing'],
	last_at => time - 60);
is((fetch('-c', $ini))[0], 0, 'the root revokes the issuing CA');
$proxy->wait_log(qr/event=reload /, from => $from);
$live->is_out('87', 'its CA is revoked', @device);

# A folder that crl does not name, and a CA without any point.
fetch_ini('bad', $crls, tls => \%tls,
	'fetch roots' => { points_folder => tmp('elsewhere') });
($code, $said) = fetch('-c', tmp('bad.ini'));
is($code, 78, 'a folder that no [tls] reads: exit code');
like($said, qr/points_folder: no \[tls\] reads .*elsewhere \(add it to crl/,
	'and told');
fetch_ini('bad', $crls, 'fetch roots' => { points_folder => $crls });
($code, $said) = fetch('-c', tmp('bad.ini'));
is($code, 78, 'no CA names a point: exit code');
like($said, qr/nothing to fetch/, 'and told');
done_testing;
