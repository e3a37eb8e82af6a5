#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Arguments, and what the daemon does with a config that cannot work.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my ($code, $out, $err) = sallyport_run('-V');
is($code, 0, '-V: exit 0');
like($out, qr/^sallyport \d+\.\d+/, '-V: name and version');
like($out, qr/^BoringSSL API \d+, from \S.*; X25519MLKEM768: (?:yes|no)$/m,
	'-V: the TLS library, its source, and whether it is post-quantum');

($code, $out, $err) = sallyport_run('--help-config');
is($code, 0, '--help-config: exit 0');
like($out, qr/^\[\Q$_->[0]\E[^\]]*\] \Q$_->[1]\E = ?/m,
	"--help-config: [$_->[0]] $_->[1]")
    for ['daemon', 'workers'], ['listener', 'bind'], ['tls', 'client_ca'],
	['identity', 'username'], ['mqtt', 'versions'],
	['backend', 'address'], ['timeouts', 'tls'], ['limits', 'connections'];

for (['--nonsense'], ['-c'], ['stray'], ['--background']) {
	($code, $out, $err) = sallyport_run(@$_);
	is($code, 64, "@$_: exit 64 (usage)");
	like($err, qr{\nsee sallyport --help$}, "@$_: says where the usage is");
}

# A config that is not good starts nothing.
my $ini = write_file(tmp('bad.ini'), "[listener a]\nbind = 127.0.0.1:0\n");
($code, $out, $err) = sallyport_run('-c', $ini);
is($code, 78, 'a bad config: exit 78');
like($err, qr/\Q$ini\E.*certificate/, 'a bad config: says why');

# A port that is taken.
my $taken = peer->listen;
my $proxy = sallyport();
$proxy->write_ini('listener tls' => { bind => $taken->address });
($code, $out, $err) = sallyport_run('-c', $proxy->{ini});
isnt($code, 0, 'a port that is taken: no start');
like($err, qr/\Q$proxy->{ini}\E:\d+: bind: .*${\$taken->port}/,
	'a port that is taken: says which');

# -t does not bind: it works beside the running daemon, on its ports.
$proxy->write_ini('listener tls' => {
	bind => '127.0.0.1:' . $proxy->port('tls') });
($code, $out, $err) = sallyport_check('-c', $proxy->{ini});
is($code, 0, '-t binds nothing') or diag($err);
done_testing;
