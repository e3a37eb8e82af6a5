#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Every field that a name can be made of, from certificates as CAs make them and
# as attackers would: the exact CONNECT that the broker gets, or nothing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Digest::SHA qw(sha256_hex);
use Sallyport::Der;

my $pki = pki;
my $broker = peer('broker')->listen;
my %template = map { tr/.//dr => "\${$_}" } qw(cn dn o ou c serial san.dns
	san.uri san.email san.ip issuer.cn issuer.dn sha256 md5);
my $proxy = sallyport(backend => { address => $broker->address },
	map {
		("listener $_" => { bind => '127.0.0.1:0', identity => $_ },
		"identity $_" => { username => $template{$_} })
	} keys %template);

sub subject
{
	return (subject_der => der_name(@_));
}

# Certificate, the variable asked for, and the Username or /the reason/.
my @cases = (
	['a CN last', { subject => '/O=a/CN=last' }, cn => 'last'],
	['a CN first', { subject => '/CN=first/O=a/C=DE' }, cn => 'first'],
	['a CN beside others', { subject => '/O=a/CN=mid/OU=b' }, cn => 'mid'],
	['a CN of blanks', { subject => '/CN= a  b ' }, cn => ' a  b '],
	['a CN like a variable', { subject => '/CN=${dn}' }, cn => '${dn}'],
	['a CN like markup', { subject => '/CN=<b>&"' }, cn => '<b>&"'],
	['a CN of digits', { subject([CN => numeric => '0049']) },
		cn => '0049'],
	['a CN of 1,000 bytes', { subject([CN => utf8 => 'x' x 1000]) },
		cn => 'x' x 1000],
	['the same CN twice', { subject => '/CN=a/CN=a' },
		cn => qr/identity_ambiguous/],
	['a CN and an empty one', { subject([CN => utf8 => 'a'],
		[CN => utf8 => '']) }, cn => qr/identity_ambiguous/],
	['a NUL at the end', { subject([CN => utf8 => "a\0"]) },
		cn => qr/identity_encoding/],
	['a NUL alone', { subject([CN => utf8 => "\0"]) },
		cn => qr/identity_encoding/],
	['overlong UTF-8', { subject([CN => utf8 => "\xc0\xaf"]) },
		cn => qr/identity_encoding|tls_bad_certificate/],
	['a surrogate as UTF-8', { subject([CN => utf8 => "\xed\xa0\x80"]) },
		cn => qr/identity_encoding|tls_bad_certificate/],
	['UTF-8 that is cut', { subject([CN => utf8 => "a\xe2\x82"]) },
		cn => qr/identity_encoding|tls_bad_certificate/],
	['a wildcard in BMP', { subject([CN => bmp => "\0#"]) },
		cn => qr/identity_unsafe/],
	['a slash in UTF-32', { subject([CN => universal => "\0\0\0/"]) },
		cn => qr/identity_unsafe/],
	['no subject at all', { subject() }, cn => qr/identity_missing/],
	['no subject, a DN asked for', { subject(), san => 'DNS:a.example' },
		dn => qr/identity_(?:missing|empty)/],
	['no subject, but a SAN', { subject(), san => 'DNS:a.example' },
		sandns => 'a.example'],
	['one DNS name', { san => 'DNS:b.example' }, sandns => 'b.example'],
	['two DNS names', { san => 'DNS:b.example,DNS:c.example' },
		sandns => qr/identity_ambiguous/],
	['another kind', { san => 'email:a@b.example' },
		sandns => qr/identity_missing/],
	['a mail address', { san => 'email:a@b.example,DNS:b.example' },
		sanemail => 'a@b.example'],
	['a URN', { san => 'URI:urn:dev:ops:32473-7' },
		sanuri => 'urn:dev:ops:32473-7'],
	['a SPIFFE ID', { san => 'URI:spiffe://b.example/dev' },
		sanuri => 'spiffe://b.example/dev'],
	['a URI with a wildcard', { san => 'URI:urn:dev:+' },
		sanuri => qr/identity_unsafe/],
	['an IPv4 address', { san => 'IP:192.0.2.7' }, sanip => '192.0.2.7'],
	['an IPv6 address', { san => 'IP:2001:db8::7' },
		sanip => '2001:db8::7'],
	['an organisation', { subject => '/O=Acme, Inc./CN=a' },
		o => 'Acme, Inc.'],
	['a unit', { subject => '/OU=x/CN=a' }, ou => 'x'],
	['two units', { subject => '/OU=x/OU=y/CN=a' },
		ou => qr/identity_ambiguous/],
	['a country', { subject => '/C=DE/CN=a' }, c => 'DE'],
	['a long serial', { serial => '7F' . 'AB' x 19 },
		serial => '7f' . 'ab' x 19],
	['a short serial', { serial => '01' }, serial => '01'],
	['the first bit of a serial', { serial => '80' }, serial => '80'],
	['the issuer', {}, issuercn => 'Client CA'],
	['the issuer, whole', {}, issuerdn => 'CN=Client CA,O=Test'],
	['an intermediate', { ca => 'inter-ca', chain => 1 },
		issuercn => 'Intermediate CA'],
	['a DN of many', { subject =>
		'/DC=example/UID=7/ST=Z\\;/L=ort/CN= a#' },
		dn => 'CN=\\ a#,L=ort,ST=Z\\;,UID=7,DC=example'],
	['a DN with specials', { subject => '/O=a<b>\\;c/CN=x"y' },
		dn => 'CN=x\\"y,O=a\\<b\\>\\;c'],
	['a DN of two CNs', { subject => '/CN=a/CN=b' }, dn => 'CN=b,CN=a'],
	['a wildcard at the end of a DN', { subject => '/CN=x\/#' },
		dn => qr/identity_unsafe/],
);

sub session
{
	my ($listener, $name) = @_;
	my $c = peer->try_tls(device => $name, max => '1.2',
		port => $proxy->port($listener));

	$c->try_send(mqtt_connect(clientid => 'id', username => 'root',
		password => 'guess')) if $c->{tls}{status} eq 'ok';
	return $c;
}

my $n = 0;
for (@cases) {
	my ($what, $spec, $listener, $want) = @$_;
	my $name = 'field' . ++$n;
	my $from = $proxy->mark;

	$pki->make($name, key => 'ec', %$spec);
	my $c = session($listener, $name);
	my $said = explained($proxy, $listener, $name, mqtt_connect(
		clientid => 'id', username => 'root', password => 'guess'));
	if (ref $want) {
		isnt($c->ended->{status}, 'timeout', "$what: closed");
		ok($proxy->wait_close($want, from => $from), "$what: $want");
		like($said, qr/^refused $want$/, "$what: explain");
	} else {
		my $b = $broker->accept;
		my $packet = hex($b->packet);
		is($packet, hex(mqtt_connect(clientid => 'id',
			username => $want)), "$what: the exact packet");
		is($said, "admitted $packet", "$what: explain");
		$b->close;
	}
	$c->close;
}
for (['sha256', sub { sha256_hex($_[0]) }],
	['md5', sub { require Digest::MD5; Digest::MD5::md5_hex($_[0]) }]) {
	my ($listener, $digest) = @$_;
	my $c = session($listener, 'ec');
	my $b = $broker->accept;
	is(hex($b->packet), hex(mqtt_connect(clientid => 'id',
		username => $digest->($pki->der('ec')))), $listener);
	$_->close for $b, $c;
}
ok(!$broker->pending, 'none of the refused reached the broker');
unlike($proxy->text, qr/guess/, 'no password in the log');
done_testing;
