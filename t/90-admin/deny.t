#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# deny and allow: in force at once, on live sessions and newcomers, on the
# disk, and over a reload and a restart.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Admin;

use Digest::SHA qw(sha256_hex);

my $socket = tmp('admin.sock');
my $deny = tmp('deny.csv');
my $broker = peer('broker')->listen;
my %config = (
	daemon => { admin_socket => $socket },
	backend => { address => $broker->address },
	denylist => { file => $deny },
);

write_file($deny, "as,who,reason,until\n");
chown +(getpwnam 'nobody')[2, 3], $deny if $> == 0;
my $proxy = sallyport(%config);

sub session
{
	my ($transport, $version, $device) = @_;
	my $c = peer->device($transport, device => $device,
		port => $proxy->port($transport));
	my $b = $broker->session($c, version => $version, clientid => $device);
	return { c => $c, b => $b, version => $version, what => $device };
}

sub is_out
{
	my ($s) = @_;
	my $r = $s->{c}->ended;

	is(hex($r->{bytes}), $s->{version} == 5 ? 'e0029800' : '',
		"$s->{what}: thrown out");
	$s->{b}->ended;
	$s->{$_}->close for qw(c b);
}

sub stays_out
{
	my ($device, $reason, $why) = @_;
	my $from = $proxy->mark;
	my $c = peer->try_tls(port => $proxy->port('tls'), device => $device);

	$c->try_send(mqtt_connect(clientid => $device))
	    if $c->{tls}{status} eq 'ok';
	isnt($c->ended->{status}, 'timeout', "$why: closed");
	ok($proxy->wait_close($reason, from => $from), "$why: $reason");
	$c->close;
}

my $honest = session('tls', 5, 'bare');
my @thieves = (session('tls', 5, 'ec'), session('wss', 4, 'ec'));

# By name.
my ($code, $answer) = ctl_json($socket, 'deny', 'username', 'device-001',
	'--reason', 'lost, "stolen"');
is($code, 0, 'deny');
is($answer->{sessions_ended}, 2, 'and two sessions ended');
is($answer->{added}, 1, 'one entry more');
is_out($_) for @thieves;
stays_out('ec', 'identity_denied', 'back');
$honest->{c}->send(mqtt_pingreq);
is(hex($honest->{b}->packet), hex(mqtt_pingreq), 'the other one lives');
like(read_file($deny), qr/^username,device-001,"lost, ""stolen""",/m,
	'it is on the disk');

(undef, $answer) = ctl_json($socket, 'denied');
is($answer->{count}, 1, 'denied: one');
is_deeply($answer->{denied}[0], {
	as => 'username', who => 'device-001', reason => 'lost, "stolen"',
	until => undef, expired => JSON::PP::false(),
}, 'as it was given');
my (undef, $out) = ctl($socket, 'denied');
like($out, qr/^username +device-001 +- +no +lost, "stolen"$/m, 'for people');
is((ctl($socket, 'denied', '--who', 'other'))[0], 1, 'denied --who: none');
is((ctl($socket, 'denied', '--as', 'username'))[0], 0, 'denied --as: one');

is((ctl($socket, 'reload'))[0], 0, 'reload');
stays_out('ec', 'identity_denied', 'after a reload');
$proxy->stop;
$proxy = sallyport(%config);
stays_out('ec', 'identity_denied', 'after a restart');

# Taken back.
is((ctl($socket, 'allow', 'username', 'device-001'))[0], 0, 'allow');
my $again = session('tls', 5, 'ec');
pass('in again');
is((ctl($socket, 'allow', 'username', 'device-001'))[0], 1,
	'there is nothing to take back');

# By certificate, for a while.
my $sha = sha256_hex(pki->der('ec'));
is((ctl($socket, 'deny', 'sha256', $sha, '--until', '1h'))[0], 0,
	'deny a certificate');
is_out($again);
stays_out('ec', 'tls_denied', 'by certificate');
(undef, $answer) = ctl_json($socket, 'denied');
like($answer->{denied}[0]{until}, qr/^20\d\d-.*Z$/, 'until then');
is((ctl($socket, 'allow', 'sha256', $sha))[0], 0, 'taken back early');
$again = session('tls', 5, 'ec');
pass('in again');

# When deny returns, the last of many has been sent away.
my @many = map { session($_ % 2 ? 'tls' : 'wss', 5, 'rsa') } 1 .. 100;
is((ctl_json($socket, 'sessions', '--user', 'device-002'))[1]{matched}, 100,
	'a hundred sessions');
is((ctl($socket, 'deny', 'cn', 'device-002'))[0], 0, 'denied');
is((ctl_json($socket, 'sessions', '--user', 'device-002'))[1]{matched}, 0,
	'none is left when the answer comes');
$_->{c}->close, $_->{b}->close for @many;

# Refused.
for ([ 'nonsense', 'x' ], [ 'sha256', 'xyz' ], [ 'peerhost', 'no address' ],
	[ 'username_re', '(' ], [ 'username', 'x', '--until', 'never' ]) {
	my $before = read_file($deny);
	my ($code, undef, $err) = ctl($socket, 'deny', @$_);
	is($code, 1, "refused: @$_");
	like($err, qr/^sallyportctl: \S/, 'and says why');
	is(read_file($deny), $before, 'the file is as it was');
}

($code, undef, my $advice) = ctl($socket, 'deny', 'username', 'x', '--until',
	'tomorrow');
is($code, 1, 'tomorrow is no time');
like($advice, qr/until is a time .*how long from now \(1h\)/,
	'and it says what is');

# Without a deny list there is nowhere to write to.
$proxy->write_ini(%config, denylist => undef);
is((ctl($socket, 'reload'))[0], 0, 'no deny list any more');
($code, undef, my $err) = ctl($socket, 'deny', 'username', 'x');
is($code, 1, 'deny is refused');
like($err, qr/set \[denylist\] file/, 'and says what to do');
done_testing;
