#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# sallyport explain: the certificate's facts, the variables of a template, JSON,
# and files that hold no certificate. What is decided is tested in 50-identity.
use strict;
use warnings;
use utf8;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

use Digest::SHA qw(sha256_hex);
use Encode qw(encode_utf8);
use JSON::PP;

my $proxy = sallyport(identity => { username => '${cn}' });

sub explain_with
{
	return sallyport_run('explain', '-c', $proxy->{ini}, @_);
}

pki->make('names', subject => encode_utf8('/CN=Gerät 7/OU=Werk'),
	san => 'DNS:gerät.example,URI:urn:x:7,IP:192.0.2.7' =~ s/ä/ae/r);
my ($code, $out) = explain_with(pki->cert('names'));
is($code, 0, 'admitted');
like($out, qr/^tls +subject OU=Werk,CN=Ger\\\\C3\\\\A4t 7$/m, 'subject');
like($out, qr/^tls +issuer CN=Client CA,O=Test$/m, 'issuer');
like($out, qr/^tls +serial [0-9a-f]+$/m, 'serial number');
like($out, qr/^tls +not_after 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/m, 'dates');
my $sha = sha256_hex(pki->der('names'));
like($out, qr/^tls +sha256 $sha$/m, 'fingerprint');
like($out, qr/^tls +alternative name \Q$_\E$/m, $_)
    for 'dns:geraet.example', 'uri:urn:x:7', 'ip:192.0.2.7';
like($out, qr/^variable +\$\{cn\} = "\Q@{[ encode_utf8('Gerät 7') ]}\E"$/m,
	'UTF-8 is shown as such');
like($out, qr/^variable +\$\{san\.ip\} = "192\.0\.2\.7"$/m, 'a variable');
like($out, qr/^variable +\$\{o\}: the certificate has none$/m, 'one without');
like($out, qr/^variable +\$\{crt\} = "MII.*\.\.\." \(\d+ bytes\)$/m,
	'a long one is cut');
my @variables = $out =~ /^variable +\$\{([\w.]+)\}/mg;
my (undef, $help) = sallyport_run('--help-config');
cmp_ok(@variables, '>=', 21, 'all variables');

# A pipe, as the shell's <(COMMAND) is one.
{
	my $read = sub {
		my ($from) = @_;

		open my $p, '-|', 'sh', '-c', "$from | \"\$@\"", 'sh',
		    Sallyport::Daemon::program(builddir()), 'explain',
		    '-c', $proxy->{ini}, '/dev/stdin'
		    or die "sh: $!";
		local $/;
		my $said = <$p>;

		close $p;
		return ($? >> 8, $said);
	};

	($code, $out) = $read->('cat ' . pki->cert('names'));
	is($code, 0, 'a certificate from a pipe');
	like($out, qr/^tls +sha256 $sha$/m, 'is that certificate');
	($code) = $read->('cat ' . pki->key('names'));
	is($code, 78, 'a key from a pipe is refused');
	($code) = $read->('head -c 2000000 /dev/zero');
	is($code, 78, 'and so is what is too long');
}

# JSON.
($code, $out) = explain_with('--json', pki->cert('names'));
is($code, 0, 'JSON');
my $j = decode_json($out);
is($j->{verdict}, 'admitted', 'verdict');
is($j->{variables}{cn}, 'Gerät 7', 'a variable');
is($j->{variables}{crt}, $j->{variables}{pem}, 'a long one in full');
like($j->{variables_missing}{o}, qr/has none/, 'one without');
is($j->{certificate}{sha256}, $sha, 'certificate');
is_deeply($j->{certificate}{alternative_names}[2],
	{ kind => 'ip', value => '192.0.2.7' }, 'alternative names');
is($j->{broker}{username}, 'Gerät 7', 'what the broker gets');
like($j->{packet}, qr/^10[0-9a-f]+$/, 'the packet');
($code, $out) = explain_with('-j', pki->cert('untrusted'));
is($code, 1, 'refused');
$j = decode_json($out);
is($j->{verdict}, 'refused', 'verdict');
is($j->{reason}, 'tls_untrusted', 'reason');
ok($j->{variables}{cn}, 'it has variables, too');
ok($j->{certificate}{subject}, 'and facts');
($code, $out) = explain_with('-j', 'none');
is(decode_json($out)->{reason}, 'tls_no_certificate', 'no certificate');

# Files without a certificate.
my $said;
for ([ pki->key('names'), qr/contains no certificate, but an? .*PRIVATE KEY/ ],
	[ write_file(tmp('empty.pem'), ''), qr/the file is empty/ ],
	[ write_file(tmp('text.pem'), "hello\n"),
		qr/contains no certificate that can be read/ ],
	[ tmp('absent.pem'), qr/No such file/ ], [ tmp, qr/directory/ ]) {
	my ($file, $why) = @$_;
	($code, undef, $said) = explain_with($file);
	is($code, 78, 'no certificate');
	like($said, $why, "says $why");
}

# Arguments.
($code, $out) = sallyport_run('explain', '--help');
is($code, 0, 'explain --help');
like($out, qr/^usage: sallyport explain/, 'is about explain');
is((sallyport_run('explain'))[0], 64, 'no certificate named');
is((sallyport_run('explain', '--nonsense', 'none'))[0], 64, 'no such option');
done_testing;
