#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# A deny list file that belongs to the fleet: what an edit of it adds and takes
# away is in force on all replicas, and an old file undoes nothing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
BEGIN { $ENV{SALLYPORT_TEST_LIMIT} ||= 120 }
use Sallyport;
use Sallyport::Admin;
use Sallyport::DenyList;
use Sallyport::Redis;

my $redis = redis();
my $broker = peer('broker')->listen;

sub path
{
	return tmp("$_[0].csv");
}

# Replaces a replica's file, as an editor or a program that synchronises does.
sub edit
{
	my ($name, @rows) = @_;
	my $next = tmp("$name.next");

	write_file($next, join '', map { "$_\n" } 'as,who,reason,until', @rows);
	chown +(getpwnam 'nobody')[2, 3], $next if $> == 0;
	rename $next, path($name) or die "rename: $!";
}

sub replica
{
	my ($name) = @_;
	my $r = sallyport(
		daemon => { admin_socket => tmp("$name.sock"), workers => 1,
			watch_interval => '100ms' },
		denylist => { file => path($name), shared => 'on' },
		backend => { address => $broker->address },
		fleet => { address => $redis->address, name => $name,
			copy => tmp("$name.copy") });

	$r->{name} = $name;
	$r->{socket} = tmp("$name.sock");
	return $r;
}

sub status
{
	return (ctl_json($_[0]{socket}, 'status'))[1];
}

sub online
{
	for my $r (@_) {
		wait_until("$r->{name} is online",
			sub { (status($r)->{fleet} // {})->{online} }, 20);
	}
}

# A change by a command, which is known everywhere after what came before it.
sub command
{
	my ($r, @args) = @_;

	is((ctl_json($r->{socket}, @args))[0], 0, "@args");
}

sub session
{
	my ($r, $device) = @_;
	my $c = peer->tls(port => $r->port('tls'), device => $device);

	$c->send(mqtt_connect(version => 5, clientid => $device));
	my $b = $broker->accept;
	$b->packet;
	$b->send(mqtt_connack(properties => ''));
	$c->packet;
	return { c => $c, b => $b };
}

# The rows of the first file are for all; the others have files of their own.
my @names = qw(one two three);
edit('one', 'cn,first,,', 'cn,second,,');
edit('two');
edit('three', 'cn,third,,');
my %r = map { ($_ => replica($_)) } @names;
my @r = @r{@names};
online(@r);
all_have('first second third', 'the rows of all files', @r);
my (undef, $answer) = ctl_json($r{one}{socket}, 'denied');
is(join(' ', map { $_->{from} } @{ $answer->{denied} }), 'fleet fleet fleet',
	'are the fleet\'s');
ok(status($r{one})->{denylist}{shared}, 'status says so');
like((ctl($r{one}{socket}, 'status'))[1],
	qr/^Deny list: the fleet's; edits of /m, 'as text');

# An edit throws out a session on another replica.
my $thief = session($r{two}, 'ec');
edit('one', 'cn,first,,', 'cn,second,,',
	'username,device-001,"stolen, really",2099-01-01T00:00:00Z');
is(hex($thief->{c}->ended->{bytes}), 'e0029800', 'thrown out elsewhere');
$thief->{b}->ended;
all_have('device-001 first second third', 'a row was added', @r);
(undef, $answer) = ctl_json($r{three}{socket}, 'denied', '--match', 'device');
is($answer->{denied}[0]{reason}, 'stolen, really', 'with its reason');
is($answer->{denied}[0]{until}, '2099-01-01T00:00:00Z', 'and its end');

# A row that goes is taken back; a row of another replica's file is not.
edit('one', 'cn,second,,', 'username,device-001,,');
all_have('device-001 second third', 'a row was removed', @r);
(undef, $answer) = ctl_json($r{three}{socket}, 'denied', '--match', 'device');
is($answer->{denied}[0]{until}, undef, 'another was changed');

# What a command has taken back stays so while the row is there, whatever else
# changes; and what a command denies is not taken back by a file.
command($r{three}, 'allow', 'username', 'device-001');
command($r{three}, 'deny', 'cn', 'by-command');
edit('one', 'cn,second,,', 'username,device-001,,', 'cn,more,,');
all_have('by-command more second third', 'only the difference', @r);
command($r{two}, 'deny', 'cn', 'more', '--reason', 'by a command, too');
wait_until('the first replica knows', sub {
	return (ctl_json($r{one}{socket}, 'denied', '--match', 'more'))[1]
	    {denied}[0]{reason} eq 'by a command, too';
}, 20);
edit('one', 'username,device-001,,');
ok($r{one}->wait_log(qr/event=fleet_file .*denied by other means/),
	'a denial by other means is told');
all_have('by-command more third', 'and stays', @r);
command($r{two}, 'allow', 'cn', $_) for qw(more by-command);

# Local changes are not possible.
my ($code, undef, $said) = ctl($r{one}{socket}, 'deny', 'cn', 'x', '--local');
is($code, 1, 'deny --local');
like($said, qr/belongs to the fleet/, 'says why');
like(read_file(path('one')), qr/device-001/, 'allow leaves the file alone');

# A file with an error, that is missing, or that has lost all of its rows.
edit('one', map { "cn,row$_,," } 1 .. 3);
all_have('row1 row2 row3 third', 'before the mistakes', @r);
sub is_refused
{
	my ($what, $why) = @_;

	ok($r{one}->wait_log($why), "$what: logged");
	command($r{two}, 'deny', 'cn', 'fence');
	all_have('fence row1 row2 row3 third', $what, @r);
	command($r{two}, 'allow', 'cn', 'fence');
}
edit('one', 'cn,row1,,', 'nonsense');
is_refused('a bad row', qr/event=reload_refused .*csv:3/);
unlink path('one') or die "unlink: $!";
is_refused('no file', qr/event=reload_refused .*No such file/);
edit('one');
is_refused('no rows', qr/event=reload_refused .*has no rows any more/);
write_file(path('one'), '');
($code, undef, $said) = ctl($r{one}{socket}, 'reload');
is($code, 1, 'reload with an empty file');
like($said, qr/has no rows any more: the 3 clients/, 'says why');
$r{one}->{any_exit} = 1;
$r{one}->stop;
$r{one} = $r[0] = replica('one');
is(denied($r{one}), 'row1 row2 row3 third', 'a start with an empty file');
edit('one', 'cn,row2,,');
all_have('row2 third', 'a file with rows again', @r);
edit('one');
all_have('third', 'the last row may go', @r);

# The Redis server cannot be reached: edits wait.
$redis->crash;
wait_until('the loss is noticed',
	sub { !status($r{one})->{fleet}{online} }, 20);
edit('one', 'cn,waits,,', 'cn,old,,');
all_have('old third waits', 'in force here', $r{one});
$redis->start or die 'no redis';
online(@r);
all_have('old third waits', 'and later everywhere', @r);

# Edits while a replica is stopped; an old file does not undo what was allowed.
$r{one}->stop;
command($r{two}, 'allow', 'cn', 'old');
edit('one', 'cn,waits,,', 'cn,old,,', 'cn,stopped,,');
$r{one} = $r[0] = replica('one');
all_have('stopped third waits', 'an edit while stopped', @r);
edit('one', 'cn,stopped,,', 'cn,old,,');
all_have('stopped third', 'and one afterwards', @r);
$r{one}->stop;
edit('one', 'cn,old,,', 'cn,waits,,', 'cn,stopped,,');
utime 1500000000, 1500000000, path('one');
$r{one} = $r[0] = replica('one');
ok($r{one}->wait_log(qr/event=fleet_file .*taken them back since/),
	'a start with an older file');
online(@r);
all_have('stopped third', 'undoes nothing', @r);
# Without the copy nothing is known of the file.
$r{one}->stop;
unlink tmp('one.copy') or die "unlink: $!";
edit('one', 'cn,old,,', 'cn,waits,,', 'cn,stopped,,', 'cn,never,,');
$r{one} = $r[0] = replica('one');
online(@r);
all_have('never stopped third', 'nor does one without a copy', @r);

# All three files are synchronised: what each of them says is said once.
edit($_, 'cn,same,,', 'cn,never,,') for @names;
all_have('never same', 'the same file everywhere', @r);
edit($_, 'cn,never,,') for @names;
all_have('never', 'a row less everywhere', @r);

# What -t says, and explain.
edit('one', 'cn,never,,', 'username,device-001,,');
my (undef, $text) = sallyport_run('explain', '-c', $r{one}{ini}, '-l', 'tls',
	pki->cert('ec'));
like($text, qr/ refused: identity_denied/, 'explain judges by the file');
for (["[denylist]\nshared = on\n", qr/file: is missing/],
	["[denylist]\nfile = " . path('one') . "\nshared = on\n",
		qr/no fleet to share it with/])
{
	my ($values, $error) = @$_;
	my $ini = read_file($r{one}{ini});

	$ini =~ s/^\[(?:denylist|fleet)\]\n(?:\w.*\n)*//mg;
	write_file(tmp('bad.ini'), "$ini\n$values");
	my ($code, undef, $err) = sallyport_check('-c', tmp('bad.ini'));

	is($code, 78, 'shared alone');
	like($err, $error, 'says what is wrong');
}
done_testing;
