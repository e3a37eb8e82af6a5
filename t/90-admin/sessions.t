#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# sessions and kick: every filter, over TLS and WSS, MQTT 3.1.1 and 5, on all
# workers.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Admin;

use Digest::SHA qw(sha256_hex);

my $socket = tmp('admin.sock');
my $broker = peer('broker')->listen;
my $proxy = sallyport(
	daemon => { admin_socket => $socket, workers => 2 },
	backend => { address => $broker->address },
);

sub session
{
	my ($transport, $version, $device, $id) = @_;
	my $c = peer->device($transport, device => $device,
		port => $proxy->port($transport));
	my $b = $broker->session($c, version => $version, clientid => $id);
	return { c => $c, b => $b, version => $version, id => $id };
}

# The ClientIDs that a filter matches.
sub ids
{
	my ($code, $answer) = ctl_json($socket, 'sessions', @_);

	is($code, @{ $answer->{sessions} } ? 0 : 1, "sessions @_");
	return [ sort map { $_->{client_id} } @{ $answer->{sessions} } ];
}

is_deeply(ids(), [], 'no session');

my %s = (
	a3 => session('tls', 4, 'ec', 'a3'), a5 => session('tls', 5, 'ec', 'a5'),
	w3 => session('wss', 4, 'rsa', 'w3'),
	w5 => session('wss', 5, 'rsa', 'w5'),
	keep => session('tls', 5, 'bare', 'keep'),
);
my $sha = sha256_hex(pki->der('ec'));
my $colons = join ':', unpack '(A2)*', uc $sha;

is_deeply(ids(), [qw(a3 a5 keep w3 w5)], 'all');
is_deeply(ids('--user', 'device-001'), [qw(a3 a5)], 'by user');
is_deeply(ids('--client-id', 'w5'), ['w5'], 'by ClientID');
is_deeply(ids('--cert', $sha), [qw(a3 a5)], 'by certificate');
is_deeply(ids('--cert', $colons), [qw(a3 a5)], 'as openssl prints it');
is_deeply(ids('--peer', '127.0.0.0/8'), [qw(a3 a5 keep w3 w5)], 'by network');
is_deeply(ids('--peer', '192.0.2.1'), [], 'by another address');
is_deeply(ids('--listener', 'wss'), [qw(w3 w5)], 'by listener');
is_deeply(ids('--listener', 'tls', '--user', 'device-003'), ['keep'],
	'both must match');
is_deeply(ids('--min-age', '1h'), [], 'by age: none is so old');
is_deeply(ids('--min-age', '0s'), [qw(a3 a5 keep w3 w5)], 'by age: all are');
is_deeply(ids('--max-age', '1h'), [qw(a3 a5 keep w3 w5)], 'none is older');
is_deeply(ids('--max-age', '0s', '--min-age', '1s'), [], 'an empty span');
is_deeply(ids('--user', 'device-00'), [], 'a part of a name is no match');

is_deeply(ids('--user', 'device-00?'), [qw(a3 a5 keep w3 w5)], 'one character');
is_deeply(ids('--user', '*1'), [qw(a3 a5)], 'any text');
is_deeply(ids('--client-id', '*'), [qw(a3 a5 keep w3 w5)], 'all');
is_deeply(ids('--client-id', '?5'), [qw(a5 w5)], 'a pattern');
is_deeply(ids('--client-id', 'k*e*p'), ['keep'], 'several');
is_deeply(ids('--client-id', 'k*e'), [], 'all of the name has to match');
is_deeply(ids('--listener', 'w*'), [qw(w3 w5)], 'listeners, too');
is_deeply(ids('--backend', 'default'), [qw(a3 a5 keep w3 w5)], 'by backend');
is_deeply(ids('--backend', $broker->address), [qw(a3 a5 keep w3 w5)],
	'by the address of the broker');
is_deeply(ids('--backend', '127.0.0.1:1'), [], 'of another broker');
for ([ 'listener', 'tsl' ], [ 'backend', 'defualt' ]) {
	my ($key, $name) = @$_;
	for my $command ('sessions', 'kick') {
		my ($code, undef, $said) = ctl($socket, $command, "--$key",
			$name);
		is($code, 1, "$command --$key of what does not exist");
		like($said, qr/there is no \[$key $name\]/, 'is an error');
	}
}
sub sorted
{
	my ($key) = @_;
	my (undef, $answer) = ctl_json($socket, 'sessions', '--sort', $key);

	return [ map { $_->{client_id} } @{ $answer->{sessions} } ];
}
is_deeply(sorted('client_id'), [qw(a3 a5 keep w3 w5)], 'sorted by ClientID');
is_deeply(sorted('-client_id'), [qw(w5 w3 keep a5 a3)], 'and descending');
is((sorted('-user'))->[0], 'keep', 'by user');
is_deeply([ sort @{ sorted('-up') } ], [qw(a3 a5 keep w3 w5)], 'by bytes');
(undef, my $least) = ctl_json($socket, 'sessions', '--sort', 'client_id',
	'--limit', 2);
is_deeply([ map { $_->{client_id} } @{ $least->{sessions} } ], [qw(a3 a5)],
	'the first of all workers');
is((ctl($socket, 'sessions', '--sort', 'colour'))[0], 64, 'no such key');

my (undef, $one) = ctl_json($socket, 'sessions', '--client-id', 'a5');
my $row = $one->{sessions}[0];
is($row->{stage}, 'relay', 'stage');
is($row->{mqtt}, '5', 'MQTT version');
is($row->{tls}, 'TLSv1.3', 'TLS version');
is($row->{cert_sha256}, $sha, 'certificate');
like($row->{peer}, qr/^127\.0\.0\.1:\d+$/, 'peer');
like($row->{cert_not_after}, qr/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'expiry');
cmp_ok($row->{up}, '>', 0, 'bytes up');
is($row->{identity}, 'default', 'identity profile');
is($row->{backend}, 'default', 'backend profile');
is($row->{broker}, $broker->address, 'the broker');
is($row->{issuer}, 'CN=Client CA,O=Test', 'issuer');
cmp_ok($row->{sid}, '<', 2**31, 'a short number');
is_deeply(ids('--sid', $row->{sid}), ['a5'], 'by its number');
my (undef, $few) = ctl_json($socket, 'sessions', '--limit', 2);
is(@{ $few->{sessions} }, 2, 'limited');
is($few->{matched}, 5, 'and all are counted');

my ($code, $out) = ctl($socket, 'sessions', '--listener', 'wss');
is($code, 0, 'for people');
like($out, qr/^SID +USER +CLIENT ID /, 'heading');
like($out, qr/^\d+ +device-002 +w3 +127\.0\.0\.1:\d+ +wss +relay /m, 'row');
like($out, qr/^2 sessions$/m, 'count');

# --watch repeats until it is ended.
my $pid = open my $watch, '-|', Sallyport::Admin::program(), '-s', $socket,
    'sessions', '--watch=0.05' or die "$!";
my $seen = 0;
while (<$watch>) {
	last if /^5 sessions/ && ++$seen == 3;
}
is($seen, 3, '--watch shows it again and again');
kill 'TERM', $pid;
close $watch;

# On a terminal it fits the screen, and has rates.
SKIP: {
	skip 'no script(1)', 4 unless has_tool('script');
	my $shown = tmp('screen');
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		open STDOUT, '>', $shown;
		open STDIN, '<', '/dev/null';
		exec 'script', '-qfc', 'stty rows 6 cols 60; exec '
		    . Sallyport::Admin::program() . " -s $socket sessions "
		    . '--watch=0.1', '/dev/null';
	}
	wait_until('three screens', sub {
		(() = read_file($shown) =~ /\e\[H/g) >= 3;
	});
	kill 'TERM', $pid;
	waitpid $pid, 0;
	my $screen = (split /\e\[H/, read_file($shown))[2];
	is(() = $screen =~ /\n/g, 5, 'as many lines as the terminal has');
	my @lines = map { s/\e\[[0-9;]*[a-zA-Z]//gr =~ s/\r$//r } split /\n/,
	    $screen;
	ok(!grep({ length > 60 } @lines), 'none is longer than it is wide');
	like($lines[1], qr/^SID +USER +CLIENT ID +UP\/S +DOWN\/S /,
		'rates stand first');
	like($lines[0], qr/^5 sessions/, 'the count is above');
}

sub lives
{
	my ($s, $why) = @_;

	$s->{c}->send(mqtt_pingreq);
	is(hex($s->{b}->packet), hex(mqtt_pingreq), "$s->{id}: $why");
}

sub is_kicked
{
	my ($s) = @_;
	my $r = $s->{c}->ended;

	is(hex($r->{bytes}), $s->{version} == 5 ? 'e0029800' : '',
		"$s->{id} is told");
	isnt($s->{b}->ended->{status}, 'timeout', "$s->{id}: the broker hears");
	$s->{$_}->close for qw(c b);
	ok($proxy->wait_close('relay_kicked'), "$s->{id}: relay_kicked");
}

is((ctl($socket, 'kick', '--client-id', 'nobody'))[0], 1, 'kick of nobody');
($code, my $kicked) = ctl_json($socket, 'kick', '--user', 'device-001');
is($code, 0, 'kick');
is($kicked->{matched}, 2, 'both sessions of the device');
is_kicked($s{$_}) for qw(a3 a5);
lives($s{$_}, 'not meant') for qw(w3 w5 keep);
($code, $out) = ctl($socket, 'kick', '--listener', 'wss', '--backend',
	'default');
like($out, qr/^2 sessions closed$/m, 'kick for people');
is_kicked($s{$_}) for qw(w3 w5);
lives($s{keep}, 'not meant');
my $back = session('tls', 5, 'ec', 'a5');
lives($back, 'who was kicked may come back');
is_deeply(ids(), [qw(a5 keep)], 'who is there now');

# A connection without an identity yet.
my $silent = peer->tls(device => 'ec', port => $proxy->port('tls'));
wait_until('the silent one is listed', sub {
	my (undef, $all) = ctl_json($socket, 'sessions');
	return $all->{matched} == 3;
});
($code, $kicked) = ctl_json($socket, 'kick', '--all');
is($kicked->{matched}, 3, 'kick --all');
isnt($silent->ended->{status}, 'timeout', 'the silent one goes too');
is_kicked($_) for $s{keep}, $back;
is_deeply(ids(), [], 'no session is left');

# The first certificates to expire come first, of all workers.
pki->make("in-$_", subject => "/CN=in-$_", end => $_ + .5)
    for 5, 50, 500;
my @devices = map { session('tls', 5, "in-$_", "in-$_") }
    5, 500, 5, 50, 50, 500;
($code, my $certs) = ctl_json($socket, 'cert');
is_deeply([ map { $_->{days_left} } @{ $certs->{devices} } ],
	[ 5, 5, 50, 50, 500, 500 ], 'cert: the first to expire first');
is($certs->{devices}[0]{user}, 'in-5', 'and who they are');
(undef, $certs) = ctl_json($socket, 'cert', '--limit', 3);
is(@{ $certs->{devices} }, 3, 'cert --limit');
(undef, $out) = ctl($socket, 'cert');
like($out, qr/the first to expire first\nDAYS LEFT .*\n +5  20.*  in-5  /, 'for people');

# A long name is cut in the table; JSON has all of it.
my $long = session('tls', 5, 'ec', 'x' x 100);
(undef, $out) = ctl($socket, 'sessions', '--user', 'device-001');
like($out, qr/ x{61}\.\.\.  127/, 'a long name is cut');
is_deeply(ids('--user', 'device-001'), [ 'x' x 100 ], 'but not in JSON');
(undef, $out) = ctl($socket, 'sessions', '--client-id', 'x' x 100);
like($out, qr/^1 session$/m, 'one session is no sessions');
$_->{c}->close, $_->{b}->close for @devices, $long;

# A client's name cannot control the terminal.
my $evil = session('tls', 5, 'ec', "\e]0;x\a");
($code, $out) = ctl($socket, 'sessions');
unlike($out, qr/[\x00-\x08\x0b-\x1f\x7f]/, 'no control reaches the terminal');
like($out, qr/\\x1b\]0;x\\x07/, 'it is escaped');
done_testing;
