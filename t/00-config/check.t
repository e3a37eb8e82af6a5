#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# sallyport -t: a good config is said to be good, a bad one gets every error
# in one run, each with file, line and what to write instead. Exit 78.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;

my $pki = pki;
my $ini = tmp('test.ini');

# The lines of a good config; a test replaces some of them.
sub good
{
	my (%line) = @_;
	my @lines = (
		'[listener mqtts]',
		'bind = 127.0.0.1:0',
		'[tls]',
		'certificate = pki/server.crt',
		'private_key = pki/server.key',
		'client_ca = pki/client-ca.crt',
	);

	$lines[$_ - 1] = $line{$_} for grep { /\d/ } keys %line;
	push @lines, @{ $line{more} } if $line{more};
	return join "\n", @lines, '';
}

sub check
{
	write_file($ini, $_[0]);
	return sallyport_check('-c', $ini);
}

my ($code, $out, $err) = check(good(more => ['[daemon]', 'user = nobody',
	'[identity]', 'clientid = ${cn}']));
is($code, 0, 'a good config: exit 0');
like($out, qr/\Q$ini\E.*good/, 'a good config: says so');
is($err, '', 'a good config: nothing else');

# Without a clientid the template of the Username is its first part: faults of
# that are reported once.
(undef, undef, $err) = check(good(more => ['[identity]', 'username = {cn}']));
is(scalar(() = $err =~ /has no variable/g), 1, 'one report for both names')
    or diag($err);

# A template without a variable would give all devices one name.
($code, undef, $err) = check(good(more => ['[identity]',
	'username = {cn}', 'clientid = {cn}']));
is($code, 78, 'templates without a $: refused');
like($err, qr/ error: \S+:8: username: has no variable/, 'the Username');
like($err, qr/ error: \S+:9: clientid: has no variable/, 'the ClientID');

# In the order of the lines, warnings among them.
($code, undef, $err) = check(good(6 => 'private_key = none.key',
	more => ['[identity]', 'username = {cn}', '[limits]',
		'handshake_rate = x']));
my @order = $err =~ /^sallyport: \w+: \S+?:(\d+): /mg;
is("@order", join(' ', sort { $a <=> $b } @order), 'in the order of lines');

for (
	['a comment', ['; one', '# two', '[mqtt]', 'versions = 5 ; three']],
	['a BOM', undef, "\xef\xbb\xbf"],
	['CRLF', undef, undef, "\r\n"],
	['all profiles', [
		'[tls b]', 'certificate = pki/server.crt, pki/server-rsa.crt',
		'private_key = pki/server.key, pki/server-rsa.key',
		'client_ca = pki/client-ca.crt, pki/other-ca.crt',
		'[identity]', 'username = dn',
		'[identity b]', 'username = ${cn}-${client.clientid}',
		'[backend]', 'address = 127.0.0.1:1883',
		'[backend b]', 'address = unix:/tmp/x, localhost:1883',
		'[listener b]', 'bind = [::1]:0, 127.0.0.1:0',
		'transport = websocket', 'tls = b', 'identity = b',
		'backend = b']],
	['times and sizes', [
		'[timeouts]', 'tls = 1500ms', 'mqtt = 2m', 'idle = 1d',
		'[limits]', 'relay_buffer = 1m']],
	['a value of the environment', [
		'[backend]', 'address = ${env:TEST_BROKER}:1883']],
) {
	my ($what, $more, $front, $end) = @$_;
	my $text = ($front // '') . good(more => $more);
	local $ENV{TEST_BROKER} = '127.0.0.9';

	$text =~ s/\n/$end/g if $end;
	($code, $out, $err) = check($text);
	is($code, 0, "$what: good") or diag($err);
}

# Columns: name, lines that the complaint may name, part of its text,
# replacement. Faults in the files of [tls] are reported for line 3.
my @bad = (
	['an unknown key', '2', ['bnid', 'bind'], 'bnid = 127.0.0.1:0'],
	['an unknown section', '1', ['listner', 'listener'],
		'[listner mqtts]'],
	['an address without port', '2', ['bind'], 'bind = 127.0.0.1'],
	['a port beyond', '2', ['bind'], 'bind = 127.0.0.1:65536'],
	['a name to listen on', '2', ['bind'], 'bind = localhost:8883'],
	['a missing file', '4', ['certificate', 'none.crt'],
		'certificate = none.crt'],
	['a directory for a file', '4', ['certificate'], 'certificate = pki'],
	['a key for a certificate', '4|3', ['certificate'],
		'certificate = pki/server.key'],
	['a certificate for a key', '5|3', ['private_key'],
		'private_key = pki/server.crt'],
	['the key of another', '5|3', ['private_key', 'certificate'],
		'private_key = pki/server-rsa.key'],
	['fewer keys than certificates', '4|5', ['certificate'],
		'certificate = pki/server.crt, pki/server-rsa.crt'],
	['a CA that is a key', '6|3', ['client_ca'],
		'client_ca = pki/ec.key'],
	['no equals sign', '2', ['='], 'bind 127.0.0.1:0'],
	['an open bracket', '1', [']'], '[listener mqtts'],
	['a line too long', '2', ['long'], 'bind = ' . '1' x 6000],
	['a key twice', '6', ['private_key', 'already'],
		'private_key = pki/server.key'],
	['a listener without name', '1', ['listener', 'name'], '[listener]'],
	['a control byte', '2', ['bind'], "bind = 127.0.0.1\x01:0"],
);
for (@bad) {
	my ($what, $lines, $words, $text) = @$_;
	my ($line) = $lines =~ /^(\d)/;

	($code, $out, $err) = check(good($line => $text));
	is($code, 78, "$what: exit 78");
	like($err, qr/\Q$ini\E:($lines): /, "$what: line $lines")
	    or diag($err);
	like($err, qr/\Q$_\E/, "$what: says \"$_\"") for @$words;
}

# What is quoted from the file does not command a terminal.
($code, $out, $err) = check(good(2 => "b\xc2\x9bnd\xe2\x80\xae = 1",
	4 => "certificate = n\xc3\xb6.crt"));
is($code, 78, 'invisible characters: exit 78');
like($err, qr/b\?\?nd\?\?\? = 1/, 'are shown as question marks');
like($err, qr/n\xc3\xb6\.crt/, 'letters as they are');

# Columns: key, bad value, part of the complaint.
my @values = (
	['timeouts', 'tls', '10x', 'tls'],
	['timeouts', 'tls', '10', 'tls'],
	['timeouts', 'tls', '-1s', 'tls'],
	['timeouts', 'tls', '1ms', 'tls'],
	['timeouts', 'tls', '99999999999999999999s', 'tls'],
	['limits', 'relay_buffer', '64q', 'relay_buffer'],
	['limits', 'relay_buffer', '1', 'relay_buffer'],
	['limits', 'connections', 'many', 'connections'],
	['mqtt', 'versions', '4', 'versions'],
	['mqtt', 'versions', '', 'versions'],
	['mqtt', 'bridge_bit', 'maybe', 'keep'],
	['daemon', 'workers', '0', 'workers'],
	['daemon', 'log_level', 'loud', 'debug'],
	['tls x', 'min_version', '1.1', '1.2'],
	['identity', 'username', '${nonsense}', 'column 1'],
	['identity', 'username', '${cn', 'username'],
	['identity', 'username', '', 'username'],
	['identity', 'password', 'perhaps', 'strip'],
	['backend', 'address', 'broker', 'address'],
	['backend', 'address', 'unix:', 'address'],
	['backend', 'address', '', 'address'],
	['backend', 'address', '${env:NO_SUCH_VARIABLE}:1', 'NO_SUCH_VARIABLE'],
	['denylist', 'file', 'none.csv', 'none.csv'],
	['listener x', 'transport', 'udp', 'websocket'],
	['listener x', 'identity', 'nobody', 'nobody'],
	['listener x', 'path', 'mqtt', 'path'],
);
for (@values) {
	my ($section, $key, $value, $word) = @$_;
	my @more = ("[$section]", "$key = $value");

	push @more, 'bind = 127.0.0.1:0' if $section eq 'listener x';
	($code, $out, $err) = check(good(more => \@more));
	is($code, 78, "$key = $value: exit 78") or diag($err);
	like($err, qr/\Q$ini\E:8: .*\Q$word\E/, "$key = $value: says so");
}
for (
	['no listener', "[mqtt]\n", 'listener'],
	['no bind', "[listener a]\n", 'bind'],
	['an empty file', '', 'listener'],
	['binary', "\0\1\2\3", '1'],
	['UTF-16', "\xff\xfe[\0", 'UTF'],
) {
	my ($what, $text, $word) = @$_;
	($code, $out, $err) = check($text);
	is($code, 78, "$what: exit 78");
	like($err, qr/\Q$ini\E.*\Q$word\E/, "$what: says so") or diag($err);
}

# All at once.
($code, $out, $err) = check(join "\n",
	'[listener a]', 'bind = nowhere', 'trnsport = tcp',
	'[tls]', 'certificate = none.crt', 'private_key = none.key',
	'client_ca = none.pem', '[timeouts]', 'mqtt = soon', '[mqqt]', '');
is($code, 78, 'many errors: exit 78');
like($err, qr/\Q$ini\E:$_: /, "many errors: line $_ is among them")
    for 2, 3, 5, 6, 7, 9, 10;

($code, $out, $err) = sallyport_check('-c', tmp('absent.ini'));
is($code, 78, 'no such file: exit 78');
like($err, qr/absent\.ini/, 'no such file: says which');
done_testing;
