#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Commands for all replicas of a fleet: who answers, who does not, what is
# merged, and what a hostile Redis server may say.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
BEGIN { $ENV{SALLYPORT_TEST_LIMIT} ||= 120 }
use IO::Socket::IP;
use JSON::PP ();
use POSIX ();
use Sallyport;
use Sallyport::Admin;
use Sallyport::Browser;
use Sallyport::Redis;

my $redis = redis();
my $broker = peer('broker')->listen;

sub replica
{
	my ($name, %over) = @_;
	my $file = write_file(tmp("$name.csv"), "as,who,reason,until\n"
		. "cn,only-$name,,\n");
	chown +(getpwnam 'nobody')[2, 3], $file if $> == 0;
	my $r = sallyport(
		daemon => { admin_socket => tmp("$name.sock"), workers => 1,
			$over{daemon} ? %{ $over{daemon} } : (),
			drain_delay => 0, drain_timeout => '1s' },
		denylist => { file => $file },
		backend => { address => $broker->address },
		fleet => { address => $redis->address, name => $name });

	$r->{socket} = tmp("$name.sock");
	$r->{name} = $name;
	return $r;
}

sub status
{
	return (ctl_json($_[0]{socket}, 'status'))[1]{fleet} // {};
}

sub know
{
	my ($list, @replicas) = @_;

	for my $r (@replicas) {
		wait_until("$r->{name} knows of $list", sub {
			my $s = status($r);
			return $s->{online} && $list eq join ' ',
			    sort @{ $s->{replicas} };
		}, 30);
	}
}

sub session
{
	my ($r, $device) = @_;
	my $c = peer->tls(port => $r->port('tls'), device => $device);
	my $b = $broker->session($c, version => 5, clientid => $device);
	return { c => $c, b => $b };
}

my $http = free_port;
my %r = map { ($_ => replica($_)) } qw(two three);
$r{one} = replica('one', daemon => { http_listen => "127.0.0.1:$http" });
my $at = $r{one}{socket};
know('one three two', values %r);
my @sessions = (session($r{one}, 'ec'), session($r{two}, 'ec'),
	session($r{three}, 'bare'));

# sessions
my ($code, $answer) = ctl_json($at, 'sessions', '--fleet', '--sort', 'user');
is($code, 0, 'sessions');
is($answer->{matched}, 3, 'counts those of all');
is_deeply($answer->{fleet}, { asked => 3, answered => 3,
	complete => JSON::PP::true, missing => [], failed => [],
	error => undef }, 'all have answered');
is(join(' ', map { $_->{replica} } @{ $answer->{sessions} }[0, 1]),
	'one two', 'each row names its replica');
my @users = map { $_->{user} } @{ $answer->{sessions} };
is_deeply(\@users, [ sort @users ], 'sorted across replicas');
(undef, $answer) = ctl_json($at, '--fleet', 'sessions', '--limit', 2);
is(@{ $answer->{sessions} }, 2, 'limited');
is($answer->{matched}, 3, 'but counted');
(undef, $answer) = ctl_json($at, '--fleet', 'sessions', '--user',
	'device-001');
is($answer->{matched}, 2, 'filtered');
(undef, $answer) = ctl_json($at, '--fleet=two,three', 'sessions');
is(join(' ', map { $_->{replica} } @{ $answer->{sessions} }), 'three two',
	'some replicas');
($code, my $text) = ctl($at, '--fleet', 'sessions');
like($text, qr/^REPLICA +SID.*^3 of 3 replicas, 3 sessions$/ms, 'as text');

# What is refused.
for ([ 404, 'no replica "four"', '--fleet=two,four', 'sessions' ],
	[ 404, 'no replica ""', '--fleet=', 'sessions' ],
	[ 400, 'a sid belongs to one', '--fleet', 'kick', '--sid', 1 ],
	[ 400, 'give a filter', '--fleet', 'kick' ],
	[ 400, 'min_age is a time', '--fleet', 'sessions', '--min-age', 'x' ],
	[ 400, 'offset is a number', '--fleet', 'denied', '--offset', 'x' ],
	[ 404, 'there is no \[listener', '--fleet', 'sessions', '--listener',
		'nope' ])
{
	my ($status, $why, @args) = @$_;
	my ($code, undef, $said) = ctl($at, @args);
	is($code, $status == 400 ? 64 : 1, "@args");
	like($said, qr/$why/, 'says why');
}
($code, undef, $text) = ctl($at, '--fleet', 'log', 'info');
is($code, 64, 'log is no command for a fleet');

# denied: the shared list once, and the files of all.
ctl_json($at, 'deny', 'cn', "shared$_") for 1 .. 3;
wait_until('all have it', sub {
	!grep { status($_)->{entries} != 3 } values %r;
});
($code, $answer) = ctl_json($at, '--fleet', 'denied', '--sort', 'who');
is(join(' ', map { "$_->{who}@" . ($_->{replica} // $_->{from}) }
	@{ $answer->{denied} }), 'only-one@one only-three@three only-two@two '
	. 'shared1@fleet shared2@fleet shared3@fleet', 'denied');
is("$answer->{count} $answer->{matched}", '6 6', 'counts');
(undef, $answer) = ctl_json($at, '--fleet', 'denied', '--sort', '-who',
	'--offset', 2, '--limit', 2);
is(join(' ', map { $_->{who} } @{ $answer->{denied} }), 'shared1 only-two',
	'a page');
(undef, $answer) = ctl_json($at, '--fleet', 'denied', '--match', 'only');
is("$answer->{count} $answer->{matched}", '6 3', 'a filter');
ctl_json($at, 'allow', '--match', 'shared');

# status, cert, reload
($code, $answer) = ctl_json($r{two}{socket}, '--fleet', 'status');
is(join(' ', map { "$_->{replica}:$_->{state}" } @{ $answer->{replicas} }),
	'one:serving three:serving two:serving', 'status');
($code, $text) = ctl($at, '--fleet', 'status');
like($text, qr/^REPLICA +STATE.*^one +serving.*^3 of 3 replicas$/ms,
	'as text');
($code, $answer) = ctl_json($at, '--fleet', 'cert');
is(scalar(@{ $answer->{devices} }), 3, 'cert: devices of all');
($code, $text) = ctl($at, '--fleet', 'reload');
is($code, 0, 'reload');
is($text, join('', map { "$_: generation 2 is in force\n" }
	qw(one three two)) . "3 of 3 replicas\n", 'of all');

# A replica whose configuration is wrong refuses, and is named.
my $ini = $r{two}{ini};
my $good = read_file($ini);
write_file($ini, "$good\n[nonsense]\nx = y\n");
($code, $text, my $said) = ctl($at, '--fleet', 'reload');
is($code, 1, 'reload that one refuses');
like($said, qr/^sallyportctl: two: refused.*nonsense/ms, 'says which');
like($text, qr/^one: generation 3 .*^three: generation 3 /ms, 'others do it');
write_file($ini, $good);

# kick
($code, $text) = ctl($at, '--fleet', 'kick', '--user', 'device-001');
is($code, 0, 'kick');
like($text, qr/^3 of 3 replicas, 2 sessions closed$/m, 'on all');
is(hex($sessions[$_]{c}->ended->{bytes}), 'e0029800', "session $_ is gone")
    for 0, 1;
$sessions[2]{c}->send(mqtt_pingreq);
is(hex($sessions[2]{b}->packet), hex(mqtt_pingreq), 'the other one stays');
($code, $text) = ctl($at, '--fleet', 'kick', '--user', 'device-001');
is($code, 1, 'kick that finds nothing');
$r{two}->wait_log(qr/event=admin command=kick from=one user=device-001/);
pass('the others log who asked');

# Before one stands still, because it is forgotten after 15 seconds.
my $browser = has_tool('chromium') && Sallyport::Browser->start(
	dir => tmp('chromium'), slow => slow);

# A replica that is stopped is named; later it does not do what the asker has
# given up.
$r{two}->signal('STOP');
($code, $answer) = ctl_json($at, '--fleet', 'kick', '--all');
is($code, 1, 'kick while one hangs');
is_deeply($answer->{fleet}{missing}, ['two'], 'it is named');
is("$answer->{fleet}{answered} $answer->{matched}", '2 1', 'the others answer');
$sessions[2]{c}->ended;
cmp_ok(status($r{one})->{silent_ms}{two}, '>', 3000,
	'status tells who is silent');
cmp_ok(status($r{one})->{silent_ms}{three}, '<', 3000, 'and who is not');
SKIP: {
	skip('no chromium', 1) unless $browser;
	$browser->open("http://127.0.0.1:$http/?every=0.2");
	my $text;
	eval {
		wait_until('the page shows the replicas', sub {
			$text = $browser->js('document.getElementById('
				. '"process").innerText') // '';
			return $text =~ /one, three, two \(silent for/;
		}, 20);
	};
	like($text, qr/Fleet\s+one, connected to .*\n.*one, three/s,
		'the status page has the replicas');
	$browser->stop;
}
$r{two}->signal('CONT');
know('one three two', $r{two});
my $late = session($r{two}, 'bare');
know('one three two', values %r);
$late->{c}->send(mqtt_pingreq);
is(hex($late->{b}->packet), hex(mqtt_pingreq), 'nothing is done late');
($code, undef, $text) = ctl($at, '--fleet', 'sessions');
is($code, 0, 'it answers again');

# A hostile Redis server: questions and answers that are none.
my $id = 'ab' x 16;
for my $question ('', 'x', "* evil 0000000g\n{}", "* evil 00000001\n",
	"* evil 00000001\n{\"path\":\"/deny\",\"params\":{\"as\":\"cn\"}}",
	"* evil 00000001\n{\"path\":\"/kick\",\"params\":{\"all\":1}}",
	"* evil 00000001\n{\"path\":\"/kick\",\"params\":{\"fleet\":\"*\"}}",
	"* evil 00000001\n{\"path\":\"/log\",\"params\":{\"level\":\"debug\"}}",
	"* evil 00000001\n" . '[' x 5000, '*' x 100000, "\0" x 1000)
{
	$redis->command('SET', "sallyport:ask:$id", $question);
	$redis->command('PUBLISH', 'sallyport:ask', $_) for $id, "$id$id", 'x', '';
}
$redis->command('SET', "sallyport:ask:$id", "* evil 00000001\n"
	. '{"path":"/sessions","params":{}}');
$redis->command('PUBLISH', 'sallyport:ask', $id);
wait_until('a good question is answered', sub {
	my @keys = @{ $redis->command('KEYS', "sallyport:answer:$id:*") };
	return 3 == grep {
		($redis->command('GET', $_) // '') =~ /^200 .*"matched":/
	} @keys;
}, 20);
pass('bad questions are passed over');

# An impostor answers for a replica that does not exist: what it says is
# checked.
my $fake = '0badcafe';
$redis->command('ZADD', 'sallyport:replicas', 99999999999999, "fake $fake");
know('fake one three two', $r{one});
for my $body ('', 'nonsense', '200 {', '999 {}', '200 []', '200 "x"',
	'200 {"matched":-7,"sessions":{"a":1}}',
	'200 {"matched":"many","sessions":[1,[],null,{"sid":"\u001b[2J"}]}',
	'200 {"sessions":' . '[' x 100000)
{
	my $ear = IO::Socket::IP->new(PeerHost => $redis->{host},
		PeerPort => $redis->{port}) or die "redis: $@";
	print $ear "SUBSCRIBE sallyport:ask\r\n";
	$ear->flush;
	1 while readline($ear) !~ /^:1/;
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		alarm 30;
		my $new = '';
		$new = readline $ear while $new !~ s/^(\w{32})\r\n\z/$1/;
		my ($asker) = $redis->command('GET', "sallyport:ask:$new") =~
		    /^\S+ \S+ (\w{8})\n/;
		$redis->command('SET', "sallyport:answer:$new:$fake", $body);
		$redis->command('PUBLISH', "sallyport:to:$asker",
			"$new:$fake");
		POSIX::_exit(0);
	}
	($code, $answer) = ctl_json($at, '--fleet', 'sessions');
	waitpid $pid, 0;
	is($answer->{matched}, 1, 'matched is of the others: '
		. substr $body, 0, 40);
}
$redis->command('ZREM', 'sallyport:replicas', "fake $fake");
know('one three two', $r{one});

# The Redis server cannot be reached: no replica is asked, and nothing is done.
$redis->crash;
wait_until('the loss is noticed', sub { !status($r{one})->{online} }, 20);
($code, undef, $said) = ctl($at, '--fleet', 'kick', '--all');
is($code, 1, 'kick without a Redis server');
like($said, qr/Redis server cannot be reached/, 'says why');
$late->{c}->send(mqtt_pingreq);
is(hex($late->{b}->packet), hex(mqtt_pingreq), 'and kicks no client');
$redis->start or die 'no redis';
know('one three two', values %r);

# drain: some, then all, the asked one last.
($code, $text) = ctl($at, '--fleet=two', 'drain');
is($code, 0, 'drain of one');
$late->{c}->ended;
is($r{two}->wait_exit(20), 0, 'it ends');
know('one three', $r{one}, $r{three});
($code, $text) = ctl($at, '--fleet', 'drain');
is($code, 0, 'drain of all');
like($text, qr/^one: draining.*^three: draining.*^2 of 2 replicas$/ms, 'said');
is($r{$_}->wait_exit(20), 0, "$_ ends") for qw(one three);

my $alone = sallyport(daemon => { admin_socket => tmp('alone.sock') });
($code, undef, $said) = ctl(tmp('alone.sock'), '--fleet', 'status');
is($code, 1, 'without a fleet');
like($said, qr/no fleet here/, 'says so');
done_testing;
