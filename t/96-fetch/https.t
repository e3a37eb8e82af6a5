#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# HTTPS by libcurl's own TLS library, beside BoringSSL in one process; and
# proxies.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Fetch;

my $program = fetch_program;
my $web = tmp('web');
mkdir $web;
my $crl = tmp('client.crl');
my $number = 0;

# A newer list on the server each time, and what becomes of it.
sub fetch_by
{
	my ($url, %fetch) = @_;

	$number++;
	pki->crl("$web/ca.crl", 'client-ca', number => sprintf('%02x', $number),
		last_at => time - 3600 + 10 * $number);
	return fetch('-c', fetch_ini('fetch', $crl, 'fetch ca' => {
		url => "$url/file/ca.crl", file => $crl, %fetch }));
}

pki->make('elsewhere', subject => '/CN=elsewhere', ca => 'server-ca',
	san => 'DNS:elsewhere.example', eku => 'serverAuth');
my $https = http_server($web, 'server');
my $rsa = http_server($web, 'server-rsa');
my $named = http_server($web, 'elsewhere');
my $ca = pki->cert('server-ca');

for ([$https, 'ECDSA'], [$rsa, 'RSA']) {
	my ($server, $kind) = @$_;
	my ($code, $said) = fetch_by($server->{url}, ca => $ca);

	is($code, 0, "https, $kind") or diag($said);
	like($said, qr/event=fetch_new .*url=https:/, "https, $kind: fetched");
}
for (
	[ 'the CA is not known to the system', $https, '' ],
	[ 'another CA', $https, pki->cert('client-ca') ],
	[ 'another name', $named, $ca ],
) {
	my ($what, $server, $file) = @$_;
	my ($code, $said) = fetch_by($server->{url}, ca => $file);

	is($code, 75, "$what: refused");
	like($said, qr/certificate.*\(name the CA of the server in ca, or/i,
		"$what: told") or diag($said);
}
my ($code, $said) = fetch_by($https->{url}, ca => tmp('none.pem'));
is($code, 75, 'no file of CAs');
like($said, qr/none\.pem|must be a PEM file/, 'and told') or diag($said);

# Plain HTTP by a proxy, which libcurl finds in the environment.
my $proxy = http_server($web);
{
	local $ENV{http_proxy} = $proxy->{url};
	($code, $said) = fetch_by('http://ca.example');
	is($code, 0, 'by a proxy') or diag($said);
	$proxy->wait_log(qr{^GET http://ca\.example/file/ca\.crl});
	pass('the proxy was asked for the whole URL');
	local $ENV{no_proxy} = '127.0.0.1';
	($code, $said) = fetch_by($proxy->{url});
	is($code, 0, 'no_proxy') or diag($said);
	$proxy->wait_log(qr{^GET /file/ca\.crl});
	pass('and not by the proxy');
}

# No symbol of BoringSSL can be seen by a shared library of the same process,
# which would then call it instead of OpenSSL's.
SKIP: {
	skip 'no readelf', 2 unless has_tool('readelf');
	open my $readelf, '-|', 'readelf', '-W', '--dyn-syms', $program
	    or die "readelf: $!";
	my @defined = grep { !/ UND / && /\b(?:GLOBAL|WEAK)\b/ } <$readelf>;
	close $readelf;
	is(scalar(grep { /\b_?(?:SSL|X509|EVP|CRYPTO|RSA|EC|BN|ASN1|SHA|ERR|OBJ|sk|PEM|OPENSSL_(?!memory))_/ }
		@defined), 0, 'BoringSSL is hidden') or diag(@defined);
	open my $all, '-|', 'readelf', '-W', '--syms', $program
	    or die "readelf: $!";
	# A package would be stripped.
	my @own = grep { /\bX509_parse_from_buffer\b/ } <$all>;
	ok(@own == 0 || "@own" =~ /LOCAL|HIDDEN/, 'though it is there');
}
done_testing;
