#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# TLS 1.2 and 1.3 and nothing older; ECDSA or RSA keys, whichever the client
# supports.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $pki = pki;
my $proxy = sallyport(
	'listener only13' => { bind => '127.0.0.1:0', tls => 'only13' },
	'listener only12' => { bind => '127.0.0.1:0', tls => 'only12' },
	tls => {
		certificate => join(', ', $pki->cert('server'),
			$pki->cert('server-rsa')),
		private_key => join(', ', $pki->key('server'),
			$pki->key('server-rsa')),
	},
	map {
		("tls only1$_" => {
			certificate => $pki->cert('server'),
			private_key => $pki->key('server'),
			client_ca => $pki->cert('client-ca'),
			min_version => "1.$_", max_version => "1.$_",
		})
	} 2, 3,
);

sub try
{
	my ($listener, %arg) = @_;

	return peer->try_tls(port => $proxy->port($listener),
		device => 'ec', ca => pki->cert('server-ca'), %arg)->{tls};
}

is(try('tls')->{version}, 'TLSv1.3', 'the best both can');
is(try('tls', max => '1.2')->{version}, 'TLSv1.2', 'TLS 1.2 is fine');
for my $old ('1.0', '1.1') {
	my $from = $proxy->mark;
	my $r = try('tls', min => $old, max => $old);

	is($r->{alert}, 70, "TLS $old: alert protocol_version");
	ok($proxy->wait_close('tls_version', from => $from),
		"TLS $old: tls_version");
}
is(try('only13', max => '1.2')->{alert}, 70, 'min_version = 1.3 holds');
is(try('only12')->{version}, 'TLSv1.2', 'max_version = 1.2 holds');

is(try('tls')->{server_key}, 'ec', 'ECDSA is the first choice');
for my $max ('1.2', '1.3') {
	# The device's own key is RSA, for it has to sign so too.
	my $rsa = try('tls', max => $max, device => 'rsa',
		sigalgs => 'rsa_pss_rsae_sha256:rsa_pkcs1_sha256');
	is($rsa->{server_key}, 'rsa',
		"TLS $max: RSA for a client that knows no ECDSA")
	    or diag(Sallyport::Peer::said($rsa));
}
like(try('tls', max => '1.2')->{cipher}, qr/GCM|CHACHA20/,
	'TLS 1.2 with an AEAD cipher');
is(try('tls', max => '1.2', ciphers => 'AES128-SHA')->{alert}, 40,
	'no static RSA or CBC: handshake_failure');
is(try('tls', groups => 'P-256')->{status}, 'ok', 'group P-256');
is(try('tls', groups => 'X25519')->{status}, 'ok', 'group X25519');
SKIP: {
	skip 'this TLS library is not post-quantum', 1
	    if (sallyport_run('-V'))[1] !~ /X25519MLKEM768: yes/;
	is(try('tls', groups => 'X25519MLKEM768')->{status}, 'ok',
		'group X25519MLKEM768, and no other');
}
done_testing;
