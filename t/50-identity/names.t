#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Names from certificates: every template, and what causes a refusal.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Digest::MD5 qw(md5_hex);
use MIME::Base64;
use Sallyport::Der;

my $pki = pki;
my $broker = peer('broker')->listen;

my %template = (
	cn => 'cn', cn2 => '${cn}', dn => 'dn', dn2 => '${dn}',
	crt => 'crt', pem => 'pem', md5 => '${md5}',
	mixed => 'dev:${cn}:${client.clientid}!',
	words => 'just-text-${client.clientid}',
	ou => '${ou}.${c}',
);
my $proxy = sallyport(backend => { address => $broker->address },
	map {
		("listener $_" => { bind => '127.0.0.1:0', identity => $_ },
		"identity $_" => { username => $template{$_} })
	} keys %template);

sub username
{
	my ($listener, $device) = @_;
	my $c = peer->tls(device => $device, max => '1.2',
		port => $proxy->port($listener));

	$c->send(mqtt_connect(clientid => 'id'));
	my $b = $broker->accept;
	my $packet = $b->packet;
	$_->close for $b, $c;
	is(explained($proxy, $listener, $device, mqtt_connect(
		clientid => 'id')), 'admitted ' . hex($packet),
		"explain: $listener, $device");
	# The Username is all behind the ClientID.
	return $packet =~ /MQTT\x04\x82\0\x3c\0\x02id..(.*)/s ? $1 : undef;
}

my $der = $pki->der('ec');
my $base64 = encode_base64($der, '');
for (
	['cn', 'ec', 'device-001'], ['cn2', 'rsa', 'device-002'],
	['cn', 'utf8', "ger\xc3\xa4t-007"], ['cn', 'dn', 'device-006'],
	['dn', 'ec', 'CN=device-001'], ['dn2', 'ec', 'CN=device-001'],
	['dn', 'dn', 'CN=device-006,OU=a\\+b,O=Acme\\, Inc.,C=DE'],
	['dn', 'two-cn', 'CN=two,CN=one'],
	['crt', 'ec', $base64], ['pem', 'ec', $base64],
	['md5', 'ec', md5_hex($der)],
	['mixed', 'ec', 'dev:device-001:id!'],
	['words', 'ec', 'just-text-id'],
) {
	my ($listener, $device, $name) = @$_;
	is(username($listener, $device), $name,
		"$template{$listener} of $device");
}

# Names of every string type a certificate may hold.
my %typed = (
	printable => [[CN => printable => 'plain'], 'plain'],
	ia5 => [[CN => ia5 => 'five'], 'five'],
	t61 => [[CN => t61 => 'old'], 'old'],
	utf8x => [[CN => utf8 => "\xe4\xbd\xa0"], "\xe4\xbd\xa0"],
	bmp => [[CN => bmp => "\0a\4\x16"], "a\xd0\x96"],
	universal => [[CN => universal => "\0\1\xf6\0"], "\xf0\x9f\x98\x80"],
);
for my $name (sort keys %typed) {
	my ($attr, $text) = @{ $typed{$name} };
	$pki->make("typed-$name", key => 'ec',
		subject_der => der_name($attr));
	is(username('cn', "typed-$name"), $text, "a CN as $name");
}

# What must not pass: name, listener, device, reason.
my %hostile = (
	nul => [CN => utf8 => "a\0b"],
	empty => [CN => utf8 => ''],
	latin => [CN => utf8 => "caf\xe9"],
	half => [CN => bmp => "\0a\0"],
	surrogate => [CN => bmp => "\xd8\0\0a"],
	beyond => [CN => universal => "\0\x11\0\0"],
	octets => [CN => octets => 'abc'],
	plus => [CN => utf8 => 'a+b'],
	hash => [CN => utf8 => '#'],
	slash => [CN => utf8 => 'a/b'],
	control => [CN => utf8 => "a\tb"],
	del => [CN => utf8 => "a\x7fb"],
	c1 => [CN => utf8 => "a\xc2\x85b"],
);
$pki->make("hostile-$_", key => 'ec',
	subject_der => der_name($hostile{$_})) for keys %hostile;
my $unsafe = 'identity_unsafe';
my $no_text = 'identity_encoding|tls_bad_certificate';
my %reason = (
	nul => 'identity_encoding', empty => 'identity_empty',
	(map { $_ => $no_text } qw(latin half surrogate beyond octets)),
	(map { $_ => $unsafe } qw(plus hash slash control del c1)),
);
for (
	['no CN', 'cn', 'no-cn', 'identity_missing'],
	['no OU', 'ou', 'ec', 'identity_missing'],
	['two CNs', 'cn', 'two-cn', 'identity_ambiguous'],
	map { ["$_ in a CN", 'cn', "hostile-$_", $reason{$_}] }
		sort keys %hostile,
) {
	my ($what, $listener, $device, $reason) = @$_;
	for my $version (4, 5) {
		my $from = $proxy->mark;
		my $c = peer->try_tls(device => $device, max => '1.2',
			port => $proxy->port($listener));
		my $answer = $version == 5 ? '2003008600' : '20020004';

		# The TLS library itself refuses some of them.
		if ($c->{tls}{status} eq 'ok') {
			my $r = $c->try_send(mqtt_connect(
				version => $version, username => 'admin',
				password => 'guess'))->ended;
			is(hex($r->{bytes}), $answer,
				"v$version, $what: refused");
		} else {
			like($c->{tls}{alert} // '', qr/^(42|50)$/,
				"v$version, $what: refused by an alert");
		}
		ok($proxy->wait_close($reason, from => $from),
			"v$version, $what: $reason");
		like(explained($proxy, $listener, $device, mqtt_connect(
			version => $version)), qr/^refused (?:$reason)$/,
			"v$version, $what: explain");
		$c->close;
	}
}
ok(!$broker->pending, 'none of those reached the broker');
unlike($proxy->text, qr/guess/, 'no password in the log');
done_testing;
