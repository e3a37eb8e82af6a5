#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# The admin socket and sallyportctl: each command, what is refused, and the
# exit codes.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Sallyport;
use Sallyport::Admin;

my $socket = tmp('admin.sock');
my $broker = peer('broker')->listen;
my %config = (
	daemon => { admin_socket => $socket },
	backend => { address => $broker->address },
);
my $proxy = sallyport(%config);

is((stat $socket)[2] & 07777, 0600, 'the socket is for its owner only');

# status
my ($code, $status) = ctl_json($socket, 'status');
is($code, 0, 'status');
is($status->{state}, 'serving', 'serving');
ok($status->{ready}, 'ready');
is($status->{workers}, 2, 'workers');
is($status->{config}{generation}, 1, 'generation');
is($status->{process}{pid}, $proxy->{pid}, 'pid');
is_deeply([ map { $_->{listener} } @{ $status->{listeners} } ],
	[ 'tls', 'wss' ], 'listeners');
is($status->{backends}[0]{endpoint}, $broker->address, 'the broker');
($code, my $out) = ctl($socket, 'status');
is($code, 0, 'status for people');
like($out, qr/^sallyport \S+, serving, ready, up \d+s, pid $proxy->{pid}/,
	'its first line');
like($out, qr/^tls +0 /m, 'a listener');

# cert
($code, my $certs) = ctl_json($socket, 'cert');
is($code, 0, 'cert');
is_deeply([ map { $_->{role} } @{ $certs->{certificates} } ],
	[ 'server', 'client_ca' ], 'server certificate and client CA');
cmp_ok($certs->{certificates}[0]{days_left}, '>', 100, 'days left');
($code, $out) = ctl($socket, 'cert');
like($out, qr/^default +server +\d+ +20/m, 'cert for people');

# log
($code, $out) = ctl($socket, 'log', 'error');
$proxy->wait_log(qr/event=admin command=log level=error/);
my $from = $proxy->mark;
is($code, 0, 'log');
is($out, "log level error, until the next reload\n", 'says so');
is((ctl($socket, 'log', 'loud'))[0], 64, 'no such level');
is($proxy->mark, $from, 'nothing below error is logged');

# reload
($code, my $answer) = ctl_json($socket, 'reload');
is($code, 0, 'reload');
is($answer->{generation}, 2, 'the next generation is in force');
$proxy->write_ini(%config, timeouts => { tls => '10x', idl => 3 });
($code, $answer) = ctl_json($socket, 'reload');
is($code, 1, 'a bad file is refused');
is(scalar @{ $answer->{complaints} }, 2, 'with both complaints');
like($answer->{complaints}[0], qr/\.ini:\d+: .*(?:tls|idl)/, 'and its line');
is($answer->{generation}, 2, 'what was in force stays');
($code, $out, my $err) = ctl($socket, 'reload');
is($code, 1, 'for people');
like($err, qr/^sallyportctl: refused.*\n.*\.ini:\d+: /, 'the same');
$proxy->write_ini(%config);
is((ctl($socket, 'reload'))[0], 0, 'mended');
is((ctl_json($socket, 'status'))[1]{config}{reloads_failed}, 2,
	'status counts what was refused');

# metrics
($code, $out) = ctl($socket, 'metrics');
is($code, 0, 'metrics');
like($out, qr/^sallyport_config_generation 3$/m, 'a metric');

# Usage.
for ([ 'nonsense' ], [], [ 'deny', 'username' ], [ 'status', 'more' ],
	[ 'sessions', '--nonsense' ], [ 'sessions', '--peer', 'x' ],
	[ 'sessions', '--cert', 'abc' ], [ 'sessions', '--min-age', '3y' ],
	[ 'sessions', '--reason', 'x' ], [ 'kick' ], [ 'kick', '--limit', 3 ],
	[ 'sessions', '--limit', 'many' ], [ 'denied', '--limit', '' ],
	[ 'cert', '--limit', '100001' ], [ 'sessions', '--max-age', 'x' ],
	[ 'status', '--watch=x' ], [ 'status', '--watch=0' ],
	[ 'status', '--watch=-1' ], [ 'status', '--watch=2s' ],
	[ 'reload', '--watch' ], [ 'deny', 'username', '' ]) {
	is((ctl($socket, @$_))[0], 64, "usage: @$_");
}
is((ctl($socket, '--help'))[0], 0, '--help');
for my $command (qw(status sessions kick deny allow denied reload drain metrics
    cert log)) {
	($code, $out) = ctl($socket, $command, '--help');
	is($code, 0, "$command --help");
	like($out, qr/^usage: sallyportctl \[-s SOCKET\] \[-j\] $command\b/,
		'is about that command');
	is((() = $out =~ /^usage/mg), 1, 'and no other');
}
($code, $out) = ctl(tmp('none.sock'), 'kick', '--user', 'x', '-h');
is($code, 0, 'help needs no daemon');
($code, $out, my $said) = ctl($socket, 'nonsense', '--help');
is($code, 64, 'help of what is no command');
like($said, qr/no such command: nonsense/, 'says so');
($code, $out, $said) = ctl($socket, 'sessions', '--reason', 'x');
like($said, qr/sessions has no --reason \(see sallyportctl sessions --help\)/,
	'an option of another command');
like((ctl($socket, '--version'))[1], qr/^sallyportctl \d/, '--version');

# No daemon answers.
($code, $out, $err) = ctl(tmp('none.sock'), 'status');
is($code, 3, 'no socket');
like($err, qr/none\.sock: there is no such socket\. Is sallyport running/,
	'a useful error');

# At the socket itself.
is(http($socket, 'GET', '/nothing')->{status}, 404, 'no such command');
is(http($socket, 'GET', '/reload')->{status}, 405, 'GET changes nothing');
is(http($socket, 'POST', '/status')->{status}, 405, 'POST does not look');
is(http($socket, 'GET', '/status?x=1')->{status}, 400, 'unknown parameter');
is(http($socket, 'GET', '/sessions?user=a&user=b')->{status}, 400, 'twice');
is(http($socket, 'GET', '/sessions?user=a%00b')->{status}, 400, 'NUL');
is(http($socket, 'GET', '/sessions?user=%4')->{status}, 400, 'bad %');
is(http($socket, 'GET', '/sessions?user')->{status}, 400, 'no value');
is(http($socket, 'POST', '/kick?all=0')->{status}, 400, 'all=0 is not all');
is(http($socket, 'GET', '/sessions?user=' . 'x' x 300_000)->{status}, 431,
	'too large');
is(http($socket, 'GET', '/sessions?user=' . 'x' x 100_000)->{status}, 200,
	'a long name fits');

# A second daemon does not take the socket of a running one; that of one that
# crashed is replaced.
my ($second) = sallyport_run('-c', $proxy->{ini});
is($second, 78, 'a second daemon refuses to start');
is((ctl($socket, 'status'))[0], 0, 'the first one is still there');
$proxy->{any_exit} = 1;
$proxy->signal('KILL');
$proxy->wait_exit(5);
($code, $out, $err) = ctl($socket, 'status');
is($code, 3, 'the daemon was killed');
like($err, qr/no process listens there/, 'says so');
(undef, undef, $err) = ctl(write_file(tmp('file'), ''), 'status');
like($err, qr/is not a socket/, 'nor is a file one');
($code, undef, $err) = ctl('/', 'kick', 'device-001');
is($code, 64, 'a name without its option');
like($err, qr/write --user or --client-id before device-001/, 'says which');
$proxy = sallyport(%config);
is((ctl($socket, 'status'))[0], 0, 'its successor takes the socket over');

# A script that writes the output to a file has to know if it is not whole.
SKIP: {
	skip('no /dev/full', 6) if !-c '/dev/full';
	for ('metrics', 'status', '--json sessions') {
		($code, undef, $err) = Sallyport::Proc::run(20 * slow, 'sh',
			'-c', "\"\$0\" -s '$socket' $_ >/dev/full",
			Sallyport::Admin::program());
		is($code, 1, "$_: what could not be written is an error");
		like($err, qr/could not be written/, 'it says so');
	}
}

# drain
($code, $out) = ctl($socket, 'drain');
is($code, 0, 'drain');
is($proxy->wait_exit(10), 0, 'and it ends');
ok(!-e $socket, 'the socket is gone');
done_testing;
